package publish

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func record(s string) []byte { return append(make([]byte, recordHead), s...) }

func open(t testing.TB, dir string, limit int64) *spool {
	t.Helper()
	s, err := openSpool(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func appendAll(t testing.TB, s *spool, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := s.append(record(fmt.Sprintf("record %d", i)), false); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads and acknowledges everything.
func drain(s *spool) []string {
	var got []string
	for {
		buf, seg := s.next(nil)
		if buf == nil {
			return got
		}
		got = append(got, string(buf[recordHead:]))
		s.ack(seg)
	}
}

func wantRecords(t testing.TB, got []string, numbers ...int) {
	t.Helper()
	if len(got) != len(numbers) {
		t.Fatalf("%d records, want %d: %q", len(got), len(numbers), got)
	}
	for i, n := range numbers {
		if got[i] != fmt.Sprintf("record %d", n) {
			t.Fatalf("record at %d is %q, want %d", i, got[i], n)
		}
	}
}

func to(from, to int) (n []int) {
	for ; from < to; from++ {
		n = append(n, from)
	}
	return n
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestSpoolKeepsOrderOverSegments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 8<<10) // segments of 1 KiB
	appendAll(t, s, 0, 200)
	if len(files(t, dir)) < 3 {
		t.Fatal("one segment only")
	}
	wantRecords(t, drain(s), to(0, 200)...)
	if !s.empty() || len(files(t, dir)) != 0 || s.bytes != 0 {
		t.Errorf("not empty: %d pending, %d bytes, %v", s.pending, s.bytes, files(t, dir))
	}
	appendAll(t, s, 200, 210)
	wantRecords(t, drain(s), to(200, 210)...)
}

func TestSpoolRewind(t *testing.T) {
	s := open(t, t.TempDir(), 8<<10)
	appendAll(t, s, 0, 100)
	for i := range 60 {
		_, seg := s.next(nil)
		if i < 40 {
			s.ack(seg)
		}
	}
	s.rewind()
	appendAll(t, s, 100, 110)
	wantRecords(t, drain(s), to(40, 110)...)
}

// A reader may be anywhere, also in the segment that the bound takes away.
func TestSpoolRandomly(t *testing.T) {
	for seed := range uint64(16) {
		r := rand.New(rand.NewPCG(seed, 3))
		dir := t.TempDir()
		s := open(t, dir, 4<<10)
		type out struct {
			n   int
			seg *segment
		}
		var flying []out
		wrote, last := 0, -1
		for range 2000 {
			switch r.IntN(6) {
			case 0, 1:
				appendAll(t, s, wrote, wrote+1)
				wrote++
			case 2:
				if buf, seg := s.next(nil); buf != nil {
					var n int
					fmt.Sscanf(string(buf[recordHead:]), "record %d", &n)
					if len(flying) > 0 && n != flying[len(flying)-1].n+1 && s.overflow == 0 || n <= last {
						t.Fatalf("seed %d: read %d after %v, acknowledged to %d", seed, n, flying, last)
					}
					flying = append(flying, out{n, seg})
				}
			case 3:
				if len(flying) > 0 {
					s.ack(flying[0].seg)
					last = flying[0].n
					flying = flying[1:]
				}
			case 4:
				if r.IntN(20) == 0 {
					s.rewind()
					flying = nil
				}
			case 5:
				if r.IntN(50) == 0 {
					if err := s.close(); err != nil {
						t.Fatal(err)
					}
					lost := s.overflow
					s = open(t, dir, 4<<10)
					s.overflow = lost
					flying, last = nil, -1 // a restart repeats
				}
			}
			if s.bytes > s.max || s.pending < 0 || s.corrupt != 0 {
				t.Fatalf("seed %d: %d bytes, %d pending, %d corrupt", seed, s.bytes, s.pending, s.corrupt)
			}
		}
		s.rewind()
		got := drain(s)
		if len(got) > 0 && got[len(got)-1] != fmt.Sprintf("record %d", wrote-1) {
			t.Fatalf("seed %d: last is %s of %d", seed, got[len(got)-1], wrote)
		}
		if !s.empty() {
			t.Fatalf("seed %d: %d pending", seed, s.pending)
		}
	}
}

func TestSpoolDamage(t *testing.T) {
	size := recordHead + len("record 0")
	head := len(segmentMagic)
	for _, c := range []struct {
		name   string
		damage func([]byte) []byte
		want   []int
		lost   uint64
	}{
		{"cut in a record", func(b []byte) []byte { return b[:len(b)-3] }, to(0, 9), 1},
		{"cut in a head", func(b []byte) []byte { return b[:len(b)-size+5] }, to(0, 9), 1},
		{"zeros at the end", func(b []byte) []byte { return append(b, make([]byte, 100)...) }, to(0, 10), 1},
		{"a bit of the third", func(b []byte) []byte { b[head+2*size+recordHead] ^= 1; return b },
			[]int{0, 1, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"the length of the third", func(b []byte) []byte { b[head+2*size+3] = 0xff; return b }, to(0, 2), 1},
		{"the magic", func(b []byte) []byte { b[0] = 0; return b }, nil, 1},
		{"empty", func(b []byte) []byte { return nil }, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, 1<<20)
			appendAll(t, s, 0, 10)
			s.close()
			file := files(t, dir)[0]
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, c.damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, 1<<20)
			defer s.close()
			appendAll(t, s, 10, 12)
			wantRecords(t, drain(s), append(c.want, 10, 11)...)
			if s.corrupt != c.lost || !s.empty() {
				t.Errorf("%d corrupt, want %d; %d pending", s.corrupt, c.lost, s.pending)
			}
		})
	}
}

// Whatever is in a spool's file, opening and draining ends, and what is written
// behind it comes through.
func FuzzSpoolFile(f *testing.F) {
	good := []byte(segmentMagic)
	for _, s := range []string{"one", "two"} {
		r := record(s)
		sealRecord(r)
		good = append(good, r...)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte(segmentMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1), file, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, 1<<20)
		defer s.close()
		appendAll(t, s, 7, 8)
		got := drain(s)
		if len(got) == 0 || got[len(got)-1] != "record 7" || !s.empty() {
			t.Fatalf("%d records, %d pending", len(got), s.pending)
		}
		if bytes.Equal(file, good) && len(got) != 3 {
			t.Fatal("whole records are lost")
		}
	})
}
