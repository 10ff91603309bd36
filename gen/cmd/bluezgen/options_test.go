package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lampXML uses what bluezgen has built in: Transport and ReadOptions are BlueZ's.
const lampXML = `<node>
  <interface name="org.example.Lamp1">
    <method name="Blink">
      <annotation name="io.github.gobluez.Error" value="org.bluez.Error.NotReady It is off."/>
      <arg name="options" type="a{sv}" direction="in">
        <annotation name="io.github.gobluez.Dict" value="ReadOptions"/>
      </arg>
    </method>
    <property name="Link" type="s" access="read">
      <annotation name="io.github.gobluez.Enum" value="LinkType"/>
    </property>
  </interface>
  <interface name="org.example.Bulb1"/>
</node>
`

const lampOverlay = `<node>
  <annotation name="io.github.gobluez.Service" value="org.example.lamps"/>
  <interface name="org.example.Lamp1">
    <method name="Blink">
      <annotation name="org.gtk.GDBus.DocString" value="Blinks once."/>
    </method>
  </interface>
</node>
`

func TestOptions(t *testing.T) {
	tests := []struct {
		name     string
		args     []string
		files    []string // that are generated
		have     []string // texts of the generated files
		haveNone []string
	}{
		{
			"none", nil, []string{"bulb1.go", "codecs.go", "enums.go", "errors.go", "lamp1.go", "options.go"},
			[]string{"func NewLamp1(", "func NewLamp1Skeleton(", "type LinkType string", "type ReadOptions struct", "ErrNotReady =", "// input: lamp.xml\n", "func NewBulb1("}, nil,
		},
		{
			"one interface", []string{"-interface", "*.Bulb?"}, []string{"bulb1.go", "codecs.go"},
			[]string{"func NewBulb1("}, []string{"Lamp1"},
		},
		{
			"clients", []string{"-roles", "client", "-o", "out/lamp.go"}, []string{"lamp.go"},
			[]string{"func NewLamp1(", "func Codecs("}, []string{"Skeleton", "Lamp1Server"},
		},
		{
			"servers", []string{"-roles", "server", "-o", "out/lamp.go"}, []string{"lamp.go"},
			[]string{"func NewLamp1Skeleton(", "type Lamp1Server interface"}, []string{"func NewLamp1(", "Codecs", "Update struct"},
		},
		{
			"both", []string{"-roles", "both", "-o", "out/lamp.go"}, []string{"lamp.go"},
			[]string{"func NewLamp1Skeleton(", "func NewLamp1("}, nil,
		},
		{
			"a prefix", []string{"-prefix", "Acme", "-o", "out/lamp.go"}, []string{"lamp.go"},
			[]string{"func NewAcmeLamp1(", "type AcmeLinkType string", "ErrAcmeNotReady =", "func AcmeCodecs("}, []string{"func NewLamp1(", "type LinkType", "func decodeLinkType"},
		},
		{
			"names", []string{"-name", "org.example.Lamp1=Light", "-name", "org.example.Lamp1.Blink=Flash"}, []string{"bulb1.go", "codecs.go", "enums.go", "errors.go", "light.go", "options.go"},
			[]string{"func (p Light) Flash(", `Name: "Blink"`}, []string{"func NewLamp1("},
		},
		{
			"types of BlueZ", []string{"-reuse", bluezgenPath}, []string{"bulb1.go", "codecs.go", "lamp1.go"},
			[]string{"options bluezgen.ReadOptions)", "(value bluezgen.LinkType,", "[bluezgen.ErrNotReady]", `"github.com/gobluez/bluez/bluezgen"`}, []string{"type LinkType", "ErrNotReady ="},
		},
		{
			"types of another package", []string{"-reuse", "example.com/lights/v2=other.xml"}, []string{"bulb1.go", "codecs.go", "errors.go", "lamp1.go", "options.go"},
			[]string{"(value lights.LinkType,", `"example.com/lights/v2"`}, []string{"type LinkType"},
		},
		{
			"an overlay", []string{"-overlay", "over.xml"}, []string{"bulb1.go", "codecs.go", "enums.go", "errors.go", "lamp1.go", "options.go"},
			[]string{"// Blink blinks once.", "// inputs: lamp.xml, over.xml\n", `Service = "org.example.lamps"`}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, map[string]string{"xml/lamp.xml": lampXML, "over.xml": lampOverlay, "other.xml": `<node><interface name="org.example.Other1">
<property name="Link" type="s" access="read">
<annotation name="io.github.gobluez.Enum" value="LinkType"/>
<annotation name="io.github.gobluez.Value" value="air"/>
</property>
</interface></node>`})
			args := append([]string{"-package", "p"}, tt.args...)
			if !slices.Contains(tt.args, "-o") {
				args = append(args, "-out", "out")
			}
			bluezgen(t, dir, append(args, "xml/lamp.xml")...).expect(t, exitDone)
			if got := list(t, filepath.Join(dir, "out")); !slices.Equal(got, tt.files) {
				t.Errorf("wrote %v, want %v", got, tt.files)
			}
			var all strings.Builder
			for _, file := range tt.files {
				all.WriteString(read(t, filepath.Join(dir, "out", file)))
			}
			for _, text := range tt.have {
				if !strings.Contains(all.String(), text) {
					t.Errorf("generated code lacks %s", text)
				}
			}
			for _, text := range append(tt.haveNone, dir, "xml/lamp.xml") {
				if strings.Contains(all.String(), text) {
					t.Errorf("generated code has %s", text)
				}
			}
			bluezgen(t, dir, append(args, "-check", "xml/lamp.xml")...).expect(t, exitDone)
		})
	}
}

func TestOverlayInTheDirectoryOfTheInputsIsNone(t *testing.T) {
	dir := folder(t, map[string]string{"xml/lamp.xml": lampXML, "xml/over.xml": lampOverlay})
	bluezgen(t, dir, "-xml", "-overlay", "./xml/over.xml", "xml").expect(t, exitDone, "Blinks once.")
	bluezgen(t, dir, "-xml", "-overlay", "xml/over.xml", "xml/*.xml").expect(t, exitDone, "Blinks once.")
	bluezgen(t, dir, "-xml", "-overlay", filepath.Join(dir, "xml", "over.xml"), "xml").expect(t, exitDone, "Blinks once.")
	bluezgen(t, dir, "-xml", "xml/lamp.xml", "xml/over.xml").expect(t, exitFailed, "interface org.example.Lamp1 differs")
}

// TestOneFileLeavesOthersAlone runs the command twice in one directory.
func TestOneFileLeavesOthersAlone(t *testing.T) {
	dir := folder(t, map[string]string{"a.xml": thing("A1"), "b.xml": thing("B1")})
	bluezgen(t, dir, "-package", "p", "-v", "-o", "a.go", "a.xml").expect(t, exitDone, "write a.go")
	bluezgen(t, dir, "-package", "p", "-v", "-o", "b.go", "-prefix", "B", "b.xml").expect(t, exitDone, "write b.go")
	bluezgen(t, dir, "-package", "p", "-check", "-o", "a.go", "a.xml").expect(t, exitDone)
	bluezgen(t, dir, "-package", "p", "-check", "-o", "b.go", "-prefix", "C", "b.xml").expect(t, exitFailed, "--- b.go", "+++ b.go", "+func NewCB1(")
	if got := list(t, dir); !slices.Equal(got, []string{"a.go", "a.xml", "b.go", "b.xml"}) {
		t.Errorf("directory has %v", got)
	}
}

func TestXML(t *testing.T) {
	const merged = `      <annotation name="io.github.gobluez.Error" value="org.bluez.Error.NotReady It is off."/>
      <annotation name="org.gtk.GDBus.DocString" value="Blinks once."/>
`
	dir := folder(t, map[string]string{"lamp.xml": lampXML, "over.xml": lampOverlay, "other.xml": strings.Replace(lampXML, "LinkType", "Other", 1)})

	bluezgen(t, dir, "-xml", "org.bluez.Battery1").expect(t, exitDone, read(t, "../../../introspection/org.bluez.Battery1.xml"))
	bluezgen(t, dir, "-xml", "-overlay", "over.xml", "-interface", "*.Lamp1", "lamp.xml").expect(t, exitDone, merged)
	if got := list(t, dir); !slices.Equal(got, []string{"lamp.xml", "other.xml", "over.xml"}) {
		t.Errorf("directory has %v", got)
	}

	bluezgen(t, dir, "-xml", "-v", "-out", "kept", "lamp.xml").expect(t, exitDone, "write kept/org.example.Bulb1.xml", "write kept/org.example.Lamp1.xml")
	if got := list(t, filepath.Join(dir, "kept")); !slices.Equal(got, []string{"org.example.Bulb1.xml", "org.example.Lamp1.xml"}) {
		t.Errorf("kept are %v", got)
	}
	bluezgen(t, dir, "-xml", "-v", "-out", "kept", "lamp.xml").expect(t, exitDone)

	// The files are there to be edited, and not to be lost then.
	r := bluezgen(t, dir, "-xml", "-out", "kept", "-overlay", "over.xml", "lamp.xml")
	r.expect(t, exitFailed, "write kept/org.example.Lamp1.xml: it is there and differs")
	if text := read(t, filepath.Join(dir, "kept/org.example.Lamp1.xml")); strings.Contains(text, "Blinks") {
		t.Errorf("a file that was kept was replaced:\n%s", text)
	}

	bluezgen(t, dir, "-xml", "-o", "all/lamp.xml", "lamp.xml").expect(t, exitDone)
	if got, want := read(t, filepath.Join(dir, "all/lamp.xml")), lampXML; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s", got)
	}
	bluezgen(t, dir, "-xml", "lamp.xml", "other.xml").expect(t, exitFailed, "other.xml:2: interface org.example.Lamp1 differs from another one of that name")
}

func TestOverlayMayHaveTheNameOfTheBuiltInFile(t *testing.T) {
	dir := folder(t, map[string]string{"org.bluez.Battery1.xml": `<node><interface name="org.bluez.Battery1">
  <annotation name="org.gtk.GDBus.DocString" value="The charge, in the words of another."/>
</interface></node>`})
	bluezgen(t, dir, "-xml", "-overlay", "org.bluez.Battery1.xml", "org.bluez.Battery1").expect(t, exitDone, "in the words of another")
}
