//go:build !race

package sessions

import (
	"net/http"
	"testing"
	"time"
)

// discard is a client that takes everything.
type discard struct{ h http.Header }

func (d discard) Header() http.Header            { return d.h }
func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) WriteHeader(int)                  {}
func (discard) Flush()                           {}
func (discard) SetWriteDeadline(time.Time) error { return nil }

// Output costs no memory per record.
func TestAllocOutput(t *testing.T) {
	p := make([]byte, 32<<10)
	for _, enc := range []encoding{asJSON, asProtobuf} {
		o := newOutput(discard{http.Header{}}, enc, false)
		o.begin()
		w := o.of(stdout)
		if n := testing.AllocsPerRun(100, func() { _, _ = w.Write(p) }); n > 0 {
			t.Errorf("%v: %v allocations", enc, n)
		}
	}
}
