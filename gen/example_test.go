package gen_test

import (
	"fmt"
	"strings"

	"github.com/gobluez/bluez/gen"
)

func ExampleGenerate() {
	const xml = `<node>
  <interface name="org.example.Lamp1">
    <property name="On" type="b" access="readwrite"/>
  </interface>
</node>`
	outputs, err := gen.Generate([]gen.Source{{Name: "lamp.xml", Data: []byte(xml)}}, nil, gen.Options{Package: "lamp"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, out := range outputs {
		fmt.Println(out.Name)
	}
	// Output:
	// codecs.go
	// lamp1.go
}

func ExampleParse() {
	_, err := gen.Parse("lamp.xml", []byte(`<node>
  <interface name="org.example.Lamp1">
    <property name="On" type="bool" access="read"/>
  </interface>
</node>`))
	fmt.Println(err)
	// Output:
	// lamp.xml:3: <property name="On">: signature "bool": expected one complete type, found "ool" after it
}

func ExamplePlan() {
	const xml = `<node>
  <interface name="org.example.Lamp1">
    <property name="On" type="b" access="readwrite"/>
  </interface>
</node>`
	file, err := gen.Parse("lamp.xml", []byte(xml))
	if err != nil {
		fmt.Println(err)
		return
	}
	pkg, err := gen.Plan([]*gen.File{file}, nil, gen.Options{Package: "lamp", File: "lamp.go", Roles: gen.RolesClient, Prefix: "Desk"})
	if err != nil {
		fmt.Println(err)
		return
	}
	outputs, err := pkg.Emit()
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(string(outputs[0].Content)) {
		if strings.HasPrefix(line, "func (p DeskLamp1) ") {
			fmt.Print(line)
		}
	}
	// Output:
	// func (p DeskLamp1) On(ctx context.Context) (value bool, err error) {
	// func (p DeskLamp1) SetOn(ctx context.Context, value bool) error {
	// func (p DeskLamp1) GetAll(ctx context.Context) (props DeskLamp1Properties, err error) {
	// func (p DeskLamp1) OnPropertiesChanged(ctx context.Context, handler func(DeskLamp1Update)) (*bus.Subscription, error) {
}

func ExampleAnnotate() {
	file, err := gen.Parse("lamp.xml", []byte(`<node>
  <interface name="org.example.Lamp1">
    <method name="Blink">
      <arg type="q" direction="in"/>
    </method>
  </interface>
</node>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	overlay, err := gen.ParseOverlay("overlay.xml", []byte(`<node>
  <interface name="org.example.Lamp1">
    <method name="Blink">
      <arg name="count">
        <annotation name="org.gtk.GDBus.DocString" value="How often to blink."/>
      </arg>
    </method>
  </interface>
</node>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := gen.Annotate([]*gen.File{file}, overlay)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, node, _ := strings.Cut(string(gen.FormatXML(files[0].Interfaces...)), "<node>")
	fmt.Print("<node>" + node)
	// Output:
	// <node>
	//   <interface name="org.example.Lamp1">
	//     <method name="Blink">
	//       <arg name="count" type="q" direction="in">
	//         <annotation name="org.gtk.GDBus.DocString" value="How often to blink."/>
	//       </arg>
	//     </method>
	//   </interface>
	// </node>
}
