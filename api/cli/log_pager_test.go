package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// On a terminal the output goes through the pager, whose end ends the command; what
// follows, and what is piped, does not.
func TestPager(t *testing.T) {
	paged := filepath.Join(t.TempDir(), "paged")
	t.Setenv("DAYTWO_PAGER", "head -n 1 >"+paged)
	_, tty := rig.Terminal(t)
	cancelled := make(chan struct{})
	w, isTerminal, done := (&logOptions{}).pager(tty, func() { close(cancelled) })
	if w == io.Writer(tty) || !isTerminal {
		t.Fatal("there is no pager")
	}
	if _, err := io.WriteString(w, "one\ntwo\n"); err != nil {
		t.Error(err)
	}
	select {
	case <-cancelled: // head has left
	case <-time.After(20 * time.Second):
		t.Error("the end of the pager does not end the command")
	}
	done()
	if b, err := os.ReadFile(paged); err != nil || string(b) != "one\n" {
		t.Errorf("%q, %v", b, err)
	}
	for name, o := range map[string]*logOptions{"--follow": {follow: true}, "--no-pager": {noPager: true}} {
		if w, _, _ := o.pager(tty, func() {}); w != io.Writer(tty) {
			t.Errorf("%s has a pager", name)
		}
	}
	var out strings.Builder
	if w, isTerminal, _ := (&logOptions{}).pager(&out, func() {}); w != io.Writer(&out) || isTerminal {
		t.Error("a pipe has a pager")
	}
}

// A long download says once a second how much of it is there, on one line.
func TestProgress(t *testing.T) {
	var out strings.Builder
	p := startProgress(&out)
	for range 1000 {
		p.add(1 << 20)
	}
	if out.String() != "" {
		t.Errorf("within a second: %q", out.String())
	}
	p.shown = time.Now().Add(-2 * time.Second)
	for range 256 {
		p.add(1 << 20)
	}
	if got := out.String(); !strings.HasPrefix(got, "\r1.00GiB so far") || strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
	p.hide()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("%q", out.String())
	}
	(*logProgress)(nil).add(5) // shows nothing
}
