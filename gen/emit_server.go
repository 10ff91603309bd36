package gen

import (
	"strings"

	"github.com/dave/jennifer/jen"
)

// server emits the interface that a served object implements, and its default.
func (em *emitter) server(src *source, iface *ifacePlan) {
	if !iface.served() {
		return
	}
	server, unimplemented := iface.base+"Server", "Unimplemented"+iface.base+"Server"
	var methods []jen.Code
	for _, m := range iface.methods {
		d := nameDoc(m.goName, "", "serves "+iface.Name+"."+m.Name, m.Doc)
		for _, a := range m.out {
			if strings.Contains(a.value.sig, "h") {
				d.para("The result " + a.local + " is closed once it was sent.")
			}
		}
		if !em.pkg.Roles.client() {
			em.methodDoc(d, iface, m)
		}
		methods = documented(methods, d, jen.Id(m.goName).Params(params(m.in)...).Params(results(m.out)...))
	}
	for _, p := range iface.writable() {
		d := nameDoc("Set"+p.goName, "sets", "sets the property "+p.Name, p.Doc)
		if !em.pkg.Roles.client() {
			d.list("Errors:", em.errorDocs(p.Errors))
		}
		methods = documented(methods, d, jen.Id("Set"+p.goName).
			Params(jen.Id("ctx").Qual("context", "Context"), jen.Id("value").Add(p.value.goType())).Error())
	}
	d := newDoc(server + " is what an object with the interface " + iface.Name + " does when it is called. " + em.serverErrors(iface) +
		"; an error that is no [*bus.Error] reaches the caller as its text. The ctx of a call ends when its caller leaves the bus.")
	if !em.pkg.Roles.client() {
		d.para(iface.Doc).para(em.originOf(iface)).status(iface.Interface, &iface.Annotations)
	}
	if len(iface.writable()) > 0 {
		d.para("A Set method decides about a new value: what it accepts is served once it is given to Update of the skeleton.")
	}
	d.para("Embed [" + unimplemented + "] to be open to methods that are added.")
	src.decl(d, jen.Type().Id(server).Interface(methods...))

	answers := unimplemented + " answers all calls with bus.ErrUnknownMethod"
	switch {
	case len(iface.writable()) == 0:
	case len(iface.methods) == 0:
		answers = unimplemented + " answers all new values with bus.ErrPropertyReadOnly"
	default:
		answers += ", and all new values with bus.ErrPropertyReadOnly"
	}
	src.decl(newDoc(answers+"."),
		jen.Type().Id(unimplemented).Struct())
	src.decl(nil, jen.Var().Id("_").Id(server).Op("=").Id(unimplemented).Values())
	for _, m := range iface.methods {
		var ins []jen.Code
		ins = append(ins, jen.Qual("context", "Context"))
		for _, a := range m.in {
			ins = append(ins, a.value.goType())
		}
		src.decl(newDoc(m.goName+" returns bus.ErrUnknownMethod."),
			jen.Func().Params(jen.Id(unimplemented)).Id(m.goName).Params(ins...).Params(results(m.out)...).Block(
				jen.Return(append(locals(m.out), jen.Qual(busPath, "ErrUnknownMethod"))...)))
	}
	for _, p := range iface.writable() {
		src.decl(newDoc("Set"+p.goName+" returns bus.ErrPropertyReadOnly."),
			jen.Func().Params(jen.Id(unimplemented)).Id("Set"+p.goName).Params(jen.Qual("context", "Context"), p.value.goType()).Error().Block(
				jen.Return(jen.Qual(busPath, "ErrPropertyReadOnly"))))
	}
}

// serverErrors says where to find which errors to return.
func (em *emitter) serverErrors(iface *ifacePlan) string {
	if em.pkg.Roles.client() {
		return "The methods of [" + iface.base + "] say more, also which errors to return"
	}
	return "Its methods return the errors that they list"
}

// skeleton emits what serves the interface.
func (em *emitter) skeleton(src *source, iface *ifacePlan) {
	typ := iface.base + "Skeleton"
	hasProps := len(iface.readable()) > 0
	var fields, params, values []jen.Code
	fields = append(fields, jen.Id("served").Qual(busPath, "ServedInterface"))
	if iface.served() {
		fields = append(fields, jen.Id("server").Id(iface.base+"Server"))
		params = append(params, jen.Id("server").Id(iface.base+"Server"))
		values = append(values, jen.Id("server").Op(":").Id("server"))
	}
	if hasProps || len(iface.signals) > 0 {
		fields = append(fields, jen.Id("emitter").Qual(busPath, "Emitter"))
	}
	if hasProps {
		fields = append(fields, jen.Line(), jen.Id("mu").Qual("sync", "Mutex"), jen.Id("props").Id(iface.base+"Properties").Comment("guarded by mu"))
		params = append(params, jen.Id("props").Id(iface.base+"Properties"))
		values = append(values, jen.Id("props").Op(":").Id("props"))
	}
	d := newDoc(typ + " serves the interface " + iface.Name + " on an object; give it to Export of a [bus.Conn]. It is safe for concurrent use.")
	if !em.pkg.Roles.client() && !iface.served() {
		d.para(iface.Doc).para(em.originOf(iface)).status(iface.Interface, &iface.Annotations)
	}
	src.decl(d, jen.Type().Id(typ).Struct(fields...))
	src.decl(nil, jen.Var().Id("_").Qual(busPath, "Skeleton").Op("=").Params(jen.Op("*").Id(typ)).Params(jen.Nil()))

	about := "New" + typ + " returns a skeleton"
	switch {
	case iface.served() && hasProps:
		about += " whose calls server answers and that has the properties props at first."
	case iface.served():
		about += " whose calls server answers."
	case hasProps:
		about += " that has the properties props at first."
	default:
		about += "."
	}
	em.newSkeleton(src, iface, about, params, values)
	src.decl(newDoc("Serve implements [bus.Skeleton]."),
		jen.Func().Params(jen.Id("s").Op("*").Id(typ)).Id("Serve").Params().Op("*").Qual(busPath, "ServedInterface").Block(
			jen.Return(jen.Op("&").Id("s").Dot("served"))))
	if hasProps {
		em.servedState(src, iface)
	}
	for _, s := range iface.signals {
		em.emitSignal(src, iface, s)
	}
}

// xml emits the introspection of the interface.
func (em *emitter) xml(src *source, iface *ifacePlan) {
	src.tail += "\n// " + xmlConst(iface) + " is what introspection says of the interface.\nconst " + xmlConst(iface) + " = `" + introspection(iface.Interface) + "`\n"
}

func xmlConst(iface *ifacePlan) string { return lowerName(iface.base) + "XML" }

func servedProperties(iface *ifacePlan) string { return lowerName(iface.base) + "Served" }

func (em *emitter) newSkeleton(src *source, iface *ifacePlan, about string, params, values []jen.Code) {
	typ := iface.base + "Skeleton"
	served := []jen.Code{
		jen.Line().Id("Name").Op(":").Id(iface.base + "Interface"),
		jen.Line().Id("XML").Op(":").Id(xmlConst(iface)),
	}
	if len(iface.methods) > 0 {
		var methods []jen.Code
		for _, m := range iface.methods {
			methods = append(methods, jen.Line().Values(
				jen.Line().Id("Method").Op(":").Add(busMethod(iface, m)),
				jen.Line().Id("Serve").Op(":").Add(em.serve(iface, m)),
				jen.Line(),
			))
		}
		methods = append(methods, jen.Line())
		served = append(served, jen.Line().Id("Methods").Op(":").Index().Qual(busPath, "ServedMethod").Values(methods...))
	}
	if len(iface.props) > 0 {
		served = append(served, jen.Line().Id("Properties").Op(":").Params(jen.Op("*").Id(servedProperties(iface))).Params(jen.Id("s")))
	}
	if len(iface.readable()) > 0 || len(iface.signals) > 0 {
		served = append(served, jen.Line().Id("Emitter").Op(":").Op("&").Id("s").Dot("emitter"))
	}
	served = append(served, jen.Line())
	src.decl(newDoc(about),
		jen.Func().Id("New"+typ).Params(params...).Op("*").Id(typ).Block(
			jen.Id("s").Op(":=").Op("&").Id(typ).Values(values...),
			jen.Id("s").Dot("served").Op("=").Qual(busPath, "ServedInterface").Values(served...),
			jen.Return(jen.Id("s")),
		))
}

// serve returns the function that serves a call: arguments read, server called, results written.
func (em *emitter) serve(iface *ifacePlan, m *methodPlan) jen.Code {
	var body []jen.Code
	call := []jen.Code{jen.Id("ctx")}
	for _, a := range m.in {
		body = append(body, jen.Id(a.local).Op(":=").Add(em.decode(a.value, iface.Name+"."+m.Name+"."+a.local)))
		call = append(call, jen.Id(a.local))
	}
	if len(m.in) > 0 {
		body = append(body, jen.If(jen.Err().Op(":=").Id("d").Dot("Err").Call(), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())))
	}
	invoke := jen.Id("s").Dot("server").Dot(m.goName).Call(call...)
	if len(m.out) == 0 {
		body = append(body, jen.Return(jen.Nil(), invoke))
	} else {
		body = append(body,
			jen.List(append(locals(m.out), jen.Err())...).Op(":=").Add(invoke),
			jen.Return(em.encoder(m.out), jen.Err()),
		)
	}
	decoder := "d"
	if len(m.in) == 0 {
		decoder = "_"
	}
	return jen.Func().Params(jen.Id("ctx").Qual("context", "Context"), jen.Id(decoder).Op("*").Qual(wirePath, "Decoder")).
		Params(jen.Func().Params(jen.Op("*").Qual(wirePath, "Encoder")), jen.Error()).Block(body...)
}

// servedState emits what reads and changes the served properties.
func (em *emitter) servedState(src *source, iface *ifacePlan) {
	recv := jen.Params(jen.Id("s").Op("*").Id(iface.base + "Skeleton"))
	props := iface.base + "Properties"
	lock := []jen.Code{jen.Id("s").Dot("mu").Dot("Lock").Call(), jen.Defer().Id("s").Dot("mu").Dot("Unlock").Call()}
	src.decl(newDoc("Properties returns what is served now."),
		jen.Func().Add(recv).Id("Properties").Params().Id(props).Block(append(lock, jen.Return(jen.Id("s").Dot("props")))...))

	src.decl(newDoc("Update serves the properties that are in props' set from now on, and announces them in one PropertiesChanged signal. "+
		"Others stay as they are. Before the skeleton is exported it announces nothing."),
		jen.Func().Add(recv).Id("Update").Params(jen.Id("props").Id(props)).Error().Block(
			jen.Return(jen.Id("s").Dot("emitter").Dot("PropertiesChanged").Call(
				jen.Func().Params(jen.Id("e").Op("*").Qual(wirePath, "Encoder")).Block(append(append([]jen.Code{}, lock...), em.updateBody(iface)...)...),
			))))

	src.decl(newDoc("Invalidate takes properties away, and announces that in one PropertiesChanged signal."),
		jen.Func().Add(recv).Id("Invalidate").Params(jen.Id("props").Op("...").Id(iface.base+"Property")).Error().Block(
			jen.Return(jen.Id("s").Dot("emitter").Dot("PropertiesChanged").Call(
				jen.Func().Params(jen.Id("e").Op("*").Qual(wirePath, "Encoder")).Block(append(append([]jen.Code{}, lock...),
					jen.Id("e").Dot("EndArray").Call(jen.Id("e").Dot("Array").Call(jen.Lit(8))),
					jen.Id("invalidated").Op(":=").Id("e").Dot("Array").Call(jen.Lit(4)),
					jen.For(jen.List(jen.Id("_"), jen.Id("p")).Op(":=").Range().Id("props")).Block(
						jen.Id("s").Dot("props").Dot("take").Call(jen.Id("p"), jen.Op("&").Id(props).Values()),
						jen.Id("e").Dot("String").Call(jen.Id("p").Dot("String").Call()),
					),
					jen.Id("e").Dot("EndArray").Call(jen.Id("invalidated")),
				)...),
			))))
}

// updateBody merges props and writes the body of the signal, as each property's EmitsChangedSignal says.
func (em *emitter) updateBody(iface *ifacePlan) []jen.Code {
	pick := func(emits ...Emits) (consts []jen.Code) {
		for _, p := range iface.readable() {
			for _, e := range emits {
				if p.emits == e {
					consts = append(consts, jen.Id(p.constName))
				}
			}
		}
		return consts
	}
	body := []jen.Code{
		jen.For(jen.Id("p").Op(":=").Range().Id("props").Dot("All").Call()).Block(
			jen.Id("s").Dot("props").Dot("take").Call(jen.Id("p"), jen.Op("&").Id("props"))),
		jen.Id("changed").Op(":=").Id("props").Dot(iface.base + "Set"),
	}
	if silent := pick(EmitsConst, EmitsNothing, EmitsInvalidates); len(silent) > 0 {
		body = append(body, jen.Id("changed").Dot("Remove").Call(silent...))
	}
	body = append(body,
		jen.Id("array").Op(":=").Id("e").Dot("Array").Call(jen.Lit(8)),
		jen.Id("props").Dot("encodeEntries").Call(jen.Id("e"), jen.Id("changed")),
		jen.Id("e").Dot("EndArray").Call(jen.Id("array")),
	)
	names := pick(EmitsInvalidates)
	if len(names) == 0 {
		return append(body, jen.Id("e").Dot("EndArray").Call(jen.Id("e").Dot("Array").Call(jen.Lit(4))))
	}
	return append(body,
		jen.Id("array").Op("=").Id("e").Dot("Array").Call(jen.Lit(4)),
		jen.For(jen.List(jen.Id("_"), jen.Id("p")).Op(":=").Range().Index().Id(iface.base+"Property").Values(names...)).Block(
			jen.If(jen.Id("props").Dot("Has").Call(jen.Id("p"))).Block(
				jen.Id("e").Dot("String").Call(jen.Id("p").Dot("String").Call()))),
		jen.Id("e").Dot("EndArray").Call(jen.Id("array")),
	)
}

func (em *emitter) emitSignal(src *source, iface *ifacePlan, s *signalPlan) {
	src.decl(newDoc("Emit"+s.goName+" sends the signal "+s.Name+" from the objects that the skeleton is exported on."),
		jen.Func().Params(jen.Id("s").Op("*").Id(iface.base+"Skeleton")).Id("Emit"+s.goName).Params(declared(s.args)...).Error().Block(
			jen.Return(jen.Id("s").Dot("emitter").Dot("Emit").Call(
				jen.Lit(s.Name), jen.Lit(signatureOf(s.Signal.Args)), em.encoder(s.args)))))
}

// servedProperties emits the type through which bus reads and writes the served properties.
func (em *emitter) servedProperties(src *source, iface *ifacePlan) {
	typ := servedProperties(iface)
	hasProps := len(iface.readable()) > 0
	lock := []jen.Code{jen.Id("s").Dot("mu").Dot("Lock").Call(), jen.Defer().Id("s").Dot("mu").Dot("Unlock").Call()}
	recv := func(used bool) *jen.Statement {
		if !used {
			return jen.Params(jen.Op("*").Id(typ))
		}
		return jen.Params(jen.Id("s").Op("*").Id(typ))
	}
	encoder := func(used bool) *jen.Statement {
		name := "e"
		if !used {
			name = "_"
		}
		return jen.Id(name).Op("*").Qual(wirePath, "Encoder")
	}
	src.decl(newDoc(typ+" is ["+iface.base+"Skeleton] as package bus sees its properties."), jen.Type().Id(typ).Id(iface.base+"Skeleton"))

	var all, one []jen.Code
	if hasProps {
		all = append(all, lock...)
		all = append(all, jen.Id("s").Dot("props").Dot("encodeEntries").Call(jen.Id("e"), jen.Id("s").Dot("props").Dot(iface.base+"Set")))
		one = append(one, lock...)
		one = append(one,
			jen.List(jen.Id("p"), jen.Id("ok")).Op(":=").Id(propertyOf(iface)).Call(jen.Index().Byte().Call(jen.Id("name"))),
			jen.If(jen.Op("!").Id("ok").Op("||").Op("!").Id("s").Dot("props").Dot("Has").Call(jen.Id("p"))).Block(
				jen.Return(jen.Qual(busPath, "ErrUnknownProperty"))),
			jen.Id("s").Dot("props").Dot("encode").Call(jen.Id("e"), jen.Id("p")),
			jen.Return(jen.Nil()),
		)
	} else {
		one = append(one, jen.Return(jen.Qual(busPath, "ErrUnknownProperty")))
	}
	src.decl(newDoc("EncodeAll writes the entries of an a{sv}."),
		jen.Func().Add(recv(hasProps)).Id("EncodeAll").Params(encoder(hasProps)).Block(all...))
	src.decl(newDoc("Encode writes one property."),
		jen.Func().Add(recv(hasProps)).Id("Encode").Params(jen.Id("name").String(), encoder(hasProps)).Error().Block(one...))

	writable := iface.writable()
	var body []jen.Code
	if len(writable) > 0 {
		body = append(body, jen.Switch(jen.Id("name")).BlockFunc(func(g *jen.Group) {
			for _, p := range writable {
				g.Case(jen.Lit(p.Name)).Block(
					jen.If(jen.Op("!").Id("d").Dot("VariantOf").Call(jen.Lit(p.value.sig), jen.Lit(iface.Name+"."+p.Name))).Block(
						jen.Return(jen.Qual(busPath, "ErrInvalidArgs").Dot("With").Call(jen.Lit(p.Name+" has the type "+p.value.sig)))),
					jen.Id("value").Op(":=").Add(em.decode(p.value, iface.Name+"."+p.Name)),
					jen.If(jen.Err().Op(":=").Id("d").Dot("Err").Call(), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err())),
					jen.Return(jen.Id("s").Dot("server").Dot("Set"+p.goName).Call(jen.Id("ctx"), jen.Id("value"))),
				)
			}
		}))
	}
	if hasProps {
		body = append(body, jen.If(jen.List(jen.Id("_"), jen.Id("ok")).Op(":=").Id(propertyOf(iface)).Call(jen.Index().Byte().Call(jen.Id("name"))), jen.Id("ok")).Block(
			jen.Return(jen.Qual(busPath, "ErrPropertyReadOnly"))))
	}
	body = append(body, jen.Return(jen.Qual(busPath, "ErrUnknownProperty")))
	ctx, decoder := "ctx", "d"
	if len(writable) == 0 {
		ctx, decoder = "_", "_"
	}
	src.decl(newDoc("Set gives a new value to the server."),
		jen.Func().Add(recv(len(writable) > 0)).Id("Set").
			Params(jen.Id(ctx).Qual("context", "Context"), jen.Id("name").String(), jen.Id(decoder).Op("*").Qual(wirePath, "Decoder")).Error().Block(body...))
}
