package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// Fields read through the cache are those that Fields reads one by one, in files of
// every format, and Value finds what they have.
func TestAppendFields(t *testing.T) {
	for _, format := range fileFormats {
		w := newFileWriter(t, format, ID{1})
		m := newEntryMaker(3)
		for range 2000 {
			w.add(m.next())
		}
		dir := t.TempDir()
		w.save(filepath.Join(dir, "a.journal"))
		r := openDir(t, dir).Reader(Match{})
		defer r.Close()
		var buf []byte
		var fields []logentry.Field
		n := 0
		for ; r.Next(); n++ {
			var want []string
			if err := r.Fields(func(name, value []byte) error {
				want = append(want, string(name)+"="+string(value))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			var err error
			if buf, fields, err = r.AppendFields(buf[:0], fields[:0]); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range fields {
				got = append(got, f.Name+"="+string(f.Value))
				ok, err := r.Value(f.Name, func(v []byte) {
					if !slices.ContainsFunc(fields, func(o logentry.Field) bool {
						return o.Name == f.Name && bytes.Equal(o.Value, v)
					}) {
						t.Errorf("%s has the value %q", f.Name, v)
					}
				})
				if !ok || err != nil {
					t.Fatalf("no value of %s: %v", f.Name, err)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: entry %d is %q, want %q", format.name, n, got, want)
			}
			if ok, err := r.Value("NO_SUCH_FIELD", nil); ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		if n != 2000 {
			t.Errorf("%s: %d entries", format.name, n)
		}
	}
}

// A collection of values sees each value once it comes, and forgets those of files that
// went.
func TestKnown(t *testing.T) {
	dir := t.TempDir()
	lineFile(t, filepath.Join(dir, "a.journal"), fileFormats[5], 20)
	j := openDir(t, dir)
	k := j.Known(dir, "MESSAGE", "_BOOT_ID")
	defer k.Close()
	got := map[string]int{}
	update := func() {
		t.Helper()
		if errs := k.Update(func() { clear(got) }, func(field int, value []byte) bool {
			got[string(value)]++
			return true
		}); len(errs) > 0 {
			t.Fatal(errs)
		}
	}
	update()
	update()
	if len(got) != 21 || got["line 20"] != 1 {
		t.Fatalf("got %v", got)
	}
	lineFile(t, filepath.Join(dir, "b.journal"), fileFormats[6], 25)
	j.Refresh()
	update()
	if len(got) != 26 || got["line 25"] != 1 {
		t.Fatalf("got %v", got)
	}
	if err := os.Remove(filepath.Join(dir, "b.journal")); err != nil {
		t.Fatal(err)
	}
	j.Refresh()
	update()
	if len(got) != 21 {
		t.Fatalf("got %v", got)
	}
}
