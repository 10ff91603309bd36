package facade

import (
	"fmt"
	"runtime/debug"
)

// A PanicError is the panic of a function that was given to this package, such as a
// Scanner's handler or ScanOptions.Match. What the function was given to ends with it,
// as with any other error; everything else goes on.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as runtime/debug prints it
}

// Error returns what panic was called with.
func (e *PanicError) Error() string { return fmt.Sprintf("panic in a callback: %v", e.Value) }

// Unwrap returns what panic was called with, if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// guard calls f and returns its panic as an error.
func guard(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}
