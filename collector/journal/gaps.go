package journal

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// GapError says that entries that were written are in no file: a file is gone, or the end
// of one is. Numbers do not say which user's it was.
type GapError struct {
	Dir      string // of the files
	Entries  uint64
	From, To uint64 // numbers among which those of the entries are
}

func (e *GapError) Error() string {
	return fmt.Sprintf("%d entries, of those with numbers from %d to %d, are in no journal file of %s",
		e.Entries, e.From, e.To, e.Dir)
}

// gap is where entries are missing: between the last entry of a file and the first one of
// the next file of the same user.
type gap struct {
	GapError
	scope     string
	low, high entry
}

// gaps are those of a set of files, found when somebody asked for them.
type gaps struct {
	mu    sync.Mutex
	gen   uint64  // of the files
	blank []*File // files that had no entries then
	all   []gap
	dec   decoder
}

// findGaps returns where entries are missing, as far as that can be known (see the
// package's documentation). What it returns is not changed any more.
func (j *Journal) findGaps() []gap {
	g := &j.gaps
	g.mu.Lock()
	defer g.mu.Unlock()
	for range maxLooks {
		gen := j.gen.Load()
		if g.gen == gen && !slices.ContainsFunc(g.blank, func(f *File) bool { return f.count() > 0 }) {
			break
		}
		now := time.Now()
		g.gen, g.all = gen, g.find(j)
		if len(g.all) == 0 || j.complete() {
			break
		}
		// What seems to be missing may be in a file that was made a moment ago.
		j.refreshSince(now)
	}
	if j.gen.Load() != g.gen {
		return nil // directories do not come to rest: next time
	}
	return g.all
}

// find finds the gaps in the files that are known.
func (g *gaps) find(j *Journal) (all []gap) {
	files, release := j.snapshot()
	defer release()
	damaged := map[string]bool{}
	for _, err := range j.Bad() {
		if file, ok := err.(*FileError); ok {
			damaged[scopeOf(file.Path)], damaged[filepath.Base(file.Path)] = true, true
		}
	}
	scopes := map[string]numberedFiles{}
	g.blank = g.blank[:0]
	for _, f := range files {
		n := &numberedFile{File: f}
		scope := scopeOf(f.Path())
		switch ok, err := n.read(); {
		case err != nil:
			damaged[scope] = true
		case ok:
			scopes[scope] = append(scopes[scope], n)
		case f.live.Load():
			g.blank = append(g.blank, f)
		}
	}
	for scope, files := range scopes {
		if !damaged[scope] {
			all = append(all, files.gaps(scope, &g.dec)...)
		}
	}
	return all
}

// scopeOf names what numbers the entries of a file: one journald, which writes to a
// directory in /run and one in /var that are called the same.
func scopeOf(path string) string { return filepath.Base(filepath.Dir(path)) }

// numberedFile is a file with its first and its last entry.
type numberedFile struct {
	*File
	chain      string // the files of the system, or of a user: system, user-1000
	final      bool   // it was written no more when its ends were read
	head, tail entry
	used       uint64 // the largest number that was given to an entry, perhaps to one that was not finished
}

// read reads the file's ends, and reports whether it has entries.
func (n *numberedFile) read() (ok bool, err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	if err := n.check(); err != nil {
		return false, err
	}
	n.chain, n.final = chainOf(n.Path()), !n.live.Load()
	all := n.entryList()
	first, err := all.get(0)
	if err != nil || first == 0 {
		return false, err
	}
	last, err := all.last()
	if err == nil {
		err = n.entry(first, &n.head)
	}
	if err == nil {
		err = n.entry(last, &n.tail)
	}
	n.needHead()
	n.used = max(n.tail.seqnum, n.u64(headTailSeqnum))
	return true, err
}

// numberedFiles are all files of one journald. Their entries have numbers of one sequence
// as long as the machine does not boot.
type numberedFiles []*numberedFile

// gaps finds where, between a file and the next one of its chain, numbers are missing,
// although none is in as many numbers before and after it.
func (files numberedFiles) gaps(scope string, d *decoder) (found []gap) {
	slices.SortFunc(files, func(a, b *numberedFile) int {
		return cmp.Or(cmp.Compare(a.chain, b.chain), cmp.Compare(a.head.realtime, b.head.realtime),
			cmp.Compare(a.head.seqnum, b.head.seqnum))
	})
	for i := range files[min(1, len(files)):] {
		n := files.between(i, d)
		prev, next := files[i], files[i+1]
		if n == 0 || !files.proven(i, prev.room(next), d) || files.lifted(prev, next, d) {
			continue
		}
		e := GapError{Dir: filepath.Dir(next.Path()), Entries: n, From: prev.used + 1, To: next.head.seqnum - 1}
		found = append(found, gap{GapError: e, scope: scope, low: prev.tail, high: next.head})
	}
	// What one file had is missing between files of several chains: it is told where these are closest.
	slices.SortFunc(found, func(a, b gap) int {
		return cmp.Compare(a.high.seqnum-a.low.seqnum,
			b.high.seqnum-b.low.seqnum)
	})
	var all []gap
	for _, g := range found {
		i := slices.IndexFunc(all, func(o gap) bool {
			return o.low.boot == g.low.boot && o.low.seqnum < g.high.seqnum && g.low.seqnum < o.high.seqnum
		})
		if i < 0 {
			all = append(all, g)
		} else {
			all[i].Entries = max(all[i].Entries, g.Entries)
		}
	}
	return all
}

// follows reports whether a file is the next one of a chain within one boot.
func (f *numberedFile) follows(prev *numberedFile) bool {
	return prev.chain == f.chain && prev.tail.boot == f.head.boot
}

// room is how many numbers are between a file and the next one.
func (f *numberedFile) room(next *numberedFile) uint64 {
	return next.head.seqnum - min(next.head.seqnum, f.used+1)
}

// between returns how many numbers are missing between a file and the next one of its
// chain.
func (files numberedFiles) between(i int, d *decoder) uint64 {
	prev, next := files[i], files[i+1]
	if !next.follows(prev) || prev.room(next) == 0 {
		return 0
	}
	n, err := files.missing(next.head.boot, prev.used+1, next.head.seqnum-1, d)
	if err != nil {
		return 0
	}
	return n
}

// proven reports whether so many numbers before and after the place between a file and the
// next one are all there, or all that there are after it. Else there are users whose files
// are not there, or the oldest files were removed.
func (files numberedFiles) proven(i int, n uint64, d *decoder) bool {
	boot := files[i].tail.boot
	before, after := uint64(0), uint64(0)
	for k := i; before < n; k-- {
		span := files.whole(files[k], boot, d)
		if before += span; before < n &&
			(span == 0 || k == 0 || !files[k].follows(files[k-1]) || files.between(k-1, d) > 0) {
			return false
		}
	}
	for k := i + 1; after < n; k++ {
		span := files.whole(files[k], boot, d)
		if span == 0 {
			return false
		}
		if after += span; k == len(files)-1 || !files[k+1].follows(files[k]) || files.between(k, d) > 0 {
			return after >= n || k == len(files)-1 || files[k+1].chain != files[k].chain
		}
	}
	return true
}

// missing returns how many of the numbers from low to high no entry of a boot has.
func (files numberedFiles) missing(boot ID, low, high uint64, d *decoder) (uint64, error) {
	n := high - low + 1
	for _, f := range files {
		has, err := f.numbers(boot, low, high, d)
		if err != nil {
			return 0, err
		}
		if n -= min(n, has); n == 0 {
			break
		}
	}
	return n, nil
}

// whole returns how many numbers a file spans of a boot if none is missing among them,
// else 0.
func (files numberedFiles) whole(f *numberedFile, boot ID, d *decoder) uint64 {
	first, last, ok := f.ends(boot, d)
	if !ok {
		return 0
	}
	if n, err := files.missing(boot, first.seqnum, last.seqnum, d); n > 0 || err != nil {
		return 0
	}
	return last.seqnum - first.seqnum + 1
}

// lifted reports whether numbers leaped between a file and the next one, which are then
// not missing: with its first entry after a boot, journald goes on after the last number
// of any file.
func (files numberedFiles) lifted(prev, next *numberedFile, d *decoder) bool {
	boot := next.head.boot
	for _, f := range files {
		first, _, ok := f.ends(boot, d)
		if !ok || first.seqnum <= prev.used || first.seqnum > next.head.seqnum {
			continue
		}
		for _, o := range files {
			if o.chain == f.chain && (o.tail.boot != boot && o.used == first.seqnum-1 || o == f && o.head.boot != boot) {
				return true
			}
		}
	}
	return false
}

// entriesOf is the list of the entries of a boot.
func (f *numberedFile) entriesOf(boot ID, d *decoder) (list, error) {
	if f.head.boot == boot && f.tail.boot == boot {
		return f.entryList(), nil
	}
	at, err := f.findBoot(boot, d)
	if err != nil || at == 0 {
		return list{f: f.File}, err
	}
	return f.dataList(at)
}

// numbers returns how many entries of a boot have numbers from low to high.
func (f *numberedFile) numbers(boot ID, low, high uint64, d *decoder) (n uint64, err error) {
	if f.tail.boot == boot && f.final && f.used < low || f.head.boot == boot && f.head.seqnum > high {
		return 0, nil
	}
	if from, to := max(low, f.tail.seqnum+1), min(high, f.used); f.tail.boot == boot && f.final && from <= to {
		n = to - from + 1 // of an entry that was not finished, and was written to the next file
	}
	defer catchFault(debug.SetPanicOnFault(true), &err)
	l, err := f.entriesOf(boot, d)
	if err != nil {
		return 0, err
	}
	number := func(e *entry) uint64 { return e.seqnum }
	from, to := l.search(f.from(number, low)), l.search(f.from(number, high+1))
	for _, i := range []uint64{from, to} { // an entry that cannot be read leads the search astray
		var e entry
		if at, err := l.get(i); err != nil || at != 0 && f.entry(at, &e) != nil {
			return 0, cmp.Or(err, corrupt(at, "an entry"))
		}
	}
	return n + to - from, nil
}

// ends returns the first and the last entry of a boot, and reports whether there are any.
func (f *numberedFile) ends(boot ID, d *decoder) (first, last entry, ok bool) {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	l, err := f.entriesOf(boot, d)
	if err != nil {
		return first, last, false
	}
	from, err := l.get(0)
	if err != nil || from == 0 || f.entry(from, &first) != nil {
		return first, last, false
	}
	to, err := l.last()
	return first, last, err == nil && f.entry(to, &last) == nil
}
