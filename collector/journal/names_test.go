package journal

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

// More names of fields than a reader numbers, and fields that it has rendered before,
// read as by a reader of each entry alone.
func TestManyNames(t *testing.T) {
	w := newFileWriter(t, fileFormats[5], ID{9})
	m := newEntryMaker(1)
	const n = 40
	for i := range n {
		e := m.next()
		e.fields = []string{"_BOOT_ID=" + e.boot.String(), fmt.Sprint("COMMON=", i%3), "MESSAGE=x"}
		for k := range 2 * maxNames / n {
			e.fields = append(e.fields, fmt.Sprintf("NAME_%d_%d=1", i, k))
		}
		w.add(e)
	}
	dir := t.TempDir()
	w.save(filepath.Join(dir, "a@1.journal"))
	j := openDir(t, dir)
	for name, read := range map[string]func(r *Reader) ([]byte, error){
		"export": func(r *Reader) ([]byte, error) { return r.AppendExport(nil) },
		"json":   func(r *Reader) ([]byte, error) { return r.AppendJSON(nil, &JSONOptions{}) },
	} {
		r := j.Reader(Match{})
		got := 0
		for ; r.Next(); got++ {
			text, err := read(r)
			if err != nil {
				t.Fatal(err)
			}
			alone := j.Reader(Match{})
			alone.SeekCursor(r.Cursor())
			alone.Next()
			want, err := read(alone)
			if err != nil || !bytes.Equal(text, want) {
				t.Fatalf("%s of entry %d: %.200q, want %.200q (%v)", name, got, text, want, err)
			}
			alone.Close()
		}
		r.Close()
		if got != n {
			t.Errorf("%s: %d entries, want %d", name, got, n)
		}
	}
}
