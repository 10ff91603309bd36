package gen

import (
	"slices"

	"github.com/dave/jennifer/jen"
)

// options emits the dictionaries and structs that only the context declares.
func (em *emitter) options(inputs string) {
	for _, dict := range em.pkg.dicts {
		if dict.owner == nil {
			em.dict(em.open("options.go", inputs), dict)
		}
	}
	for _, s := range em.pkg.structs {
		if s.owner == nil {
			em.structure(em.open("options.go", inputs), s)
		}
	}
}

// enums emits the string enumerations.
func (em *emitter) enums(src *source) {
	for _, enum := range em.pkg.enums {
		src.decl(nameDoc(enum.name, "is", "is a string with known values", enum.doc).
			para("The other side may send a value that is not among the constants."),
			jen.Type().Id(enum.name).String())
		var values []jen.Code
		for _, v := range enum.values {
			values = append(values, comments(newDoc(v.doc))...)
			values = append(values, jen.Id(v.name).Id(enum.name).Op("=").Lit(v.wire))
		}
		src.decl(newDoc("Values of ["+enum.name+"]."), jen.Const().Defs(values...))
	}
}

// errors emits the error values.
func (em *emitter) errors(src *source) {
	var values []jen.Code
	for _, e := range em.pkg.errors {
		text := e.name + " is " + e.wire
		if e.doc != "" {
			text += ": " + phrase(e.doc)
		} else {
			text += "."
		}
		values = append(values, comments(newDoc(text))...)
		values = append(values, jen.Id(e.name).Op("=").Qual(busPath, "NewError").Call(jen.Lit(e.wire)))
	}
	src.decl(newDoc("The errors that the methods of this package return. Compare with errors.Is; errors.As finds the message in a [*bus.Error]."),
		jen.Var().Defs(values...))
}

// dict emits the struct for an a{sv} with known keys.
func (em *emitter) dict(src *source, dict *dictPlan) {
	d := nameDoc(dict.name, "is", "is a dictionary with known keys", dict.doc)
	d.para("Fields that are nil, empty or not set are not sent. Unknown keys are skipped when it is received.")
	var fields []jen.Code
	for _, key := range dict.keys {
		fd := newDoc(key.decl.Doc)
		em.keyStatus(fd, dict, key)
		fields = documented(fields, fd, jen.Id(key.field).Add(keyType(key.value)))
	}
	src.decl(d, jen.Type().Id(dict.name).Struct(fields...))
}

func keyType(v *value) *jen.Statement {
	if v.scalar() {
		return jen.Qual(busPath, "Opt").Index(v.goType())
	}
	return v.goType()
}

// keyStatus adds what is said of a key besides its documentation.
func (em *emitter) keyStatus(d *doc, dict *dictPlan, key keyPlan) {
	iface := &Interface{}
	if dict.owner != nil {
		iface = dict.owner.Interface
	}
	notes := key.decl.Annotations
	role := notes.Role
	notes.Role = iface.Role
	switch role {
	case RoleClient:
		d.para("Only applications receive it; leave it alone when calling " + serviceName(iface) + ".")
	case RoleService:
		d.para("Only " + serviceName(iface) + " receives it.")
	}
	d.status(iface, &notes)
}

// structure emits a struct.
func (em *emitter) structure(src *source, s *structPlan) {
	var fields []jen.Code
	for _, f := range s.fields {
		fields = documented(fields, newDoc(f.doc), jen.Id(f.name).Add(f.value.goType()))
	}
	src.decl(nameDoc(s.name, "is", "is the struct "+s.sig, s.doc), jen.Type().Id(s.name).Struct(fields...))
}

// shared emits what the interfaces have in common: Service, Codecs, and the functions that read and write types.
func (em *emitter) shared(inputs string) {
	service := em.pkg.Prefix + "Service"
	if em.pkg.service != "" {
		em.open("codecs.go", inputs).decl(newDoc(service+" is the bus name that the objects of this package are found under."),
			jen.Const().Id(service).Op("=").Lit(em.pkg.service))
	}
	if em.pkg.Roles.client() {
		em.table(em.open("codecs.go", inputs))
	}
	if len(em.codecs) > 0 {
		em.codecFunctions(em.open("codecs.go", inputs))
	}
}

// table emits Codecs.
func (em *emitter) table(src *source) {
	table, none := em.pkg.Prefix+"Codecs", em.pkg.local("noProperties")
	src.decl(newDoc(table+" returns what a [bus.Mirror] needs to keep all interfaces of this package. Programs that need few of them "+
		"are smaller with the codecs of these alone."),
		jen.Func().Id(table).Params().Index().Qual(busPath, "Codec").Block(
			jen.Return(jen.Index().Qual(busPath, "Codec").ValuesFunc(func(g *jen.Group) {
				for _, iface := range em.pkg.ifaces {
					g.Line().Id(iface.base + "Codec").Call()
				}
				g.Line()
			})),
		))
	if slices.ContainsFunc(em.pkg.ifaces, func(i *ifacePlan) bool { return len(i.readable()) == 0 }) {
		src.decl(newDoc(none+" is the record of an interface without properties."), jen.Type().Id(none).Struct())
		decoder := jen.Id("d").Op("*").Qual(wirePath, "Decoder")
		src.decl(newDoc("Load skips the a{sv} at d."),
			jen.Func().Params(jen.Id(none)).Id("Load").Params(decoder).Block(
				jen.Id("d").Dot("Skip").Call(jen.Lit("a{sv}"))))
		src.decl(newDoc("Apply skips the change at d."),
			jen.Func().Params(jen.Id(none)).Id("Apply").Params(decoder).Block(
				jen.Id("d").Dot("Skip").Call(jen.Lit("a{sv}as"))))
	}
}
