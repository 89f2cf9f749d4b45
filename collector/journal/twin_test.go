package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var discard = slog.New(slog.DiscardHandler)

// plainEntry is an entry as the plain reader has it.
type plainEntry struct {
	e      entry
	fields []string
}

// readPlain reads a file from its first to its last object, without its index:
// the twin of the reader.
func readPlain(path string) ([]plainEntry, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := new(File)
	f.setPath(path)
	if err := f.parseHeader(b); err != nil {
		return nil, err
	}
	f.data = b
	var d decoder
	defer d.close()
	var all []plainEntry
	for at := f.headerSize; at+objectHeader <= uint64(len(b)) && b[at] != 0; {
		size := le.Uint64(b[at+objectSizeAt:])
		if b[at] == objectEntry {
			p := plainEntry{}
			if err := f.entry(at, &p.e); err != nil {
				return nil, err
			}
			for i := range f.items(&p.e) {
				payload, err := d.payload(f, f.item(&p.e, i))
				if err != nil {
					return nil, err
				}
				p.fields = append(p.fields, string(payload))
			}
			all = append(all, p)
		}
		at += (size + 7) &^ 7
	}
	return all, nil
}

// wants reports whether a match takes an entry, plainly.
func (m *Match) wants(fields []string) bool {
	switch {
	case m.Everything():
		return true
	case m.payload != "":
		return slices.Contains(fields, m.payload)
	}
	for i := range m.parts {
		if m.parts[i].wants(fields) == m.any {
			return m.any
		}
	}
	return !m.any
}

func (p *plainEntry) String() string { return p.e.cursorString() + " " + fmt.Sprintf("%q", p.fields) }

func (e *entry) cursorString() string { c := e.cursor(); return c.String() }

// entryOf is the entry that a reader is at, in the form of the plain reader's.
func entryOf(t testing.TB, r *Reader) string {
	t.Helper()
	p := plainEntry{e: r.e}
	err := r.Fields(func(name, value []byte) error {
		p.fields = append(p.fields, string(name)+"="+string(value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}

func makeFile(t testing.TB, format fileFormat, seed uint64, entries int) (path string) {
	t.Helper()
	w := newFileWriter(t, format, ID{9})
	m := newEntryMaker(seed)
	for range entries {
		w.add(m.next())
	}
	path = filepath.Join(t.TempDir(), "test.journal")
	w.save(path)
	return path
}

var testMatches = [][]string{
	{}, {"PRIORITY=3"}, {"PRIORITY=3", "PRIORITY=4", "_SYSTEMD_UNIT=unit1.service"},
	{"_PID=77", "+", "_SYSTEMD_UNIT=unit2.service", "PRIORITY=1"},
	{"TAG=a"}, {"NOTHING=x"}, {"PRIORITY=2", "NOTHING=x"}, {"MESSAGE="},
}

func TestReaderAgainstPlainReader(t *testing.T) {
	for i, format := range fileFormats {
		t.Run(format.name, func(t *testing.T) {
			path := makeFile(t, format, uint64(i), 2000)
			plain, err := readPlain(path)
			if err != nil {
				t.Fatal(err)
			}
			j := Open(Options{Dirs: []string{filepath.Dir(path)}})
			defer j.Close()
			for _, args := range testMatches {
				m, err := ParseMatches(args...)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for i := range plain {
					if m.wants(plain[i].fields) {
						want = append(want, plain[i].String())
					}
				}
				r := j.Reader(m)
				var got []string
				for r.Next() {
					got = append(got, entryOf(t, r))
				}
				same(t, fmt.Sprint(args, " forward"), got, want)
				r.SeekTail()
				got = got[:0]
				for r.Previous() {
					got = append(got, entryOf(t, r))
				}
				slices.Reverse(got)
				same(t, fmt.Sprint(args, " back"), got, want)
				if errs := r.Errors(); len(errs) > 0 {
					t.Error(errs)
				}
				r.Close()
			}
		})
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got) || i >= len(want):
			t.Fatalf("%s: %d entries, want %d", what, len(got), len(want))
		case got[i] != want[i]:
			t.Fatalf("%s: entry %d is %.200s, want %.200s", what, i, got[i], want[i])
		}
	}
}

// Steps to and fro meet the same entries.
func TestTurningRound(t *testing.T) {
	dir := t.TempDir()
	m := newEntryMaker(5)
	var writers []*fileWriter
	for i := range 3 {
		writers = append(writers, newFileWriter(t, fileFormats[i+2], ID{byte(7 + i/2)}))
	}
	for i := range 3000 {
		e := m.next()
		at := m.IntN(3)
		writers[at].add(e)
		if i%10 == 0 && at < 2 { // in two files of one journald: shown once
			writers[1-at].add(e)
		}
	}
	for i, w := range writers {
		w.save(filepath.Join(dir, fmt.Sprint(i, ".journal")))
	}
	j := Open(Options{Dirs: []string{dir}})
	defer j.Close()
	r := j.Reader(Match{})
	defer r.Close()
	var all []string
	for r.Next() {
		all = append(all, r.e.cursorString())
	}
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) || n != 3000 {
		t.Fatalf("%d entries, %d of them different from the one before", len(all), n)
	}
	r.SeekHead()
	at := -1
	for range 20_000 {
		back := m.IntN(2) == 0
		for range m.IntN(30) {
			ok, to := false, at+1
			if back {
				to = at - 1
			}
			if back {
				ok = r.Previous()
			} else {
				ok = r.Next()
			}
			if want := to >= 0 && to < len(all); ok != want {
				t.Fatalf("at entry %d of %d, back %v: found is %v", at, len(all), back, ok)
			}
			if !ok {
				break
			}
			if at = to; r.e.cursorString() != all[at] {
				t.Fatalf("entry %d is %s, want %s", at, r.e.cursorString(), all[at])
			}
		}
	}
}

func TestSeek(t *testing.T) {
	path := makeFile(t, fileFormats[5], 11, 1000)
	plain, err := readPlain(path)
	if err != nil {
		t.Fatal(err)
	}
	j := Open(Options{Dirs: []string{filepath.Dir(path)}})
	defer j.Close()
	r := j.Reader(Match{})
	defer r.Close()
	step := func(next bool) string {
		if next && r.Next() || !next && r.Previous() {
			return r.e.cursorString()
		}
		return ""
	}
	for i := range plain {
		c, err := ParseCursor(plain[i].e.cursorString())
		if err != nil {
			t.Fatal(err)
		}
		cursorAt := func(i int) string {
			if i < 0 || i >= len(plain) {
				return ""
			}
			return plain[i].e.cursorString()
		}
		checks := []struct {
			name string
			seek func(Cursor)
			next bool
			want string
		}{
			{"next of the cursor", r.SeekCursor, true, cursorAt(i)},
			{"previous of the cursor", r.SeekCursor, false, cursorAt(i - 1)},
			{"next after the cursor", r.SeekAfter, true, cursorAt(i + 1)},
			{"previous after the cursor", r.SeekAfter, false, cursorAt(i)},
			{"next of the time since boot", func(c Cursor) { r.SeekMonotonic(c.Boot, c.Monotonic) }, true, cursorAt(i)},
		}
		for _, check := range checks {
			if check.seek(c); step(check.next) != check.want {
				t.Fatalf("entry %d, %s: got %s, want %s", i, check.name, r.e.cursorString(), check.want)
			}
		}
	}
}

// A filter and a cursor of an entry that does not pass it: the next one that
// does is news (systemd issue 30288).
func TestResumeWithFilter(t *testing.T) {
	w := newFileWriter(t, fileFormats[4], ID{1})
	m := newEntryMaker(3)
	for _, id := range strings.Fields("x y x y x") {
		e := m.next()
		e.fields = []string{"SYSLOG_IDENTIFIER=" + id, fmt.Sprint("MESSAGE=", m.seqnum)}
		w.add(e)
	}
	path := filepath.Join(t.TempDir(), "a.journal")
	w.save(path)
	j := Open(Options{Dirs: []string{filepath.Dir(path)}})
	defer j.Close()
	all := j.Reader(Match{})
	defer all.Close()
	all.Next()
	all.Next()
	r := j.Reader(Equal("SYSLOG_IDENTIFIER", "x"))
	defer r.Close()
	r.SeekAfter(all.Cursor())
	var got []uint64
	for r.Next() {
		got = append(got, r.e.seqnum)
	}
	if !slices.Equal(got, []uint64{3, 5}) {
		t.Errorf("entries %v, want 3 and 5", got)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	good := makeFile(t, fileFormats[5], 2, 10)
	dir := filepath.Dir(good)
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(b)
	newer[headIncompatible] |= 0x80
	for name, content := range map[string][]byte{
		"newer.journal": newer, "empty.journal": nil, "zero.journal": make([]byte, 4096),
		"text.journal~": []byte(strings.Repeat("text", 100)),
		"short.journal": b[:100], "ignored.txt": []byte("x"),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Minute)); err != nil { // else it may be in the making
			t.Fatal(err)
		}
	}
	j := Open(Options{Dirs: []string{dir, filepath.Join(dir, "absent")}, Log: discard})
	defer j.Close()
	got := map[string]error{}
	for _, err := range j.Bad() {
		var fe *FileError
		if !errors.As(err, &fe) {
			t.Fatalf("%v names no file", err)
		}
		got[filepath.Base(fe.Path)] = err
	}
	for name, want := range map[string]error{
		"newer.journal": ErrNewer, "empty.journal": ErrEmpty, "zero.journal": ErrEmpty,
		"text.journal~": ErrCorrupt, "short.journal": ErrCorrupt,
	} {
		if err, ok := got[name]; !ok || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if len(got) != 5 {
		t.Errorf("%d files are bad, want 5: %v", len(got), got)
	}
	r := j.Reader(Match{})
	defer r.Close()
	n := 0
	for r.Next() {
		n++
	}
	if n != 10 {
		t.Errorf("%d entries of the good file, want 10", n)
	}
}
