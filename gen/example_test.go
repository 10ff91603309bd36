package gen_test

import (
	"fmt"

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
