package gen

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"
)

// iface emits one interface.
func (em *emitter) iface(src *source, iface *ifacePlan) {
	em.constants(src, iface)
	if em.pkg.Roles.client() {
		em.client(src, iface)
	}
	if len(iface.readable()) > 0 {
		em.properties(src, iface)
	}
	for _, dict := range em.pkg.dicts {
		if dict.owner == iface {
			em.dict(src, dict)
		}
	}
	for _, s := range em.pkg.structs {
		if s.owner == iface {
			em.structure(src, s)
		}
	}
	if em.pkg.Roles.server() {
		em.server(src, iface)
		em.skeleton(src, iface)
	}
	em.helpers(src, iface)
}

// helpers emits what is not exported. It comes last, out of the way of those who read the file to use it.
func (em *emitter) helpers(src *source, iface *ifacePlan) {
	if len(iface.readable()) > 0 {
		em.propertyHelpers(src, iface)
	}
	if em.pkg.Roles.server() {
		if len(iface.props) > 0 {
			em.servedProperties(src, iface)
		}
		em.xml(src, iface)
	}
}

// client emits what calls an object and follows its signals.
func (em *emitter) client(src *source, iface *ifacePlan) {
	em.proxy(src, iface)
	for _, m := range iface.methods {
		em.method(src, iface, m)
	}
	for _, p := range iface.props {
		em.accessors(src, iface, p)
	}
	if len(iface.readable()) > 0 {
		em.getAll(src, iface)
	}
	for _, s := range iface.signals {
		em.signal(src, iface, s)
	}
	em.recordCodec(src, iface)
}

func (em *emitter) constants(src *source, iface *ifacePlan) {
	of := "the interface of [" + iface.base + "]"
	if !em.pkg.Roles.client() {
		of = "the interface"
	}
	src.decl(newDoc(iface.base+"Interface is the D-Bus name of "+of+"."),
		jen.Const().Id(iface.base+"Interface").Op("=").Lit(iface.Name))
	if iface.Path != "" {
		src.decl(newDoc(iface.base+"Path is the path of the object that has the interface."),
			jen.Const().Id(iface.base+"Path").Qual(dbusPath, "ObjectPath").Op("=").Lit(iface.Path))
	}
}

// proxy emits the type that calls are made on, and its constructor.
func (em *emitter) proxy(src *source, iface *ifacePlan) {
	d := nameDoc(iface.base, "stands for", "stands for an object with the interface "+iface.Name, iface.Doc)
	d.para(em.originOf(iface))
	d.para("Its methods block until the reply is there or ctx ends, and may be called from any goroutine.")
	d.status(iface.Interface, &iface.Annotations)
	src.decl(d, jen.Type().Id(iface.base).Struct(jen.Qual(busPath, "Object")))

	params := []jen.Code{jen.Id("conn").Op("*").Qual(busPath, "Conn")}
	var service jen.Code
	about := "New" + iface.base + " returns the object at path"
	if iface.Service == "" || iface.Role == RoleClient {
		params = append(params, jen.Id("service").String())
		service = jen.Id("service")
		about += ", which the owner of the bus name service exports"
	} else {
		service = em.serviceExpr(iface)
		about += " of " + iface.Service
		if iface.Role == RoleBoth {
			about += ". For one that an application exports, make the " + iface.base + " from an Object of that application"
		}
	}
	params = append(params, jen.Id("path").Qual(dbusPath, "ObjectPath"))
	src.decl(newDoc(about+". It does not call anything."),
		jen.Func().Id("New"+iface.base).Params(params...).Id(iface.base).Block(
			jen.Return(jen.Id(iface.base).Values(jen.Id("conn").Dot("Object").Call(service, jen.Id("path")))),
		))
}

// originOf says who exports the interface and which document describes it.
func (em *emitter) originOf(iface *ifacePlan) string {
	var s []string
	switch iface.Role {
	case RoleClient:
		s = append(s, fmt.Sprintf("It is applications that export it, for %s to call.", serviceName(iface.Interface)))
	case RoleBoth:
		s = append(s, fmt.Sprintf("Both %s and applications export it.", serviceName(iface.Interface)))
	}
	if iface.Document != "" {
		of := ""
		if isBlueZ(iface.Interface) && !strings.Contains(iface.Document, "(") {
			of = "BlueZ's " // for only the names of manual pages have parentheses
		}
		s = append(s, "It is described in "+of+iface.Document+".")
	}
	return strings.Join(s, " ")
}

func (em *emitter) serviceExpr(iface *ifacePlan) jen.Code {
	if em.pkg.service != "" {
		return jen.Id(em.pkg.Prefix + "Service")
	}
	return jen.Lit(iface.Service)
}

// busMethod returns the bus.Method of a method.
func busMethod(iface *ifacePlan, m *methodPlan) *jen.Statement {
	values := []jen.Code{
		jen.Id("Interface").Op(":").Id(iface.base + "Interface"),
		jen.Id("Name").Op(":").Lit(m.Name),
	}
	if in := signatureOf(m.Method.In); in != "" {
		values = append(values, jen.Id("In").Op(":").Lit(in))
	}
	if out := signatureOf(m.Method.Out); out != "" {
		values = append(values, jen.Id("Out").Op(":").Lit(out))
	}
	if m.NoReply {
		values = append(values, jen.Id("NoReply").Op(":").True())
	}
	if m.Priority {
		values = append(values, jen.Id("Priority").Op(":").True())
	}
	return jen.Qual(busPath, "Method").Values(values...)
}

// method emits the call of a method.
func (em *emitter) method(src *source, iface *ifacePlan, m *methodPlan) {
	method := jen.Id("method").Op(":=").Add(busMethod(iface, m))
	call := jen.Id("p").Dot("Object").Dot("Call").Call(
		jen.Id("ctx"), jen.Id("method"), em.encoder(m.in), em.decoder(m.out, iface.Name+"."+m.Name))
	if len(m.in) > 0 && len(m.out) > 0 {
		// Two function literals do not go on one line.
		call = jen.Id("p").Dot("Object").Dot("Call").Call(
			jen.Line().Id("ctx"), jen.Id("method"), jen.Line().Add(em.encoder(m.in)), jen.Line().Add(em.decoder(m.out, iface.Name+"."+m.Name)), jen.Line())
	}
	fn := jen.Func().Params(jen.Id("p").Id(iface.base)).Id(m.goName).Params(params(m.in)...)
	if len(m.out) == 0 {
		fn.Error().Block(method, jen.Return(call))
	} else {
		fn.Params(results(m.out)...).Block(
			method,
			jen.Err().Op("=").Add(call),
			jen.Return(append(locals(m.out), jen.Err())...),
		)
	}
	d := nameDoc(m.goName, "", "calls "+iface.Name+"."+m.Name, m.Doc)
	if m.NoReply {
		d.para("There is no reply: it returns when the call is sent.")
	}
	src.decl(em.methodDoc(d, iface, m), fn)
}

// methodDoc adds status, arguments, results and errors.
func (em *emitter) methodDoc(d *doc, iface *ifacePlan, m *methodPlan) *doc {
	d.status(iface.Interface, &m.Annotations)
	d.list("Arguments:", argDocs(m.in))
	d.list("Results:", argDocs(m.out))
	d.list("Errors:", em.errorDocs(m.Errors))
	return d
}

func argDocs(args []*argPlan) []string {
	var items []string
	for _, a := range args {
		if a.Doc != "" {
			items = append(items, a.local+": "+phrase(a.Doc))
		}
	}
	return items
}

func (em *emitter) errorDocs(errs []ErrorDoc) []string {
	var items []string
	for _, e := range errs {
		item := "[" + em.errorName(e.Name) + "]"
		if e.Doc != "" {
			item += ": " + phrase(e.Doc)
		}
		items = append(items, item)
	}
	return items
}

// errorName is the Go name of an error, as code in the generated package writes it.
func (em *emitter) errorName(wire string) string {
	for _, e := range em.pkg.errors {
		if e.wire == wire {
			return e.name
		}
	}
	if e := em.pkg.reusedError(wire); e != nil {
		return e.home.Package + "." + e.name
	}
	return "bus." + errorName(wire)
}

// params returns ctx and the arguments as parameters.
func params(args []*argPlan) []jen.Code {
	return append([]jen.Code{jen.Id("ctx").Qual("context", "Context")}, declared(args)...)
}

// results returns the arguments and err as named results.
func results(args []*argPlan) []jen.Code {
	if len(args) == 0 {
		return []jen.Code{jen.Error()}
	}
	return append(declared(args), jen.Err().Error())
}

// declared returns the arguments with their types; neighbours of one type share it.
func declared(args []*argPlan) []jen.Code {
	var code []jen.Code
	for i := 0; i < len(args); {
		next := i + 1
		for next < len(args) && args[next].value.identity() == args[i].value.identity() {
			next++
		}
		code = append(code, jen.List(locals(args[i:next])...).Add(args[i].value.goType()))
		i = next
	}
	return code
}

func locals(args []*argPlan) []jen.Code {
	var code []jen.Code
	for _, a := range args {
		code = append(code, jen.Id(a.local))
	}
	return code
}

// encoder returns the function that writes the arguments, or nil.
func (em *emitter) encoder(args []*argPlan) jen.Code {
	if len(args) == 0 {
		return jen.Nil()
	}
	var body []jen.Code
	for _, a := range args {
		body = append(body, em.encode(a.value, jen.Id(a.local))...)
	}
	return encoding(block(body, args[0].local, args[0].value.codecName()))
}

// decoder returns the function that reads the arguments into variables, or nil.
func (em *emitter) decoder(args []*argPlan, what string) jen.Code {
	if len(args) == 0 {
		return jen.Nil()
	}
	var body []jen.Code
	for _, a := range args {
		body = append(body, jen.Id(a.local).Op("=").Add(em.decode(a.value, what+"."+a.local)))
	}
	return decoding(block(body, args[0].local, args[0].value.codecName()))
}

// accessors emits the getter and the setter of a property.
func (em *emitter) accessors(src *source, iface *ifacePlan, p *propPlan) {
	errs := em.errorDocs(p.Errors)
	words := []string{iface.base, p.Name, p.value.sig, p.value.codecName()}
	if p.value.mismatches() {
		words = append(words, iface.Name, p.Name)
	}
	if p.Readable {
		d := nameDoc(p.goName, "returns", "returns the property "+p.Name, p.Doc)
		d.status(iface.Interface, &p.Annotations)
		if !p.Writable {
			d.list("Errors:", errs)
		}
		src.decl(d, jen.Func().Params(jen.Id("p").Id(iface.base)).Id(p.goName).
			Params(jen.Id("ctx").Qual("context", "Context")).
			Params(jen.Id("value").Add(p.value.goType()), jen.Err().Error()).Block(
			jen.Err().Op("=").Id("p").Dot("Object").Dot("Get").Call(
				jen.Id("ctx"), jen.Id(iface.base+"Interface"), jen.Lit(p.Name), jen.Lit(p.value.sig),
				decoding(block([]jen.Code{jen.Id("value").Op("=").Add(em.decode(p.value, iface.Name+"."+p.Name))}, words...)),
			),
			jen.Return(jen.Id("value"), jen.Err()),
		))
	}
	if p.Writable {
		d := nameDoc("Set"+p.goName, "sets", "sets the property "+p.Name, p.Doc)
		d.status(iface.Interface, &p.Annotations)
		d.list("Errors:", errs)
		src.decl(d, jen.Func().Params(jen.Id("p").Id(iface.base)).Id("Set"+p.goName).
			Params(jen.Id("ctx").Qual("context", "Context"), jen.Id("value").Add(p.value.goType())).Error().Block(
			jen.Return(jen.Id("p").Dot("Object").Dot("Set").Call(
				jen.Id("ctx"), jen.Id(iface.base+"Interface"), jen.Lit(p.Name), jen.Lit(p.value.sig),
				encoding(block(em.encode(p.value, jen.Id("value")), words...)),
			)),
		))
	}
}

// getAll emits what reads and follows all properties.
func (em *emitter) getAll(src *source, iface *ifacePlan) {
	src.decl(newDoc("GetAll returns all properties that the object has, in one call."),
		jen.Func().Params(jen.Id("p").Id(iface.base)).Id("GetAll").
			Params(jen.Id("ctx").Qual("context", "Context")).
			Params(jen.Id("props").Id(iface.base+"Properties"), jen.Err().Error()).Block(
			jen.Err().Op("=").Id("p").Dot("Object").Dot("GetAll").Call(
				jen.Id("ctx"), jen.Id(iface.base+"Interface"),
				decoding(inline(jen.Id("props").Dot("decode").Call(jen.Id("d")))),
			),
			jen.Return(jen.Id("props"), jen.Err()),
		))

	src.decl(newDoc("OnPropertiesChanged calls handler with each change of the properties: the update holds those that changed, "+
		"and nothing of earlier changes. The subscription is in force when it returns. Handlers run on the goroutine that "+
		"reads the connection, in wire order: they must not block nor wait for a reply."),
		jen.Func().Params(jen.Id("p").Id(iface.base)).Id("OnPropertiesChanged").
			Params(jen.Id("ctx").Qual("context", "Context"), jen.Id("handler").Func().Params(jen.Id(iface.base+"Update"))).
			Params(jen.Op("*").Qual(busPath, "Subscription"), jen.Error()).Block(
			jen.Return(jen.Id("p").Dot("Object").Dot("SubscribeProperties").Call(
				jen.Id("ctx"), jen.Id(iface.base+"Interface"),
				jen.Func().Params(jen.Id("d").Op("*").Qual(wirePath, "Decoder")).Block(
					jen.Var().Id("update").Id(iface.base+"Update"),
					jen.Id("update").Dot("Apply").Call(jen.Id("d")),
					jen.Id("handler").Call(jen.Id("update")),
				))),
		))
}

// signal emits the struct of a signal's arguments and its subscription.
func (em *emitter) signal(src *source, iface *ifacePlan, s *signalPlan) {
	what := "the signal " + s.Name + " of " + iface.Name
	d := nameDoc(s.typeName, "", "is "+what, s.Doc)
	if !strings.Contains(d.parts[0].text, what) {
		d.para("It is " + what + ".")
	}
	d.status(iface.Interface, &s.Annotations)
	var fields []jen.Code
	for _, a := range s.args {
		fields = documented(fields, newDoc(a.Doc), jen.Id(a.field).Add(a.value.goType()))
	}
	src.decl(d, jen.Type().Id(s.typeName).Struct(fields...))

	var body []jen.Code
	if len(s.args) > 0 {
		body = append(body, jen.Var().Id("s").Id(s.typeName))
		for _, a := range s.args {
			body = append(body, jen.Id("s").Dot(a.field).Op("=").Add(em.decode(a.value, iface.Name+"."+s.Name+"."+a.local)))
		}
		body = append(body, jen.If(jen.Id("d").Dot("Err").Call().Op("==").Nil()).Block(jen.Id("handler").Call(jen.Id("s"))))
	} else {
		body = append(body, jen.Id("handler").Call(jen.Id(s.typeName).Values()))
	}
	param := "d"
	if len(s.args) == 0 {
		param = "_"
	}
	src.decl(newDoc("On"+s.goName+" calls handler with each signal "+s.Name+". The subscription is in force when it returns. "+
		"Handlers run on the goroutine that reads the connection, in wire order: they must not block nor wait for a reply."),
		jen.Func().Params(jen.Id("p").Id(iface.base)).Id("On"+s.goName).
			Params(jen.Id("ctx").Qual("context", "Context"), jen.Id("handler").Func().Params(jen.Id(s.typeName))).
			Params(jen.Op("*").Qual(busPath, "Subscription"), jen.Error()).Block(
			jen.Return(jen.Id("p").Dot("Object").Dot("Subscribe").Call(
				jen.Id("ctx"), jen.Id(iface.base+"Interface"), jen.Lit(s.Name), jen.Lit(signatureOf(s.Signal.Args)),
				jen.Func().Params(jen.Id(param).Op("*").Qual(wirePath, "Decoder")).Block(body...),
			)),
		))
}

// recordCodec emits what a mirror keeps the interface with.
func (em *emitter) recordCodec(src *source, iface *ifacePlan) {
	name := iface.base + "Codec"
	about := name + " returns what a [bus.Mirror] needs to keep the interface: "
	record := jen.Op("&").Id(iface.base + "Update").Values()
	if len(iface.readable()) > 0 {
		about += "its records are of the type *" + iface.base + "Update."
	} else {
		about += "its records are empty, for it has no properties."
		record = jen.Id(em.pkg.local("noProperties")).Values()
	}
	src.decl(newDoc(about), jen.Func().Id(name).Params().Qual(busPath, "Codec").Block(
		jen.Return(jen.Qual(busPath, "Codec").Values(
			jen.Id("Interface").Op(":").Id(iface.base+"Interface"),
			jen.Id("New").Op(":").Func().Params().Qual(busPath, "Record").Add(inline(jen.Return(record))),
		))))
}
