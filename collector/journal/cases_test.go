package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// lineFile writes a file of numbered lines.
func lineFile(t testing.TB, path string, format fileFormat, n int) {
	t.Helper()
	w := newFileWriter(t, format, ID{1})
	m := newEntryMaker(1)
	m.steady = true
	for i := range n {
		e := m.next()
		e.fields = []string{"_BOOT_ID=" + e.boot.String(), fmt.Sprintf("MESSAGE=line %d", i+1)}
		w.add(e)
	}
	w.save(path)
}

// A skip past the last entry ends there and stays there (systemd issue 37954);
// pages that go back are disjoint and together are all.
func TestSkipPastTheEnd(t *testing.T) {
	dir := t.TempDir()
	lineFile(t, filepath.Join(dir, "a.journal"), fileFormats[6], 95)
	j := runJournal(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	r.SeekTail()
	if !r.Previous() || r.e.seqnum != 95 {
		t.Fatalf("the last entry is %d", r.e.seqnum)
	}
	last := r.Cursor()
	for _, skip := range []int{1, 50} {
		r.SeekAfter(last)
		for range skip {
			if r.Next() {
				t.Fatalf("entry %d after the last", r.e.seqnum)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	waited := make(chan error)
	go func() { waited <- r.Wait(ctx) }()
	cpu := cpuOf(t, 900*time.Millisecond)
	if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting after the last entry gives %v", err)
	}
	if cpu > 0.2 {
		t.Errorf("waiting takes %.0f%% of a core", 100*cpu)
	}

	var pages []uint64
	for from := Cursor(last); ; {
		var page []uint64
		r.SeekCursor(from)
		if len(pages) == 0 {
			r.SeekAfter(from)
		}
		for len(page) < 10 && r.Previous() {
			page = append(page, r.e.seqnum)
			from = r.Cursor()
		}
		if len(page) == 0 {
			break
		}
		pages = append(pages, page...)
	}
	slices.Reverse(pages)
	for i, n := range pages {
		if n != uint64(i+1) {
			t.Fatalf("pages have %v", pages)
		}
	}
	if len(pages) != 95 {
		t.Errorf("pages have %d lines, want 95", len(pages))
	}
}

// Long fields are whole, however the file compresses them (systemd issue 24186).
func TestLongFields(t *testing.T) {
	for _, format := range fileFormats[:6] {
		t.Run(format.name, func(t *testing.T) {
			w := newFileWriter(t, format, ID{1})
			m := newEntryMaker(1)
			var want []string
			for _, size := range []int{4095, 4096, 5000, 48 << 10, 64<<10 + 1, 1 << 20} {
				random := make([]byte, size)
				for i := range random {
					random[i] = byte(m.Uint32())
				}
				for _, v := range []string{strings.Repeat("abcdefg ", size/8+1)[:size], string(random)} {
					e := m.next()
					e.fields = []string{"_BOOT_ID=" + e.boot.String(), "MESSAGE=" + v}
					want = append(want, v)
					w.add(e)
				}
			}
			dir := t.TempDir()
			w.save(filepath.Join(dir, "a.journal"))
			j := openDir(t, dir)
			r := j.Reader(Match{})
			defer r.Close()
			for i := 0; r.Next(); i++ {
				var got string
				err := r.Fields(func(name, value []byte) error {
					if string(name) == "MESSAGE" {
						got = string(value)
					}
					return nil
				})
				if err != nil || got != want[i] {
					t.Errorf("entry %d has %d bytes, want %d, error %v", i, len(got), len(want[i]), err)
				}
				b, err := r.AppendJSON(nil, &JSONOptions{Text: true})
				var object struct{ MESSAGE any }
				if err == nil {
					err = json.Unmarshal(b, &object)
				}
				if s, ok := object.MESSAGE.(string); err != nil || i%2 == 0 && (!ok || s != want[i]) {
					t.Errorf("entry %d: JSON has %d bytes, error %v", i, len(b), err)
				}
			}
			if errs := r.Errors(); len(errs) > 0 {
				t.Error(errs)
			}
		})
	}
}

// What is no plain text is kept: text with control characters as a string where
// that is asked for, anything else as a list of bytes; a field that occurs twice
// as a list.
func TestUnusualFields(t *testing.T) {
	long := strings.Repeat("N", 65)
	for _, c := range []struct{ field, journalctl, text string }{
		{"MESSAGE=ends in\r", `[101,110,100,115,32,105,110,13]`, `"ends in\r"`},
		{"MESSAGE=\x1b[1mbold\x07", `[27,91,49,109,98,111,108,100,7]`, `"\u001b[1mbold\u0007"`},
		{"MESSAGE=a\x00b", `[97,0,98]`, `"a\u0000b"`},
		{"MESSAGE=\xff\xfe", `[255,254]`, `[255,254]`},
		{"MESSAGE=tab\tand\nline", `"tab\tand\nline"`, `"tab\tand\nline"`},
		{"MESSAGE=", `""`, `""`},
	} {
		w := newFileWriter(t, fileFormats[5], ID{1})
		e := newEntryMaker(1).next()
		e.fields = []string{"_BOOT_ID=" + e.boot.String(), c.field, "TAG=a", "TAG=b", long + "=x"}
		w.add(e)
		dir := t.TempDir()
		w.save(filepath.Join(dir, "a.journal"))
		r := openDir(t, dir).Reader(Match{})
		if !r.Next() {
			t.Fatal("no entry")
		}
		for want, o := range map[string]*JSONOptions{c.journalctl: {}, c.text: {Text: true}} {
			b, err := r.AppendJSON(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			has := func(s string) bool { return bytes.Contains(b, []byte(s)) }
			if !has(`"MESSAGE":`+want) || !has(`"TAG":["a","b"]`) || has(long) {
				t.Errorf("%q: %s, want %s", c.field, b, want)
			}
		}
		r.Close()
	}
}

// A file that is cut off under a reader is an error, and no crash; other files
// are read on.
func TestTruncatedUnderReader(t *testing.T) {
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut@1.journal")
	lineFile(t, cut, fileFormats[5], 5000)
	w := newFileWriter(t, fileFormats[5], ID{2})
	m := newEntryMaker(2)
	for range 5000 {
		w.add(m.next())
	}
	w.save(filepath.Join(dir, "whole@1.journal"))
	for _, to := range []int64{0, 4096, 100_000} {
		whole, err := os.ReadFile(cut)
		if err != nil {
			t.Fatal(err)
		}
		j := openDir(t, dir)
		r := j.Reader(Match{})
		var line []byte
		n := 0
		var errs []error
		for r.Next() {
			if n++; n == 100 {
				if err := os.Truncate(cut, to); err != nil {
					t.Fatal(err)
				}
			}
			if line, err = r.AppendExport(append(line[:0], "kept"...)); !bytes.HasPrefix(line, []byte("kept")) {
				t.Fatal("what was in the buffer is gone")
			}
			if _, jsonErr := r.AppendJSON(nil, &JSONOptions{}); err == nil {
				err = jsonErr
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		if errs = append(errs, r.Errors()...); n < 5000 || len(errs) == 0 && to > 0 { // nothing left: it counts as removed
			t.Errorf("cut to %d bytes: %d entries, errors %v", to, n, errs)
		}
		j.Refresh()
		r.Close()
		if err := os.WriteFile(cut, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that grows beyond what of it was mapped is mapped anew under its readers.
func TestGrowthBeyondTheMapping(t *testing.T) {
	defer func(room int64) { roomToGrow = room }(roomToGrow)
	roomToGrow = 0
	dir := t.TempDir()
	path, grown := filepath.Join(dir, "a.journal"), filepath.Join(t.TempDir(), "grown")
	lineFile(t, path, fileFormats[6], 50)
	lineFile(t, grown, fileFormats[6], 5000)
	j := openDir(t, dir)
	r, tail := j.Reader(Match{}), j.Reader(Match{})
	defer r.Close()
	defer tail.Close()
	tail.SeekTail()
	for range 20 {
		if !r.Next() || !tail.Previous() {
			t.Fatal("no entry")
		}
	}
	b, err := os.ReadFile(grown)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	j.Refresh()
	for i := uint64(21); i <= 5000; i++ {
		if !r.Next() || r.e.seqnum != i {
			t.Fatalf("entry %d follows, want %d", r.e.seqnum, i)
		}
	}
	for i := uint64(30); i > 0; i-- {
		if !tail.Previous() || tail.e.seqnum != i {
			t.Fatalf("entry %d precedes, want %d", tail.e.seqnum, i)
		}
	}
	if errs := append(r.Errors(), tail.Errors()...); len(errs) > 0 {
		t.Error(errs)
	}
}

// A file that is replaced by a copy, as journald does on btrfs, is read on in the
// copy.
func TestFileReplacedByCopy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.journal")
	lineFile(t, path, fileFormats[5], 100)
	j := openDir(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	for range 40 {
		r.Next()
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path+".new", b)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	j.Refresh()
	for i := uint64(41); i <= 100; i++ {
		if !r.Next() || r.e.seqnum != i {
			t.Fatalf("entry %d follows, want %d", r.e.seqnum, i)
		}
	}
	if r.Next() || len(r.Errors()) > 0 || len(mapsOfDeleted(t)) > 0 {
		t.Errorf("another entry, an error or a deleted file that is mapped: %v", mapsOfDeleted(t))
	}
}
