// Package introspection holds BlueZ's D-Bus interfaces as annotated
// introspection XML, one file an interface. The files are the source that the
// rest of the project is generated from.
//
// A file is named after its interface, org.bluez.Device1.xml for
// org.bluez.Device1, and any tool that reads D-Bus introspection reads it. The
// interfaces of bluetoothd are at the root, those of BlueZ's other services,
// obexd and bluetooth-meshd, in the directories obex and mesh. They are all that
// BlueZ 5.87 has or documents, and what was there in 5.82 and has gone since.
//
// What a file declares is what the service prints when it is asked, and package
// drift compares the two in both directions: with recordings of a real
// bluetoothd in the tests here, with a running one in make test-bluez. Interfaces
// that applications export, such as org.bluez.Agent1, are printed by nobody, and
// some others only with hardware that can be had; they follow BlueZ's
// documentation. All descriptions are this project's own words.
//
// The directory freedesktop holds the interfaces of the D-Bus specification
// itself. They are there for reference and for the comparison; no code is
// generated from them, for the package bus implements them by hand.
//
// # Annotations
//
// What introspection XML alone cannot say is said by annotation elements. Their
// values are single lines; descriptions are whole sentences. Lists are
// repeated annotations. In one element the annotations come in the order in
// which they are listed here.
//
// These are used as they are known elsewhere:
//
//	org.gtk.GDBus.DocString
//	    Describes an interface, method, signal, property or argument. Methods
//	    and signals are told in the third person ("Opens a session."),
//	    properties and arguments by a noun or "Whether". Numbers have their
//	    unit and range.
//	org.gtk.GDBus.Since
//	    The first release of BlueZ that has the interface or member, such as
//	    5.62. What has none is older, or its age is not known.
//	org.freedesktop.DBus.Deprecated
//	    true if the interface or member should not be used any more, or has
//	    gone; its description then says since when.
//	org.freedesktop.DBus.Method.NoReply
//	    true if nobody waits for a reply of the method.
//	org.freedesktop.DBus.Property.EmitsChangedSignal
//	    How a change of the property is told. BlueZ has no such annotation:
//	    it tells changes together with the new value, and tells that an
//	    optional property has gone by invalidating it.
//
// The following are this project's own. Their names begin with
// io.github.gobluez, which is left out here.
//
//	Service
//	    On node: the bus name of the service that exports the interface. An
//	    interface that only applications export has none.
//	Document
//	    On interface: where the facts come from, a manual page or another
//	    document of BlueZ, or a section of the D-Bus specification.
//	Role
//	    Who exports it: service for BlueZ, client for an application that BlueZ
//	    calls, both. Every interface has a role. A method, signal or property
//	    of an interface with role both has one if only one side has it.
//	Path
//	    On interface: the well-known path of the only object that has it.
//	GoName
//	    A name to use in Go instead of the one derived from the D-Bus name, as
//	    if exported: on an interface the base of all its Go names, on a member
//	    or argument its name.
//	Optional
//	    On property: true if an object may lack it, for a time or for good.
//	Experimental
//	    On interface or member: true if bluetoothd has it only when it runs
//	    with --experimental.
//	Priority
//	    On method: true if the call ends something and must not wait behind
//	    other calls, as Disconnect.
//	Error
//	    On method, or on property for setting it, repeated: an error that it
//	    returns and when, as in "org.bluez.Error.NotReady The adapter is not
//	    powered." Errors that any call may return are not listed.
//	Variant
//	    The signature that all variants in the type of a property or argument
//	    have: a{qv} with the variant ay is a dictionary of byte arrays.
//	Enum
//	    The name of the set of strings that a property or argument of type s is
//	    from, or the elements of one of type as, or what its variants hold.
//	    Where the set is declared, a description follows the name, and Values
//	    follow the annotation. An interface declares the sets that only keys of
//	    dictionaries refer to.
//	Value
//	    Repeated, one string of the Enum before it and its description, as in
//	    "notify The value is sent by notification." Its Go name is the name of
//	    the set and the words of the string. Where that does not suit, the
//	    ending is given: "le=LE LE scan only." makes TransportLE. A string with
//	    spaces is quoted.
//	Dict
//	    The name of the set of keys that an a{sv} in the type of a property or
//	    argument takes. Where the set is declared, a description follows the
//	    name, and Keys follow the annotation.
//	Key
//	    Repeated, one key of the Dict before it: the key, the signature of its
//	    value, attributes in braces if there are any, and its description, as
//	    in "Transport s {enum=Transport} The radio to scan with." Attributes
//	    are separated by commas.
//	Struct
//	    The name of the struct in the type of a property or argument. Where the
//	    struct is declared, the names of its fields follow, and after a colon a
//	    description, as in "Pattern StartPosition ADType Content: A piece of
//	    an advertisement.", and Fields follow the annotation. An interface
//	    declares the structs that only keys of dictionaries refer to.
//	Field
//	    Repeated, one field of the Struct before it and its description.
//
// A set of strings or keys or a struct is declared in one place, and other
// places of any file name it. The attributes of a Key are:
//
//	enum=NAME           the Enum that the value, or its elements, are from
//	dict=NAME           the Dict of the a{sv} in the value
//	struct=NAME         the Struct in the value
//	variant=SIGNATURE   the signature of the variants in the value
//	role=ROLE           service: taken or sent by BlueZ only, client: only by
//	                    the application that serves the method
//	since=VERSION       the first release of BlueZ that knows the key
//	go=NAME             the Go name, where it is not the key's words
//	experimental        known only with --experimental
package introspection
