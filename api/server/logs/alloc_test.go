//go:build !race

package logs

import (
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

func TestAllocEncoders(t *testing.T) {
	e := sample()
	many := sample()
	for range 20 {
		many.Fields = append(many.Fields, sample().Fields...)
	}
	event := &entry.Event{Kind: entry.Gap, Time: start, Agent: "a", Message: "entries are missing"}
	for _, f := range formats {
		enc := f.encoder(true)
		var buf []byte
		at := int64(start)
		if n := testing.AllocsPerRun(200, func() {
			at += 300_000
			e.Realtime = at
			buf = enc.entry(buf[:0], e)
			buf = enc.entry(buf, many)
			buf = enc.event(buf, event)
		}); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	}
}
