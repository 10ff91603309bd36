package peripheral

import (
	"errors"
	"fmt"
	"slices"
)

// ErrInvalid is matched by every mistake in what is declared. Nothing was registered then.
var ErrInvalid = errors.New("invalid declaration")

// mistakes are what is wrong with a declaration.
type mistakes []error

// join returns all of them, nil if there are none.
func (m mistakes) join() error {
	if len(m) == 0 {
		return nil
	}
	return invalid{errors.Join(m...)}
}

// invalid is what is wrong with a declaration by itself.
type invalid struct{ error }

// Is makes it match ErrInvalid.
func (e invalid) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the mistakes.
func (e invalid) Unwrap() error { return e.error }

func (m *mistakes) add(errs ...error) {
	*m = append(*m, slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}

func (m *mistakes) addf(format string, args ...any) { m.add(fmt.Errorf(format, args...)) }
