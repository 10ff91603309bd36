package bus

// An Opt is a value that may be absent, such as an entry of an option dictionary
// that is sent only when it was set. The zero Opt is absent, so an absent value
// and a zero one differ.
type Opt[T any] struct {
	value T
	set   bool
}

// Some returns an Opt that holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{value: v, set: true} }

// Get returns the value and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.value, o.set }

// IsSet reports whether o holds a value.
func (o Opt[T]) IsSet() bool { return o.set }
