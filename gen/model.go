package gen

import "fmt"

// Pos is a place in an introspection file.
type Pos struct {
	File string
	Line int
}

// String returns the place as file:line.
func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Error is a fault of an introspection file.
type Error struct {
	Pos
	// Element is the element at fault, such as <property name="RSSI">.
	Element string
	// Message says what is wrong and what was expected.
	Message string
}

// Error returns file, line, element and message on one line.
func (e *Error) Error() string {
	if e.Element == "" {
		return e.Pos.String() + ": " + e.Message
	}
	return e.Pos.String() + ": " + e.Element + ": " + e.Message
}

// Role says who exports an interface, has a member, or sends a key.
type Role string

// The roles that annotations name.
const (
	RoleService Role = "service" // the service, such as bluetoothd
	RoleClient  Role = "client"  // an application that uses the service
	RoleBoth    Role = "both"    // either
)

// Emits says what the service sends when a property changes.
type Emits string

// The values of org.freedesktop.DBus.Property.EmitsChangedSignal. The empty string means EmitsValue.
const (
	EmitsValue       Emits = "true"        // PropertiesChanged with the new value
	EmitsInvalidates Emits = "invalidates" // PropertiesChanged with the name alone
	EmitsConst       Emits = "const"       // nothing: it never changes
	EmitsNothing     Emits = "false"       // nothing
)

// File is the checked content of one introspection file.
type File struct {
	// Name is how the file is called in errors. The header of generated code has it without directories.
	Name string
	// Interfaces are those of all nodes of the file, in the order of the file.
	Interfaces []*Interface
}

// Interface is one D-Bus interface.
type Interface struct {
	Pos
	Annotations
	Name       string
	Methods    []*Method
	Signals    []*Signal
	Properties []*Property

	inherited []ErrorDoc // those of Errors that come from a node around it
	overlays  []string   // the names of the files that say something of it besides its own
}

// Method is a method of an interface.
type Method struct {
	Pos
	Annotations
	Name    string
	In, Out []*Arg
}

// Signal is a signal of an interface.
type Signal struct {
	Pos
	Annotations
	Name string
	Args []*Arg
}

// Property is a property of an interface.
type Property struct {
	Pos
	Annotations
	Name     string
	Type     *Type
	Readable bool
	Writable bool
}

// Arg is an argument of a method or a signal. Its name may be empty.
type Arg struct {
	Pos
	Annotations
	Name string
	Type *Type
}

// Annotations is what annotations say about an element. Which of them an element may carry is decided by the parser.
type Annotations struct {
	Doc          string // DocString, in plain sentences
	Since        string // first version of the service that has it
	Deprecated   bool
	Experimental bool
	Optional     bool  // the member may be absent
	NoReply      bool  // the method sends no reply
	Priority     bool  // calls pass the queue of calls in flight
	EmitsChanged Emits // what the property does when it changes
	Role         Role
	GoName       string // instead of the derived name
	Service      string // bus name that exports the interface
	Path         string // well-known object path of the interface
	Document     string // the manual page that describes the interface
	Errors       []ErrorDoc

	// What types mean beyond their signatures. An interface may declare several enumerations and dictionaries; of the type of
	// an argument, a property or a key there is at most one each.
	Variant *Type         // type inside the variants
	Enums   []*EnumDecl   // string enumeration of the strings
	Dicts   []*DictDecl   // names the a{sv} and, once, its keys
	Structs []*StructDecl // names the structs, outermost first

	given []annotation // all that the element carries, in their order
}

// annotation is an <annotation> as the file has it.
type annotation struct {
	Pos
	name, value string
}

// ErrorDoc is an error that a method may return.
type ErrorDoc struct {
	Name string // D-Bus error name
	Doc  string
}

// EnumDecl names a string enumeration; one place declares its values.
type EnumDecl struct {
	Pos
	Name   string
	Doc    string
	Values []EnumValue
}

// EnumValue is one string of an enumeration.
type EnumValue struct {
	Pos
	Wire   string // the string on the wire
	Suffix string // follows the type's name in the constant's, derived from Wire when empty
	Doc    string
}

// DictDecl names an a{sv} with known keys; one place declares the keys.
type DictDecl struct {
	Pos
	Name string
	Doc  string
	Keys []DictKey
}

// DictKey is a known key of an a{sv}.
type DictKey struct {
	Pos
	Annotations
	Name string
	Type *Type
}

// StructDecl names a struct and its fields.
type StructDecl struct {
	Pos
	Name   string
	Doc    string
	Fields []FieldDecl
}

// FieldDecl is a field of a struct.
type FieldDecl struct {
	Name string
	Doc  string
}
