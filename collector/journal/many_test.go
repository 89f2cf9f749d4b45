package journal

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// manyFiles writes the files of two journalds of one machine, each with files of the system
// and of a user, that are rotated often; some entries are in two of them. It returns the
// entries in their order.
func manyFiles(t testing.TB, dir string, m *entryMaker, archived bool) (all []plainEntry) {
	m.steady = true
	type chain struct {
		daemon int
		name   string
		w      *fileWriter
	}
	chains := []*chain{{0, "system", nil}, {0, "user-1000", nil}, {1, "system", nil}, {1, "user-1000", nil}}
	numbers := [2]uint64{}
	files := 0
	save := func(c *chain, name string) {
		w := c.w
		if c.w = nil; w != nil {
			w.save(filepath.Join(dir, name))
			files++
		}
	}
	put := func(c *chain, e testEntry) {
		if c.w == nil {
			c.w = newFileWriter(t, fileFormat{"", flagCompact, 272, stateArchived}, ID{byte(c.daemon + 1)})
			copy(c.w.b[headFileID:headFileID+16], fmt.Sprintf("%16d", files))
		}
		if c.w.add(e); m.IntN(50) == 0 {
			save(c, fmt.Sprintf("%d-%s@%016x-%016x.journal", c.daemon, c.name, c.w.entries[0].seqnum, c.w.entries[0].realtime))
		}
	}
	for range 4000 {
		e := m.next()
		c := chains[m.IntN(4)]
		numbers[c.daemon]++
		e.seqnum = numbers[c.daemon]
		if put(c, e); m.IntN(20) == 0 && c != chains[c.daemon*2] {
			put(chains[c.daemon*2], e)
		}
		p := plainEntry{fields: e.fields}
		p.e = entry{seqnum: e.seqnum, realtime: e.realtime, monotonic: e.monotonic, boot: e.boot,
			seqnumID: ID{byte(c.daemon + 1)}}
		all = append(all, p)
	}
	for _, c := range chains {
		if archived || c.w == nil {
			save(c, fmt.Sprintf("%d-%s@last.journal", c.daemon, c.name))
		} else {
			c.w.b[headState] = stateOnline
			save(c, fmt.Sprintf("%d-%s.journal", c.daemon, c.name))
		}
	}
	return all
}

// Entries of many files come as they were written, wherever reading begins and turns.
func TestManyFiles(t *testing.T) {
	for seed := range uint64(4) {
		dir := t.TempDir()
		all := manyFiles(t, dir, newEntryMaker(seed), seed%2 == 0)
		j := openDir(t, dir)
		rng := newEntryMaker(seed + 100)
		for _, args := range testMatches {
			m, err := ParseMatches(args...)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			var at []Cursor
			for i := range all {
				if e := &all[i]; m.wants(e.fields) {
					want, at = append(want, numberOf(&e.e)), append(at, e.e.cursor())
				}
			}
			what := fmt.Sprintf("seed %d, %q: ", seed, args)
			r := j.Reader(m)
			same(t, what+"forward", walkTo(r, false, 1<<20), want)
			same(t, what+"back", walkTo(r, true, 1<<20), reversed(want[:max(0, len(want)-1)]))
			r.SeekTail()
			last := want[max(0, len(want)-20):]
			same(t, what+"the last 20", walkTo(r, true, 20), reversed(last))
			same(t, what+"and on from there", walkTo(r, false, 100), last[min(1, len(last)):])
			for range min(50, len(want)) {
				i := rng.IntN(len(want))
				c := at[i]
				c.has &^= hasXorHash
				if rng.IntN(2) == 0 {
					c.has = hasRealtime // entries of one microsecond do not occur
				}
				r.SeekCursor(c)
				same(t, what+"from a cursor", walkTo(r, false, 30), want[i:min(len(want), i+30)])
				r.SeekCursor(c)
				same(t, what+"back from a cursor", walkTo(r, true, 30), reversed(want[max(0, i-30):i]))
			}
			if errs := r.Errors(); len(errs) > 0 {
				t.Error(errs)
			}
			r.Close()
		}
	}
}

func numberOf(e *entry) string {
	return fmt.Sprintf("%d of %d, %d", e.seqnum, e.seqnumID[0], e.realtime)
}

func walkTo(r *Reader, back bool, n int) (all []string) {
	for len(all) < n && (back && r.Previous() || !back && r.Next()) {
		all = append(all, numberOf(&r.e))
	}
	return all
}

func reversed(all []string) []string {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// A query of few entries does not look into files that cannot have them: of a journald, or
// of another one during the same boot.
func TestFilesNotLookedInto(t *testing.T) {
	dir := t.TempDir()
	m := newEntryMaker(9)
	m.rare = 1 << 30
	all := manyFiles(t, dir, m, true)
	j := openDir(t, dir)
	r := j.Reader(Equal("PRIORITY", "3"))
	defer r.Close()
	lookedInto := func() (n int) {
		for _, c := range r.files {
			if c.walker != nil {
				n++
			}
		}
		return n
	}
	const most = 20 // each of 4 chains may have the entries in several files
	r.SeekTail()
	if n := len(walkTo(r, true, 20)); n != 20 || lookedInto() > most || len(r.files) < 3*most {
		t.Errorf("%d entries from the tail, of %d of %d files: want 20, of at most %d", n, lookedInto(), len(r.files), most)
	}
	if walkTo(r, false, 100); lookedInto() > most {
		t.Errorf("%d of %d files when it went on to the tail", lookedInto(), len(r.files))
	}
	r.Close()
	r = j.Reader(Equal("PRIORITY", "3"))
	if n := len(walkTo(r, false, 20)); n != 20 || lookedInto() > most {
		t.Errorf("%d entries from the head, of %d of %d files", n, lookedInto(), len(r.files))
	}
	r.Close()
	r = j.Reader(Match{})
	r.SeekCursor(all[len(all)-50].e.cursor().earlier())
	if walkTo(r, false, 1<<20); lookedInto() > most {
		t.Errorf("the newest entries were read of %d of %d files", lookedInto(), len(r.files))
	}
}
