//go:build !race

package journal

import (
	"fmt"
	"path/filepath"
	"testing"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// Reading allocates nothing for an entry.
func TestAllocReading(t *testing.T) {
	w := newFileWriter(t, fileFormats[5], ID{9})
	m := newEntryMaker(1)
	for i := range 5000 {
		e := m.next()
		e.fields = []string{"_BOOT_ID=" + e.boot.String(), fmt.Sprintf("PRIORITY=%d", i%8),
			fmt.Sprintf("_SYSTEMD_UNIT=unit%d.service", i%20), fmt.Sprintf("MESSAGE=request %d", i),
			fmt.Sprintf("LONG=%0200d", i)}
		w.add(e)
	}
	dir := t.TempDir()
	w.save(filepath.Join(dir, "a@1.journal"))
	j := openDir(t, dir)
	for _, match := range []Match{{}, Any(Equal("PRIORITY", "3"), Equal("_SYSTEMD_UNIT", "unit1.service"))} {
		r := j.Reader(match)
		defer r.Close()
		var line []byte
		var fields []logentry.Field
		ignore := func([]byte) {}
		which := NewPayloads("PRIORITY=3", "PRIORITY=4", "PRIORITY=9")
		step := func() {
			if !r.Next() {
				r.SeekHead()
				return
			}
			var err error
			if line, err = r.AppendExport(line[:0]); err == nil {
				line, err = r.AppendJSON(line[:0], &JSONOptions{Threshold: 4096})
			}
			if err == nil {
				line, fields, err = r.AppendFields(line[:0], fields[:0])
			}
			if err == nil {
				_, err = r.Value("MESSAGE", ignore)
			}
			if err == nil {
				_, err = r.Which(which)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 6000 {
			step()
		}
		r.SeekHead()
		step()
		if n := testing.AllocsPerRun(600, step); n != 0 {
			t.Errorf("an entry allocates %v times", n)
		}
	}
}

// The place of an entry among several authors allocates nothing.
func TestAllocPlace(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"remote-a@1.journal", "remote-b@1.journal", "remote-c@1.journal"} {
		w := newFileWriter(t, fileFormats[5], ID{byte(i)})
		m := newEntryMaker(uint64(i))
		for range 2000 {
			w.add(m.next())
		}
		w.save(filepath.Join(dir, name))
	}
	r := openDir(t, dir).Reader(Match{})
	defer r.Close()
	var text []byte
	step := func() {
		if !r.Next() {
			t.Fatal("too few entries")
		}
		text = r.AppendPlace(text[:0])
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(600, step); n != 0 {
		t.Errorf("a place allocates %v times", n)
	}
	if len(text) < 200 {
		t.Errorf("a place of three authors is %s", text)
	}
}
