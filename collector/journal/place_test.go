package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// several writes the files of several authors, whose entries are seen in another order
// than that of their times.
type several struct {
	*rand.Rand
	now   uint64
	all   []*sequence
	names [][]string
}

func newSeveral(t *testing.T, seed uint64) (dir string, s *several) {
	dir = t.TempDir()
	s = &several{Rand: rand.New(rand.NewPCG(seed, 3)), now: 100e6}
	for i, sub := range []string{"m", "m.shop", "remote"} {
		at := filepath.Join(dir, sub)
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		q := newSequence(t, at, ID{byte(i + 1)}, seed)
		q.m.boot = ID{7}
		s.all = append(s.all, q)
	}
	s.names = [][]string{{"system.journal", "user-1.journal"}, {"system.journal"}, {"remote-a.journal"}}
	return dir, s
}

// put writes an entry that is up to three seconds late.
func (s *several) put() {
	s.now += s.Uint64N(1e6)
	i := s.IntN(len(s.all))
	q := s.all[i]
	at := max(q.m.monotonic, s.now-s.Uint64N(3e6))
	q.m.realtime, q.m.monotonic = 1_700_000_000_000_000+at, at
	q.put(s.names[i][s.IntN(len(s.names[i]))], fmt.Sprint("AUTHOR=", i), fmt.Sprint("PRIORITY=", s.IntN(2)))
}

// labelOf says which entry a reader is at.
func labelOf(r *Reader) string { return fmt.Sprintf("%x/%d", r.e.seqnumID[0], r.e.seqnum) }

// Whoever goes on at the place of any entry has what an uninterrupted reader had after it,
// although entries came that were older, with a filter or without, from the head or the tail.
func TestPlace(t *testing.T) {
	for seed := range uint64(8) {
		for _, m := range []Match{{}, Equal("PRIORITY", "1")} {
			dir, s := newSeveral(t, seed)
			for range 30 {
				s.put()
			}
			j := openDir(t, dir)
			r := j.Reader(m)
			if seed%2 == 1 {
				r.SeekTail()
				for range 3 {
					r.Previous()
				}
			}
			var labels, places []string
			late := 0
			last := uint64(0)
			for range 150 {
				for r.Next() {
					if r.e.monotonic < last {
						late++
					}
					last = r.e.monotonic
					labels = append(labels, labelOf(r))
					places = append(places, string(r.AppendPlace(nil)))
				}
				for range s.IntN(3) {
					s.put()
				}
			}
			for r.Next() {
				labels = append(labels, labelOf(r))
				places = append(places, string(r.AppendPlace(nil)))
			}
			r.Close()
			if late < 10 {
				t.Fatalf("only %d entries were late", late)
			}
			for i, text := range places {
				p, err := ParsePlace(text)
				if err != nil {
					t.Fatal(err)
				}
				if c, err := ParseCursor(text); err != nil || c != p.Cursor || len(text) > 1000 {
					t.Fatalf("a cursor of %d bytes, error %v", len(text), err)
				}
				r := j.Reader(m)
				r.SeekPlace(p)
				var got []string
				for r.Next() {
					got = append(got, labelOf(r))
				}
				r.Close()
				want := slices.Sorted(slices.Values(labels[i+1:]))
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Fatalf("seed %d, %v: after %s: got %v, want %v", seed, m, labels[i], got, want)
				}
			}
		}
	}
}

// One author's place is a cursor; a place that somebody made up is refused.
func TestPlaceText(t *testing.T) {
	dir := t.TempDir()
	lineFile(t, filepath.Join(dir, "system.journal"), fileFormats[6], 10)
	r := openDir(t, dir).Reader(Match{})
	defer r.Close()
	r.Next()
	text := string(r.AppendPlace(nil))
	if c := r.Cursor(); text != c.String() {
		t.Errorf("place %s, want the cursor %s", text, c.String())
	}
	for _, end := range []string{"AA", "!", strings.Repeat("A", 5000), "AAAAAAB"} {
		if _, err := ParsePlace(text + logentry.CursorRest + end); err == nil {
			t.Errorf("a place that ends in %q is taken", end)
		}
	}
}
