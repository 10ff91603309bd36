package gen

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// introspection returns the <interface> element as other tools know it: with the annotations of the D-Bus specification, and
// without those that only matter here.
func introspection(iface *Interface) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<interface name=\"%s\">\n", iface.Name)
	for _, m := range iface.Methods {
		var children []string
		for _, arg := range m.In {
			children = append(children, argXML(arg, "in"))
		}
		for _, arg := range m.Out {
			children = append(children, argXML(arg, "out"))
		}
		if m.NoReply {
			children = append(children, annotationXML("org.freedesktop.DBus.Method.NoReply", "true"))
		}
		writeXML(&b, `method name="`+m.Name+`"`, &m.Annotations, children)
	}
	for _, s := range iface.Signals {
		var children []string
		for _, arg := range s.Args {
			children = append(children, argXML(arg, ""))
		}
		writeXML(&b, `signal name="`+s.Name+`"`, &s.Annotations, children)
	}
	for _, p := range iface.Properties {
		var children []string
		if p.EmitsChanged != "" {
			children = append(children, annotationXML("org.freedesktop.DBus.Property.EmitsChangedSignal", string(p.EmitsChanged)))
		}
		writeXML(&b, fmt.Sprintf(`property name="%s" type="%s" access="%s"`, escapeXML(p.Name), p.Type, p.access()), &p.Annotations, children)
	}
	if iface.Deprecated {
		b.WriteString("  " + annotationXML("org.freedesktop.DBus.Deprecated", "true") + "\n")
	}
	if iface.EmitsChanged != "" {
		b.WriteString("  " + annotationXML("org.freedesktop.DBus.Property.EmitsChangedSignal", string(iface.EmitsChanged)) + "\n")
	}
	b.WriteString("</interface>")
	return b.String()
}

// writeXML writes one member; tag is its start tag without the brackets.
func writeXML(b *strings.Builder, tag string, notes *Annotations, children []string) {
	if notes.Deprecated {
		children = append(children, annotationXML("org.freedesktop.DBus.Deprecated", "true"))
	}
	if len(children) == 0 {
		b.WriteString("  <" + tag + "/>\n")
		return
	}
	b.WriteString("  <" + tag + ">\n")
	for _, child := range children {
		b.WriteString("    " + child + "\n")
	}
	name, _, _ := strings.Cut(tag, " ")
	b.WriteString("  </" + name + ">\n")
}

func annotationXML(name, value string) string {
	return fmt.Sprintf(`<annotation name="%s" value="%s"/>`, name, value)
}

func argXML(arg *Arg, direction string) string {
	var b strings.Builder
	b.WriteString("<arg")
	if arg.Name != "" {
		fmt.Fprintf(&b, ` name="%s"`, escapeXML(arg.Name))
	}
	fmt.Fprintf(&b, ` type="%s"`, arg.Type)
	if direction != "" {
		fmt.Fprintf(&b, ` direction="%s"`, direction)
	}
	b.WriteString("/>")
	return b.String()
}

// escapeXML makes text the value of an attribute. Names of arguments and properties may be anything. Backquotes would end the
// string that the element is emitted as.
func escapeXML(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return ""
	}
	return strings.ReplaceAll(b.String(), "`", "&#96;")
}
