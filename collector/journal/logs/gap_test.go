package logs

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// renumber adds to the sequence numbers of a journal file (layout.go of package journal).
func renumber(t *testing.T, path string, by uint64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	add := func(at uint64) { le.PutUint64(b[at:], le.Uint64(b[at:])+by) }
	add(160)
	add(168)
	const entryObject = 3
	for at := le.Uint64(b[88:]); at+16 <= uint64(len(b)) && b[at] != 0; at += (le.Uint64(b[at+8:]) + 7) &^ 7 {
		if b[at] == entryObject {
			add(at + 16)
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Entries that are in no file are an event in the stream, also of a filter and where a
// limit ends it, and are counted.
func TestGapEvent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 32))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"system@1.journal", "system.journal"} {
		var lines []line
		for n := range int64(10) {
			at := n*1e6 + int64(i)*20e6
			lines = append(lines, line{realtime: longAgo + at, monotonic: at + 1, boot: boot1,
				fields: []string{fmt.Sprint("NUMBER=", n+10*int64(i)), fmt.Sprint("PRIORITY=", n%5)}})
		}
		writeJournal(t, filepath.Join(dir, name), lines)
	}
	renumber(t, filepath.Join(dir, "system.journal"), 17)
	n := node(t, nil, filepath.Dir(dir))
	for i, q := range []query.LogQuery{{}, {Reverse: true}, {Matches: []string{"PRIORITY=3"}}, {Limit: 12},
		{Tail: true, Limit: 12}, {Since: longAgo + 5e6}} {
		entries, events, err := read(t, n, &q)
		if err != nil || len(entries) < 4 || len(events) != 1 {
			t.Fatalf("%+v: %d entries, events %v, error %v", q, len(entries), events, err)
		}
		if e := events[0]; e.Kind != entry.Gap || e.Count != 7 || e.Source != dir || e.Agent != agent ||
			!strings.Contains(e.Message, "7 entries, of those with numbers from 11 to 17") {
			t.Errorf("event %+v", e)
		}
		if s := n.Stats(); len(s.Events) != 1 || s.Events[0] != (EventCount{entry.Gap, uint64(i + 1)}) {
			t.Errorf("counts %+v", s)
		}
	}
	for _, q := range []query.LogQuery{{Limit: 10}, {Tail: true, Limit: 10}, {Since: longAgo + 20e6}} {
		if _, events, err := read(t, n, &q); err != nil || len(events) > 0 {
			t.Errorf("%+v: events %v, error %v", q, events, err)
		}
	}
}
