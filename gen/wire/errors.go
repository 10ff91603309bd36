package wire

import (
	"errors"
	"fmt"
)

// A FormatError says where and how bytes break the D-Bus wire format. It never
// quotes values, which may be secrets.
type FormatError struct {
	Offset  int    // byte offset in the body, or in the frame for header errors
	Problem string // what is wrong there
}

// Error returns the offset and the problem.
func (e *FormatError) Error() string {
	return fmt.Sprintf("malformed D-Bus data at byte %d: %s", e.Offset, e.Problem)
}

// ErrNoFD is what every *[FDError] matches with errors.Is.
var ErrNoFD = errors.New("no such descriptor")

// An FDError says that a body refers to a descriptor that did not come with its
// message, or that was taken before. It concerns one body; the stream that it
// came on is still in step.
type FDError struct {
	Index uint32 // the index that the body names
	Count int    // how many descriptors came with the message
}

// Error returns the index and the number of descriptors.
func (e *FDError) Error() string {
	if e.Index < uint32(e.Count) {
		return fmt.Sprintf("descriptor %d of %d: already taken", e.Index, e.Count)
	}
	return fmt.Sprintf("descriptor %d of %d: did not come with the message", e.Index, e.Count)
}

// Is reports whether target is [ErrNoFD].
func (e *FDError) Is(target error) bool { return target == ErrNoFD }
