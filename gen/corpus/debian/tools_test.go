package debian

import (
	"bytes"
	"testing"
)

func TestMissingToolsAreNamedInOneLine(t *testing.T) {
	t.Setenv("NO_INSTALL", "1")
	err := Require(t.Context(), &bytes.Buffer{}, []Tool{{"sh", "dash"}, {"no-such-tool", "no-such-package"}, {"/no/such/file", "other-package"}})
	want := "missing on this host: no-such-tool /no/such/file (Debian: apt-get install no-such-package other-package)"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if err := Require(t.Context(), &bytes.Buffer{}, []Tool{{"sh", "dash"}, {"/etc/passwd", "base-passwd"}}); err != nil {
		t.Errorf("nothing is missing: %v", err)
	}
}
