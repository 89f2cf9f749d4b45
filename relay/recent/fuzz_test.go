package recent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/load"
)

// Decoding any list ends, and gives only possible records.
func FuzzList(f *testing.F) {
	p := newPosting()
	h := frame.Header{Agent: "a", Boot: 1, Seq: 1, Key: 1, Time: start, Interval: 1e9, Parts: 1}
	p.add(&place{Header: h, off: 8, size: 100})
	h.Seq, h.Time, h.Boot = 2, start-5e9, 2
	p.add(&place{Header: h, off: 200, size: 7, carried: true})
	h.Parts, h.Part = 3, 2
	p.add(&place{Header: h, off: 207, size: 1})
	f.Add(p.buf)
	f.Add([]byte{flagFull})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		_ = each(b, func(r *place) bool {
			if n++; r.off < 0 || r.Part >= r.Parts || r.Parts > frame.MaxParts {
				t.Fatalf("%+v", r)
			}
			return true
		})
		if n > len(b) {
			t.Fatalf("%d records of %d bytes", n, len(b))
		}
	})
}

// Decoding a list gives the records that were added to it.
func FuzzListRoundTrip(f *testing.F) {
	f.Add([]byte("some bytes to make records of, for as long as there are any left over"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPosting()
		var want []place
		var at place
		at.off = 8
		for len(b) >= 8 {
			at.off += int64(at.size) + int64(b[0])
			at.size = uint32(b[1]) << (b[2] % 20)
			at.Boot, at.Seq = uint64(b[2]%3), uint64(b[3])<<(b[4]%50)+1
			at.Key = max(1, at.Seq-min(at.Seq, uint64(b[5])))
			at.Time, at.Interval = int64(b[6])<<(b[7]%50), int64(b[5]%3)+1
			at.Parts = uint16(b[6]%3) + 1
			at.Part = uint16(b[7]) % at.Parts
			at.carried, at.Events = b[7]&16 != 0, b[7]&32 != 0
			p.add(&at)
			want = append(want, at)
			b = b[8:]
		}
		i := 0
		err := each(p.buf, func(r *place) bool {
			if *r != want[i] {
				t.Fatalf("record %d: %+v, want %+v", i, *r, want[i])
			}
			i++
			return true
		})
		if err != nil || i != len(want) {
			t.Fatal(i, err)
		}
	})
}

// A damaged segment never stops the store from opening and answering.
func FuzzSegment(f *testing.F) {
	for _, seal := range []bool{true, false} {
		dir := f.TempDir()
		s, err := Open(Options{Dir: dir})
		if err != nil {
			f.Fatal(err)
		}
		n := load.NewNode(load.NodeOptions{Agent: "a", Boot: 1, Containers: 1, Start: start, KeyEvery: 2})
		for range 3 {
			if err := appendTo(s, n.Tick()[0]); err != nil {
				f.Fatal(err)
			}
		}
		written(f, s)
		name, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
		if seal {
			s.Close()
		}
		b, err := os.ReadFile(name[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		s.Close()
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000000000000000001.seg"), bytes.Clone(b), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			abandon(t, s) // faster than Close, which waits for fsync
		}()
		if _, err := s.Query(t.Context(), all()); err != nil {
			t.Fatal(err)
		}
		n := load.NewNode(load.NodeOptions{Agent: "a", Boot: 99, Containers: 1, Start: start})
		if err := appendTo(s, n.Tick()[0]); err != nil {
			t.Fatal(err)
		}
	})
}
