package gen

import (
	"maps"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"
)

// codecFunctions emits the functions that read and write types of more than one value, of which em.codecs has those called
// so far. Their bodies call others.
func (em *emitter) codecFunctions(src *source) {
	bodies := make(map[string]*jen.Statement)
	for len(bodies) < len(em.codecs) {
		for name, v := range maps.Clone(em.codecs) {
			if bodies[name] == nil {
				bodies[name] = em.codecFunction(name, v)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		src.decl(nil, bodies[name])
	}
}

func (em *emitter) codecFunction(name string, v *value) *jen.Statement {
	if strings.HasPrefix(name, "encode") {
		return jen.Func().Id(name).Params(jen.Id("e").Op("*").Qual(wirePath, "Encoder"), jen.Id("v").Add(v.goType())).
			Block(em.encodeBody(v)...)
	}
	params := []jen.Code{jen.Id("d").Op("*").Qual(wirePath, "Decoder")}
	if v.mismatches() {
		params = append(params, jen.Id("what").String())
	}
	return jen.Func().Id(name).Params(params...).Params(jen.Id("v").Add(v.goType())).Block(em.decodeBody(v)...)
}

func (em *emitter) decodeBody(v *value) []jen.Code {
	target := jen.Id("v")
	switch v.kind {
	case kindTyped:
		return []jen.Code{
			jen.If(jen.Id("d").Dot("VariantOf").Call(jen.Lit(v.elem.sig), jen.Id("what"))).Block(
				jen.Id("v").Op("=").Add(em.decodeElem(v.elem)),
			),
			jen.Return(target),
		}
	case kindEnum:
		// Known strings are constants: reading them costs no memory.
		return []jen.Code{
			jen.Id("s").Op(":=").Id("d").Dot("StringView").Call(),
			jen.Switch(v.goType().Call(jen.Id("s"))).BlockFunc(func(g *jen.Group) {
				for _, value := range v.enum.values {
					constant := jen.Qual(v.enum.home.Path, value.name)
					g.Case(constant).Block(jen.Return(constant))
				}
				g.Default().Block(jen.Return(v.goType().Call(jen.Id("s"))))
			}),
		}
	case kindSlice:
		body := []jen.Code{jen.Id("v").Op("=").Append(jen.Id("v"), em.decodeElem(v.elem))}
		if v.elem.kind == kindTyped {
			body = em.decodeTyped(v.elem, jen.Id("v").Op("=").Append(jen.Id("v"), em.decodeElem(v.elem.elem)))
		}
		return []jen.Code{
			jen.Id("v").Op("=").Add(v.goType()).Values(),
			forEach(v.elem.align(), body...),
			jen.Return(target),
		}
	case kindMap:
		at := func() *jen.Statement { return jen.Id("v").Index(jen.Id("key")) }
		body := []jen.Code{jen.Id("d").Dot("Struct").Call(), jen.Id("key").Op(":=").Add(em.decode(v.key, ""))}
		if v.elem.kind == kindTyped {
			body = append(body, em.decodeTyped(v.elem, at().Op("=").Add(em.decodeElem(v.elem.elem)))...)
		} else {
			body = append(body, at().Op("=").Add(em.decodeElem(v.elem)))
		}
		return []jen.Code{
			jen.Id("v").Op("=").Make(v.goType()),
			forEach(8, body...),
			jen.Return(target),
		}
	case kindStruct:
		body := []jen.Code{jen.Id("d").Dot("Struct").Call()}
		for _, f := range v.structure.fields {
			body = append(body, jen.Id("v").Dot(f.name).Op("=").Add(em.decode(f.value, v.structure.name+"."+f.name)))
		}
		return append(body, jen.Return(target))
	default:
		return em.decodeDict(v.dict)
	}
}

// decodeElem is decode inside a codec function, where what to call a mismatch is a parameter.
func (em *emitter) decodeElem(v *value) *jen.Statement {
	if !v.mismatches() {
		return em.decode(v, "")
	}
	return jen.Id(em.codec("decode", v)).Call(jen.Id("d"), jen.Id("what"))
}

// decodeTyped runs store if the variant at d holds what it should, and else leaves the element out.
func (em *emitter) decodeTyped(v *value, store jen.Code) []jen.Code {
	return []jen.Code{jen.If(jen.Id("d").Dot("VariantOf").Call(jen.Lit(v.elem.sig), jen.Id("what"))).Block(store)}
}

func (em *emitter) decodeDict(dict *dictPlan) []jen.Code {
	loop := forEach(8,
		jen.Id("d").Dot("Struct").Call(),
		jen.Switch(jen.String().Call(jen.Id("d").Dot("StringView").Call())).BlockFunc(func(g *jen.Group) {
			for _, key := range dict.keys {
				what := dict.name + "." + key.decl.Name
				read := em.decode(key.value, what)
				if key.value.scalar() {
					read = jen.Qual(busPath, "Some").Call(read)
				}
				g.Case(jen.Lit(key.decl.Name)).Block(
					jen.If(jen.Id("d").Dot("VariantOf").Call(jen.Lit(key.value.sig), jen.Lit(what))).Block(
						jen.Id("v").Dot(key.field).Op("=").Add(read),
					),
				)
			}
			g.Default().Block(jen.Id("d").Dot("SkipVariant").Call())
		}),
	)
	return []jen.Code{loop, jen.Return(jen.Id("v"))}
}

func forEach(align int, body ...jen.Code) jen.Code {
	return jen.For(jen.Id("end").Op(":=").Id("d").Dot("Array").Call(jen.Lit(align)), jen.Id("d").Dot("More").Call(jen.Id("end")), jen.Empty()).Block(body...)
}

func (em *emitter) encodeBody(v *value) []jen.Code {
	array := func(align int, over, elem string, body ...jen.Code) []jen.Code {
		return []jen.Code{
			jen.Id("array").Op(":=").Id("e").Dot("Array").Call(jen.Lit(align)),
			jen.For(jen.List(jen.Id(over), jen.Id(elem)).Op(":=").Range().Id("v")).Block(body...),
			jen.Id("e").Dot("EndArray").Call(jen.Id("array")),
		}
	}
	switch v.kind {
	case kindSlice:
		return array(v.elem.align(), "_", "elem", em.encode(v.elem, jen.Id("elem"))...)
	case kindMap:
		body := append([]jen.Code{jen.Id("e").Dot("Struct").Call()}, em.encode(v.key, jen.Id("key"))...)
		return array(8, "key", "elem", append(body, em.encode(v.elem, jen.Id("elem"))...)...)
	case kindStruct:
		body := []jen.Code{jen.Id("e").Dot("Struct").Call()}
		for _, f := range v.structure.fields {
			body = append(body, em.encode(f.value, jen.Id("v").Dot(f.name))...)
		}
		return body
	default:
		return em.encodeDict(v.dict)
	}
}

func (em *emitter) encodeDict(dict *dictPlan) []jen.Code {
	body := []jen.Code{jen.Id("array").Op(":=").Id("e").Dot("Array").Call(jen.Lit(8))}
	for _, key := range dict.keys {
		field := jen.Id("v").Dot(key.field)
		entry := func(x jen.Code) []jen.Code {
			return append([]jen.Code{
				jen.Id("e").Dot("Struct").Call(),
				jen.Id("e").Dot("String").Call(jen.Lit(key.decl.Name)),
				jen.Id("e").Dot("VariantOf").Call(jen.Lit(key.value.sig)),
			}, em.encode(key.value, x)...)
		}
		if key.value.scalar() {
			body = append(body, jen.If(jen.List(jen.Id("x"), jen.Id("ok")).Op(":=").Add(field).Dot("Get").Call(), jen.Id("ok")).
				Block(entry(jen.Id("x"))...))
		} else {
			body = append(body, jen.If(given(key.value, field)).Block(entry(field)...))
		}
	}
	return append(body, jen.Id("e").Dot("EndArray").Call(jen.Id("array")))
}

// given is the condition that a value which is not a scalar is there.
func given(v *value, x *jen.Statement) *jen.Statement {
	if v.kind == kindTyped {
		return given(v.elem, x)
	}
	switch {
	case v.kind == kindEnum, v.kind == kindBasic && (v.sig == "s" || v.sig == "o"):
		return x.Clone().Op("!=").Lit("")
	case v.kind == kindBasic && v.sig == "g":
		return x.Clone().Dot("String").Call().Op("!=").Lit("")
	case v.kind == kindVariant:
		return x.Clone().Dot("Value").Call().Op("!=").Nil()
	default:
		return x.Clone().Op("!=").Nil()
	}
}
