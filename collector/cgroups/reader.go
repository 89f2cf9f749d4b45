package cgroups

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options says how to read.
type Options struct {
	NoBPF         bool         // read files only
	Layout        *Layout      // default: Detect
	Log           *slog.Logger // default: slog.Default
	ForceMismatch []Part       // for tests: the rolling check sees these parts differ
}

// walker reads every group at once, without files.
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
	WalkTime   time.Duration // of the last Read, in BPF
	FilesTime  time.Duration // of the last Read, in files
	WalkErrors uint64        // walks that failed, so that files stood in
	Checks     uint64        // groups compared with the kernel's text
	Unsure     uint64        // comparisons given up, because the group moved too fast
	Mismatches [NumParts]uint64
	Held       uint64 // counters kept from stepping back when a part changed readers
	KeptFDs    int    // descriptors kept open on cgroup files
	FDBudget   int    // how many may be kept
	Watches    int    // directories watched by inotify
	Unwatched  int    // directories scanned every tick for want of watches
	Scans      uint64 // directories scanned
	Missed     uint64 // changes that only the rolling scan found
	EventsLost uint64 // overflows of the inotify queue
}

// Reader reads every cgroup: each part by BPF where that works and agrees with
// the kernel's own text, else from files. Not safe for concurrent use.
type Reader struct {
	log    *slog.Logger
	walk   walker // nil: files only
	bpf    Parts  // parts that walk serves
	reason [NumParts]string
	files  *files
	starts *starts
	check  *checker // nil without walk
	floor  floor
	snap   Snapshot
	stats  Stats
	status [NumParts]Status
	ioGen  uint64

	walked                          Snapshot // what walk filled last
	fromWalk                        bool     // the groups of the last Read are those of walked
	walkGen, walkIOGen, walkHugeGen uint64
	spareIO, spareHuge              []int64 // values of the walk before, or free
}

// New prepares to read. Without a cgroup hierarchy it returns ErrNoHierarchy;
// where BPF cannot serve, Status says why, and files are read.
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
		r.bpf = 0 // rows without groups are of no use
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

// Read reads everything. The Snapshot is overwritten by the next Read, its values
// by the one after that: whoever shows them may go on to do so meanwhile.
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

// walkGroups lets BPF fill what it serves, and tells what that is. The walk has
// a Snapshot of its own, so that its generations do not mix with those of the
// files; rows are shared.
func (r *Reader) walkGroups(s *Snapshot) Parts {
	r.stats.WalkTime = 0
	if r.bpf == 0 {
		r.fromWalk = false
		s.Vals = r.floor.turn(s.Vals)
		return 0
	}
	t := time.Now()
	w := &r.walked
	// What was shown last stays in r.floor until the next walk has passed
	// the check.
	spare := r.floor.keep(s, r.bpf)
	if len(s.Vals) > 0 && len(w.Vals) > 0 && &s.Vals[0] == &w.Vals[0] {
		w.Vals = spare
	}
	w.IOVals, r.spareIO = r.spareIO, w.IOVals
	w.HugetlbVals, r.spareHuge = r.spareHuge, w.HugetlbVals
	err := r.walk.Walk(w)
	r.stats.WalkTime = time.Since(t)
	if err != nil {
		// Groups of a walk that broke off are not to be trusted, so this
		// tick is all from files.
		r.stats.WalkErrors++
		r.log.Error("the BPF walk failed: this tick is read from files", "err", err)
		r.floor.fix(r.bpf)
		r.files.heir = r.walk.ioOf
		r.fromWalk = false
		s.Vals = w.Vals // what is shown must stay
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

// find returns the group of a path in the last Snapshot, nil if there is none.
func (r *Reader) find(path string) *Group {
	if r.fromWalk {
		return r.walk.find(path)
	}
	if e := r.files.byPath[path]; e != nil {
		return e.group
	}
	return nil
}

// leave hands parts over to files for good.
func (r *Reader) leave(parts Parts) {
	for p := range NumParts {
		if !parts.Has(p) {
			continue
		}
		r.stats.Mismatches[p]++
		r.reason[p] = r.check.why[p]
		r.log.Error("BPF and the kernel's text differ: this part is read from files from now on", "part", p.String(), "why", r.check.why[p])
	}
	if parts.Has(PartGroups) {
		for p := range NumParts {
			if r.bpf.Has(p) && p != PartGroups {
				r.reason[p] = "the groups of the BPF walk differ: " + r.check.why[PartGroups]
			}
		}
		parts = r.bpf // rows without groups are of no use
	}
	if parts.Has(PartIO) {
		r.files.heir = r.walk.ioOf
	}
	r.bpf &^= parts
	r.floor.fix(parts)
}

// Status tells how each part is read. The next call overwrites it.
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
			st[p].Reason += r.files.strain(p)
		}
	}
	return st
}

// Stats tells what the Reader has done until now.
func (r *Reader) Stats() Stats {
	st := r.stats
	if r.check != nil {
		st.Checks, st.Unsure = r.check.checks, r.check.unsure
	}
	st.KeptFDs, st.FDBudget = r.files.kept, r.files.budget
	if t := r.files.tree; t != nil {
		st.Watches, st.Unwatched = len(t.wds), t.unwatched
		st.Scans, st.Missed, st.EventsLost = t.stats.scans, t.stats.missed, t.stats.overflows
	}
	return st
}

// Close ends the reading: programs are detached, descriptors closed.
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
