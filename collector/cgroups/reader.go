package cgroups

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options says how a Reader reads.
type Options struct {
	NoBPF         bool         // read files only
	Layout        *Layout      // default: the result of Detect
	Log           *slog.Logger // default slog.Default()
	ForceMismatch []Part       // for tests: the check of BPF against files fails for these parts
}

// walker is the BPF reader (walk), or a test's stand-in for it. See walk for the
// methods.
type walker interface {
	Parts() Parts
	Reason(Part) string
	Note(Part) string
	ioOf(*Group) []ioDevice
	oldest(row int) uint64
	find(path string) *Group
	Walk(*Snapshot) error
	Close() error
}

// Stats counts what a Reader did.
type Stats struct {
	Groups     int
	Reads      uint64
	WalkTime   time.Duration    // spent in BPF by the last Read
	FilesTime  time.Duration    // spent on files by the last Read
	WalkErrors uint64           // failed BPF walks, whose tick was read from files
	Checks     uint64           // groups whose BPF values were compared with the kernel's text
	Unsure     uint64           // comparisons without a result, because the values changed too fast
	Mismatches [NumParts]uint64 // by part: times that it was handed over to files
	Held       uint64           // values shown higher than read, so that no counter decreases
	KeptFDs    int              // cgroup files held open
	FDBudget   int              // most cgroup files that may be held open
	Watches    int              // directories watched by inotify
	Unwatched  int              // directories scanned every tick, as no watch was left for them
	Scans      uint64           // scans of a directory
	Missed     uint64           // times that the rolling scan found a change that inotify had not reported
	EventsLost uint64           // overflows of the inotify queue
}

// Reader reads every cgroup. It reads a part by BPF where BPF works and agrees with
// the kernel's own text, otherwise from files. It is not safe for concurrent use.
type Reader struct {
	log    *slog.Logger
	walk   walker           // nil: files only
	bpf    Parts            // parts that are read by walk
	reason [NumParts]string // why a part is not read by BPF
	files  *files
	starts *starts
	check  *checker // nil without walk
	floor  floor
	snap   Snapshot
	stats  Stats
	status [NumParts]Status
	ioGen  uint64 // Snapshot.IOGen at the last Read

	walked                          Snapshot // the last Snapshot of walk
	fromWalk                        bool     // the last Read showed the groups of walked
	walkGen, walkIOGen, walkHugeGen uint64   // generations of walked at the last Read
	spareIO, spareHuge              []int64  // values of the previous walk: the next one overwrites them
}

// New returns a Reader. It returns ErrNoHierarchy if no cgroup hierarchy is mounted.
// It does not fail if BPF cannot be used: Status then says why, and files are read.
func New(o Options) (*Reader, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Layout == nil {
		l, err := Detect()
		if err != nil {
			return nil, err
		}
		o.Layout = l
	}
	var w walker
	why := "BPF is switched off"
	if !o.NoBPF {
		bw, err := newWalk(o.Layout)
		if err == nil {
			w = bw
		} else {
			why = err.Error()
			o.Log.Warn("cgroups are read from files: BPF is not available", "err", err)
		}
	}
	return newReader(o, w, why)
}

// newReader returns a Reader that uses w. If w is nil, it reads files only, and why
// is the reason.
func newReader(o Options, w walker, why string) (*Reader, error) {
	f, err := newFiles(o.Layout)
	if err != nil {
		if w != nil {
			w.Close()
		}
		return nil, err
	}
	r := &Reader{log: o.Log, walk: w, files: f}
	r.starts = newStarts(o.Layout, r.find)
	for p := range NumParts {
		r.reason[p] = why
	}
	if w == nil {
		return r, nil
	}
	r.bpf = w.Parts()
	for p := range NumParts {
		r.reason[p] = w.Reason(p)
	}
	if !r.bpf.Has(PartGroups) {
		r.bpf = 0 // the rows of other parts belong to groups of the walk
	}
	if r.bpf == 0 {
		return r, nil
	}
	if r.check, err = newChecker(o.Layout); err != nil {
		r.Close()
		return nil, err
	}
	bad, err := r.check.start(w, r.bpf)
	if err != nil {
		r.log.Error("the BPF walk failed at start: cgroups are read from files", "err", err)
		r.bpf = 0
		for p := range NumParts {
			r.reason[p] = err.Error()
		}
	}
	r.leave(bad)
	r.check.force = o.ForceMismatch
	return r, nil
}

// Read reads every part of every cgroup. The next Read overwrites the Snapshot, but
// not its values: these stay valid until the Read after that one, so that others
// may still show them during the next Read. It fails if no hierarchy can be read.
func (r *Reader) Read() (*Snapshot, error) {
	s := &r.snap
	r.stats.Reads++
	bpf := r.walkGroups(s)
	if err := r.readFiles(s, AllParts&^bpf); err != nil {
		return nil, err
	}
	r.stats.Held += r.floor.apply(s)
	if r.fromWalk && r.bpf.Has(PartTasks) {
		r.starts.update(s, r.walk.oldest)
	} else {
		r.starts.update(s, nil)
	}
	if s.IOGen != r.ioGen {
		r.ioGen = s.IOGen
		forgetDevices()
	}
	r.stats.Groups = len(s.Groups)
	return s, nil
}

// walkGroups reads into s the parts that BPF reads, and returns which these are. The
// walk fills a Snapshot of its own (r.walked), so that its generations do not mix
// with those of files. s shares the rows of that Snapshot.
func (r *Reader) walkGroups(s *Snapshot) Parts {
	r.stats.WalkTime = 0
	if r.bpf == 0 {
		r.fromWalk = false
		s.Vals = r.floor.swapVals(s.Vals)
		return 0
	}
	t := time.Now()
	w := &r.walked
	// r.floor holds the values shown last until the next walk has passed the check.
	spare := r.floor.record(s, r.bpf)
	if len(s.Vals) > 0 && len(w.Vals) > 0 && &s.Vals[0] == &w.Vals[0] {
		w.Vals = spare
	}
	w.IOVals, r.spareIO = r.spareIO, w.IOVals
	w.HugetlbVals, r.spareHuge = r.spareHuge, w.HugetlbVals
	err := r.walk.Walk(w)
	r.stats.WalkTime = time.Since(t)
	if err != nil {
		// The groups of an incomplete walk cannot be trusted, so every part of
		// this tick is read from files.
		r.stats.WalkErrors++
		r.log.Error("the BPF walk failed: this tick is read from files", "err", err)
		r.floor.hold(r.bpf)
		r.files.previousIO = r.walk.ioOf
		r.fromWalk = false
		s.Vals = w.Vals // not the slice shown last, which must not change
		return 0
	}
	if bad := r.check.round(w, r.bpf); bad != 0 {
		r.leave(bad)
		if r.bpf == 0 {
			r.fromWalk = false
			s.Vals = w.Vals
			return 0
		}
	}
	if !r.fromWalk || r.walkGen != w.Gen {
		s.Gen++
	}
	s.Groups, s.Vals = w.Groups, w.Vals
	if r.bpf.Has(PartIO) {
		if !r.fromWalk || r.walkIOGen != w.IOGen {
			s.IOGen++
		}
		s.IO, s.IOVals = w.IO, w.IOVals
	}
	if r.bpf.Has(PartHugetlb) {
		if !r.fromWalk || r.walkHugeGen != w.HugetlbGen {
			s.HugetlbGen++
		}
		s.Hugetlb, s.HugetlbVals = w.Hugetlb, w.HugetlbVals
	}
	r.fromWalk, r.walkGen, r.walkIOGen, r.walkHugeGen = true, w.Gen, w.IOGen, w.HugetlbGen
	return r.bpf
}

// readFiles reads parts from files into s, and measures the time.
func (r *Reader) readFiles(s *Snapshot, parts Parts) error {
	t := time.Now()
	defer func() { r.stats.FilesTime = time.Since(t) }()
	if parts == 0 {
		return nil
	}
	if err := r.files.Read(s, parts); err != nil {
		return fmt.Errorf("read cgroups from files: %w", err)
	}
	return nil
}

// find returns the group at a path in the last Snapshot, nil if there is none.
func (r *Reader) find(path string) *Group {
	if r.fromWalk {
		return r.walk.find(path)
	}
	if e := r.files.byPath[path]; e != nil {
		return e.group
	}
	return nil
}

// leave hands parts over from BPF to files, for the rest of this Reader's life.
func (r *Reader) leave(parts Parts) {
	for p := range NumParts {
		if !parts.Has(p) {
			continue
		}
		r.stats.Mismatches[p]++
		r.reason[p] = r.check.why[p]
		r.log.Error("BPF and the kernel's text differ: this part is read from files from now on", "part", p.String(), "why",
			r.check.why[p])
	}
	if parts.Has(PartGroups) {
		for p := range NumParts {
			if r.bpf.Has(p) && p != PartGroups {
				r.reason[p] = "the groups of the BPF walk differ: " + r.check.why[PartGroups]
			}
		}
		parts = r.bpf // the rows of other parts belong to groups of the walk
	}
	if parts.Has(PartIO) {
		r.files.previousIO = r.walk.ioOf
	}
	r.bpf &^= parts
	r.floor.hold(parts)
}

// Status returns how each part is read. The next call overwrites the slice.
func (r *Reader) Status() []Status {
	st := r.status[:]
	for p := range NumParts {
		st[p] = Status{Part: p, Reader: "files", Reason: r.reason[p]}
		switch {
		case r.bpf.Has(p):
			st[p].Reader, st[p].Reason = "bpf", r.walk.Note(p)
		case !r.files.serves(p):
			st[p].Reader, st[p].Reason = "none", "no hierarchy has it"
		default:
			st[p].Reason += r.files.limitNote(p)
		}
	}
	return st
}

// Stats returns what the Reader has done since New.
func (r *Reader) Stats() Stats {
	st := r.stats
	if r.check != nil {
		st.Checks, st.Unsure = r.check.checks, r.check.unsure
	}
	st.KeptFDs, st.FDBudget = r.files.openFDs, r.files.budget
	if t := r.files.tree; t != nil {
		st.Watches, st.Unwatched = len(t.wds), t.unwatched
		st.Scans, st.Missed, st.EventsLost = t.stats.scans, t.stats.missed, t.stats.overflows
	}
	return st
}

// Close detaches the BPF programs and closes all descriptors.
func (r *Reader) Close() error {
	var errs []error
	if r.walk != nil {
		errs = append(errs, r.walk.Close())
	}
	if r.check != nil {
		errs = append(errs, r.check.files.Close())
	}
	r.starts.close()
	return errors.Join(append(errs, r.files.Close())...)
}
