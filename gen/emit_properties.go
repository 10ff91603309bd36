package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"
)

// properties emits the types that hold properties: the struct, the update, the enumeration and the set.
func (em *emitter) properties(src *source, iface *ifacePlan) {
	em.propertyStruct(src, iface)
	if em.pkg.Roles.client() {
		em.propertyUpdate(src, iface)
	}
	em.propertyEnum(src, iface)
	em.propertySet(src, iface)
}

// propertyHelpers emits what reads, moves and writes properties, which users never call.
func (em *emitter) propertyHelpers(src *source, iface *ifacePlan) {
	em.propertyOf(src, iface)
	if em.pkg.Roles.client() {
		em.propertyDecoder(src, iface)
	}
	em.propertyTake(src, iface)
	if em.pkg.Roles.server() {
		em.propertyEncoder(src, iface)
	}
}

func (em *emitter) propertyEnum(src *source, iface *ifacePlan) {
	props := iface.readable()
	typ := iface.base + "Property"
	src.decl(newDoc(typ+" is a property of "+iface.Name+"."), jen.Type().Id(typ).Int())

	src.decl(newDoc("The properties of "+iface.Name+". The fields of ["+iface.base+"Properties] say what they mean."),
		jen.Const().DefsFunc(func(g *jen.Group) {
			for i, p := range props {
				if i == 0 {
					g.Id(p.constName).Id(typ).Op("=").Iota()
				} else {
					g.Id(p.constName)
				}
			}
		}))

	src.decl(newDoc("String returns the D-Bus name of the property."),
		jen.Func().Params(jen.Id("p").Id(typ)).Id("String").Params().String().Block(
			jen.Switch(jen.Id("p")).BlockFunc(func(g *jen.Group) {
				for _, p := range props {
					g.Case(jen.Id(p.constName)).Block(jen.Return(jen.Lit(p.Name)))
				}
				g.Default().Block(jen.Return(jen.Qual("fmt", "Sprintf").Call(jen.Lit(typ+"(%d)"), jen.Int().Call(jen.Id("p")))))
			}),
		))
}

// propertyOf emits what finds a property by its D-Bus name.
func (em *emitter) propertyOf(src *source, iface *ifacePlan) {
	src.decl(newDoc(propertyOf(iface)+" returns the property that has a D-Bus name."),
		jen.Func().Id(propertyOf(iface)).Params(jen.Id("name").Index().Byte()).Params(jen.Id("p").Id(iface.base+"Property"), jen.Id("ok").Bool()).Block(
			jen.Switch(jen.String().Call(jen.Id("name"))).BlockFunc(func(g *jen.Group) {
				for _, p := range iface.readable() {
					g.Case(jen.Lit(p.Name)).Block(jen.Return(jen.Id(p.constName), jen.True()))
				}
				g.Default().Block(jen.Return(jen.Lit(0), jen.False()))
			}),
		))
}

// propertyOf is the name of the function that finds a property by its D-Bus name.
func propertyOf(iface *ifacePlan) string { return lowerName(iface.base) + "PropertyOf" }

// propertySet emits the bit set.
func (em *emitter) propertySet(src *source, iface *ifacePlan) {
	set, typ := iface.base+"Set", iface.base+"Property"
	n := len(iface.readable())
	recv := jen.Params(jen.Id("s").Id(set))
	ptr := jen.Params(jen.Id("s").Op("*").Id(set))
	word := func() *jen.Statement { return jen.Id("s").Index(jen.Id("p").Op("/").Lit(64)) }
	bit := func() *jen.Statement { return jen.Lit(1).Op("<<").Params(jen.Id("p").Op("%").Lit(64)) }
	variadic := jen.Id("props").Op("...").Id(typ)

	src.decl(newDoc(set+" is a set of properties of "+iface.Name+". The zero value is empty, and sets can be compared with ==."),
		jen.Type().Id(set).Index(jen.Lit((n+63)/64)).Uint64())

	src.decl(newDoc(set+"Of returns the set of the properties."),
		jen.Func().Id(set+"Of").Params(variadic).Params(jen.Id("s").Id(set)).Block(
			jen.Id("s").Dot("Add").Call(jen.Id("props").Op("...")),
			jen.Return(jen.Id("s")),
		))
	src.decl(newDoc("Has reports whether the property is in the set."),
		jen.Func().Add(recv).Id("Has").Params(jen.Id("p").Id(typ)).Bool().Block(
			jen.Return(word().Op("&").Params(bit()).Op("!=").Lit(0))))
	src.decl(newDoc("Add puts properties into the set."),
		jen.Func().Add(ptr).Id("Add").Params(variadic).Block(
			jen.For(jen.List(jen.Id("_"), jen.Id("p")).Op(":=").Range().Id("props")).Block(word().Op("|=").Add(bit()))))
	src.decl(newDoc("Remove takes properties out of the set."),
		jen.Func().Add(ptr).Id("Remove").Params(variadic).Block(
			jen.For(jen.List(jen.Id("_"), jen.Id("p")).Op(":=").Range().Id("props")).Block(word().Op("&^=").Add(bit()))))
	src.decl(newDoc("Empty reports whether the set has no property."),
		jen.Func().Add(recv).Id("Empty").Params().Bool().Block(
			jen.Return(jen.Id("s").Op("==").Id(set).Values())))
	src.decl(newDoc("Intersects reports whether the sets have a property in common."),
		jen.Func().Add(recv).Id("Intersects").Params(jen.Id("t").Id(set)).Bool().Block(
			jen.For(jen.Id("i").Op(":=").Range().Id("s")).Block(
				jen.If(jen.Id("s").Index(jen.Id("i")).Op("&").Id("t").Index(jen.Id("i")).Op("!=").Lit(0)).Block(jen.Return(jen.True()))),
			jen.Return(jen.False())))
	src.decl(newDoc("All iterates over the properties of the set."),
		jen.Func().Add(recv).Id("All").Params().Qual("iter", "Seq").Index(jen.Id(typ)).Block(
			jen.Return(jen.Func().Params(jen.Id("yield").Func().Params(jen.Id(typ)).Bool()).Block(
				jen.For(jen.Id("p").Op(":=").Range().Id(typ).Call(jen.Lit(n))).Block(
					jen.If(jen.Id("s").Dot("Has").Call(jen.Id("p")).Op("&&").Op("!").Id("yield").Call(jen.Id("p"))).Block(jen.Return()),
				),
			)),
		))
}

// propertyStruct emits the struct of the values.
func (em *emitter) propertyStruct(src *source, iface *ifacePlan) {
	typ, set := iface.base+"Properties", iface.base+"Set"
	props := iface.readable()

	fields := []jen.Code{jen.Id(set)}
	for _, p := range props {
		d := newDoc(p.Doc)
		d.status(iface.Interface, &p.Annotations)
		fields = documented(fields, d, jen.Id(p.goName).Add(p.value.goType()))
	}
	src.decl(newDoc(typ+" are properties of "+iface.Name+". The set says which of them are there; the fields of others are zero. "+
		"Properties that are optional are not on every object. Maps and slices may be shared with other copies and must not be changed."),
		jen.Type().Id(typ).Struct(fields...))

}

// propertyReceiver is that of the methods of the struct of the values.
func propertyReceiver(iface *ifacePlan) *jen.Statement {
	return jen.Params(jen.Id("p").Op("*").Id(iface.base + "Properties"))
}

// propertyDecoder emits how properties are read.
func (em *emitter) propertyDecoder(src *source, iface *ifacePlan) {
	set, props := iface.base+"Set", iface.readable()
	src.decl(newDoc("decode reads an a{sv} into p and returns the properties that it held. Unknown ones, and those of another type, are skipped."),
		jen.Func().Add(propertyReceiver(iface)).Id("decode").Params(jen.Id("d").Op("*").Qual(wirePath, "Decoder")).Params(jen.Id("set").Id(set)).Block(
			jen.For(jen.Id("end").Op(":=").Id("d").Dot("Array").Call(jen.Lit(8)), jen.Id("d").Dot("More").Call(jen.Id("end")), jen.Empty()).Block(
				jen.Id("d").Dot("Struct").Call(),
				jen.Switch(jen.String().Call(jen.Id("d").Dot("StringView").Call())).BlockFunc(func(g *jen.Group) {
					for _, p := range props {
						what := iface.Name + "." + p.Name
						g.Case(jen.Lit(p.Name)).Block(
							jen.If(jen.Id("d").Dot("VariantOf").Call(jen.Lit(p.value.sig), jen.Lit(what))).Block(
								jen.Id("p").Dot(p.goName).Op("=").Add(em.decode(p.value, what)),
								jen.Id("set").Dot("Add").Call(jen.Id(p.constName)),
							),
						)
					}
					g.Default().Block(jen.Id("d").Dot("SkipVariant").Call())
				}),
			),
			jen.For(jen.Id("i").Op(":=").Range().Id("set")).Block(
				jen.Id("p").Dot(set).Index(jen.Id("i")).Op("|=").Id("set").Index(jen.Id("i")),
			),
			jen.Return(jen.Id("set")),
		))

}

// propertyTake emits how one property is taken over or away.
func (em *emitter) propertyTake(src *source, iface *ifacePlan) {
	typ, prop, props := iface.base+"Properties", iface.base+"Property", iface.readable()
	src.decl(newDoc("take gives one property the value that it has in from, which may be none."),
		jen.Func().Add(propertyReceiver(iface)).Id("take").Params(jen.Id("which").Id(prop), jen.Id("from").Op("*").Id(typ)).Block(
			jen.Switch(jen.Id("which")).BlockFunc(func(g *jen.Group) {
				for _, p := range props {
					g.Case(jen.Id(p.constName)).Block(jen.Id("p").Dot(p.goName).Op("=").Id("from").Dot(p.goName))
				}
			}),
			jen.If(jen.Id("from").Dot("Has").Call(jen.Id("which"))).Block(
				jen.Id("p").Dot("Add").Call(jen.Id("which")),
			).Else().Block(
				jen.Id("p").Dot("Remove").Call(jen.Id("which")),
			),
		))

}

// propertyEncoder emits how properties are written.
func (em *emitter) propertyEncoder(src *source, iface *ifacePlan) {
	set, prop, props := iface.base+"Set", iface.base+"Property", iface.readable()
	src.decl(newDoc("encode writes the value of one property as a variant."),
		jen.Func().Add(propertyReceiver(iface)).Id("encode").Params(jen.Id("e").Op("*").Qual(wirePath, "Encoder"), jen.Id("which").Id(prop)).Block(
			jen.Switch(jen.Id("which")).BlockFunc(func(g *jen.Group) {
				for _, p := range props {
					code := []jen.Code{jen.Id("e").Dot("VariantOf").Call(jen.Lit(p.value.sig))}
					g.Case(jen.Id(p.constName)).Block(append(code, em.encode(p.value, jen.Id("p").Dot(p.goName))...)...)
				}
			}),
		))

	src.decl(newDoc("encodeEntries writes the properties of a set as the entries of an a{sv}."),
		jen.Func().Add(propertyReceiver(iface)).Id("encodeEntries").Params(jen.Id("e").Op("*").Qual(wirePath, "Encoder"), jen.Id("set").Id(set)).Block(
			jen.For(jen.Id("which").Op(":=").Range().Id("set").Dot("All").Call()).Block(
				jen.Id("e").Dot("Struct").Call(),
				jen.Id("e").Dot("String").Call(jen.Id("which").Dot("String").Call()),
				jen.Id("p").Dot("encode").Call(jen.Id("e"), jen.Id("which")),
			),
		))
}

// propertyUpdate emits the mirror's record.
func (em *emitter) propertyUpdate(src *source, iface *ifacePlan) {
	typ, set := iface.base+"Update", iface.base+"Set"
	src.decl(newDoc(fmt.Sprintf("%s are properties of %s together with what changed last. It implements [bus.Record].", typ, iface.Name)),
		jen.Type().Id(typ).Struct(documented(
			[]jen.Code{jen.Id(iface.base + "Properties")},
			newDoc("Changed are the properties that the last change gave a value, equal to the former one or not. Invalidated are those that it took away."),
			jen.List(jen.Id("Changed"), jen.Id("Invalidated")).Id(set),
		)...))
	src.decl(nil, jen.Var().Id("_").Qual(busPath, "Record").Op("=").Params(jen.Op("*").Id(typ)).Params(jen.Nil()))

	recv := jen.Params(jen.Id("u").Op("*").Id(typ))
	decoder := jen.Id("d").Op("*").Qual(wirePath, "Decoder")
	src.decl(newDoc("Load replaces all properties by those of the a{sv} at d. Changed is then what there is."),
		jen.Func().Add(recv).Id("Load").Params(decoder).Block(
			jen.Op("*").Id("u").Op("=").Id(typ).Values(),
			jen.Id("u").Dot("Changed").Op("=").Id("u").Dot("decode").Call(jen.Id("d")),
		))
	src.decl(newDoc("Apply merges the change at d, which is an a{sv} of new values and an as of the names of properties that have none any more."),
		jen.Func().Add(recv).Id("Apply").Params(decoder).Block(
			jen.List(jen.Id("u").Dot("Changed"), jen.Id("u").Dot("Invalidated")).Op("=").
				List(jen.Id("u").Dot("decode").Call(jen.Id("d")), jen.Id(set).Values()),
			jen.Var().Id("none").Id(iface.base+"Properties"),
			jen.For(jen.Id("end").Op(":=").Id("d").Dot("Array").Call(jen.Lit(4)), jen.Id("d").Dot("More").Call(jen.Id("end")), jen.Empty()).Block(
				jen.If(jen.List(jen.Id("p"), jen.Id("ok")).Op(":=").Id(propertyOf(iface)).Call(jen.Id("d").Dot("StringView").Call()), jen.Id("ok")).Block(
					jen.Id("u").Dot("take").Call(jen.Id("p"), jen.Op("&").Id("none")),
					jen.Id("u").Dot("Invalidated").Dot("Add").Call(jen.Id("p")),
				),
			),
		))
}
