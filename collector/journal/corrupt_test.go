package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// flipSeeds is how many files with flipped bits are read; DAYTWO_JOURNAL_FLIPS
// sets another number.
func flipSeeds(t testing.TB) int { return number(t, "DAYTWO_JOURNAL_FLIPS", 1000) }

// smallFile is a file of few entries of every format, and what they are by their
// cursors.
func smallFile(t testing.TB, format fileFormat) (b []byte, entries map[string]string) {
	w := newFileWriter(t, format, ID{9})
	m := newEntryMaker(77)
	for range 40 {
		e := m.next()
		if len(e.fields) < 100 {
			w.add(e)
		}
	}
	b = w.bytes()
	entries = map[string]string{}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.journal"), b)
	readAll(t, dir, func(cursor, fields string, err error) {
		if err != nil {
			t.Fatal(err)
		}
		entries[cursor] = fields
	})
	return b, entries
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll reads a directory in every way there is, calls fn with what Next and
// AppendExport give, and returns what was wrong.
func readAll(t testing.TB, dir string, fn func(cursor, fields string, err error)) (errs []error) {
	j := Open(Options{Dirs: []string{dir}, Log: discard})
	defer j.Close()
	errs = j.Bad()
	r := j.Reader(Match{})
	defer r.Close()
	var line []byte
	for r.Next() {
		var err error
		line, err = r.AppendExport(line[:0])
		fn(r.e.cursorString(), string(line[len(r.appendExportHead(nil)):]), err)
		_, _ = r.AppendJSON(line[:0], &JSONOptions{})
	}
	r.SeekTail()
	for r.Previous() {
	}
	errs = append(errs, r.Errors()...)
	m, _ := ParseMatches("PRIORITY=3", "_SYSTEMD_UNIT=unit1.service", "+", "_HOSTNAME=host")
	matching := j.Reader(m)
	defer matching.Close()
	matching.SeekRealtime(1_700_000_020_000_000)
	for matching.Next() {
	}
	_, _ = j.FieldNames()
	_, _ = j.Boots()
	_ = j.Values("_PID", func([]byte) bool { return true })
	return errs
}

// Flipped bits: no crash, no hang, and no entry whose fields are not what was
// written that is not told of. (Sequence numbers and times are under no hash.)
func TestFlippedBits(t *testing.T) {
	for i, format := range fileFormats {
		t.Run(format.name, func(t *testing.T) {
			good, entries := smallFile(t, format)
			known := map[string]bool{}
			for _, fields := range entries {
				known[fields] = true
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "a.journal")
			for seed := range flipSeeds(t) / len(fileFormats) {
				b := append([]byte(nil), good...)
				rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
				at := rng.IntN(len(b))
				if rng.IntN(4) == 0 { // a header is a small part of a file and decides most
					at = rng.IntN(format.headerSize)
				}
				bit := rng.IntN(8)
				b[at] ^= 1 << bit
				write(t, path, b)
				begin := time.Now()
				n, bad := 0, 0
				errs := readAll(t, dir, func(cursor, fields string, err error) {
					if n++; err != nil {
						bad++
					} else if !known[fields] {
						t.Errorf("seed %d, bit %d of byte %d: an entry that was never written, without an error:\n%.300q",
							seed, bit, at, fields)
					}
				})
				if took := time.Since(begin); took > 2*time.Second {
					t.Errorf("seed %d, bit %d of byte %d: took %v", seed, bit, at, took)
				}
				if n != len(entries) && len(errs) == 0 {
					t.Errorf("seed %d, bit %d of byte %d: %d of %d entries, without an error", seed, bit, at, n, len(entries))
				}
			}
		})
	}
}

// A file that is cut off at any object is read up to there, and said to be cut.
func TestTruncation(t *testing.T) {
	for _, format := range fileFormats {
		t.Run(format.name, func(t *testing.T) {
			good, entries := smallFile(t, format)
			dir := t.TempDir()
			path := filepath.Join(dir, "a.journal")
			step := 1
			if testing.Short() {
				step = 20
			}
			next := func(at uint64) uint64 { return at + (le.Uint64(good[at+objectSizeAt:])+7)&^7 }
			for i, at := 0, uint64(format.headerSize); at < uint64(len(good)); i, at = i+1, next(at) {
				if i%step != 0 {
					continue
				}
				for _, cut := range []uint64{at, at + 12} {
					write(t, path, good[:cut])
					n := 0
					errs := readAll(t, dir, func(cursor, fields string, err error) {
						if n++; err == nil && entries[cursor] != fields {
							t.Errorf("cut at %d: entry %s is %.200q, want %.200q", cut, cursor, fields, entries[cursor])
						}
					})
					if n < len(entries) && len(errs) == 0 {
						t.Errorf("cut at %d: %d of %d entries, without an error", cut, n, len(entries))
					}
				}
			}
		})
	}
}

// Entries that share a damaged field are told of, each of them; all others are
// what they were.
func TestDamagedField(t *testing.T) {
	w := newFileWriter(t, fileFormats[5], ID{9})
	m := newEntryMaker(1)
	for i := range 100 {
		e := m.next()
		e.fields = []string{"_BOOT_ID=" + e.boot.String(), fmt.Sprintf("SHARED=value %d", i%4), fmt.Sprint("MESSAGE=", i),
			"TAG=a", "TAG=b"}
		w.add(e)
	}
	b := w.bytes()
	b[w.data["SHARED=value 2"]+dataPayloadCompact+9] ^= 0x20
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.journal"), b)
	j := openDir(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	for i := 0; r.Next(); i++ {
		_, exportErr := r.AppendExport(nil)
		_, jsonErr := r.AppendJSON(nil, &JSONOptions{})
		fieldsErr := r.Fields(func(_, _ []byte) error { return nil })
		for _, err := range []error{exportErr, jsonErr, fieldsErr} {
			if damaged := i%4 == 2; damaged != (err != nil) {
				t.Errorf("entry %d: %v", i, err)
			}
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, format := range fileFormats {
		w := newFileWriter(f, format, ID{9})
		for _, size := range []int{3, 100, 3} {
			e := testEntry{seqnum: w.objects, realtime: w.objects, monotonic: w.objects, boot: ID{1}}
			e.fields = []string{"_HOSTNAME=host", "PRIORITY=3", "MESSAGE=" + strings.Repeat("x", size)}
			w.add(e)
		}
		f.Add(w.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a@1.journal"), b)
		readAll(t, dir, func(string, string, error) {})
	})
}
