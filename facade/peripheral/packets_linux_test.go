package peripheral

import (
	"errors"
	"io"
	"os"
	"testing"
)

func TestPacketsThatBlueZLeftUnreadDoNotHideItsOwn(t *testing.T) {
	ours, theirs, err := packetPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	for _, value := range []string{"one", "", "last"} {
		if _, err := theirs.Write([]byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.Send(t.Context(), []byte("unread")); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	for _, want := range []string{"one", "", "last"} {
		if got, err := ours.Receive(); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := ours.Receive(); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
	if err := ours.Send(t.Context(), []byte("late")); err != errUnsubscribed {
		t.Error(err)
	}
	ours.Close()
	if _, err := ours.Receive(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
