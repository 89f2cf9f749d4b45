package cgroups

import (
	"slices"
	"syscall"

	"github.com/daytwo/daytwo/api/metric"
	"golang.org/x/sys/unix"
)

// checker compares the values that BPF read with the kernel's own text of the same
// group.
//
// It reads the text between two walks. Each value of the text must lie between the
// values of the two walks, or equal one of them. So a walk that misses counts which
// the kernel has not yet summed up from its per-CPU counters is not taken for
// wrong: reading the text makes the kernel sum them up, and the second walk shows
// the result. (The kernel tests check that walks sum them up too.) A part is
// handed over to files only if it differs several times in a row.
type checker struct {
	files  *files           // the checker's own; holds no file open
	entry  *entry           // of the group whose text was read last
	pend   pending          // the group that the rolling check compares
	next   int              // its row
	force  []Part           // Options.ForceMismatch
	why    [NumParts]string // the last difference
	checks uint64           // see Stats.Checks
	unsure uint64           // see Stats.Unsure
}

// How often in a row a part must differ before it is handed over to files. A gauge
// may show a value in the text that neither walk saw, for example when a process
// starts a short-lived one in each tick. So gauges need more tries.
const (
	checkTries = 5  // if a counter differs
	gaugeTries = 20 // if only gauges differ
)

// pending is a group that is being compared: its values in the walk before, and its
// text.
type pending struct {
	group        *Group
	parts        Parts           // parts to compare
	tries        int             // comparisons until now
	counters     Parts           // parts in which a counter differed at the last try
	firm         [NumParts]uint8 // by part: consecutive tries in which a counter differed
	before, text []int64         // rows: of the walk before, and of the text
	have         uint16          // set of mounts in which the group had a directory
	ioBefore     []ioValue
	ioText       []ioValue
	hugeBefore   []hugeValue
	hugeText     []hugeValue
}

// ioValue is an io row.
type ioValue struct {
	dev  Device
	vals [ioWidth]int64
}

// hugeValue is a hugetlb row.
type hugeValue struct {
	size int64 // bytes of one page
	vals [hugeWidth]int64
}

// settle records the parts that differed at one more try, and returns those that
// have differed often enough to be handed over to files.
func (p *pending) settle(differed Parts) (proven Parts) {
	p.parts = differed
	p.tries++
	for part := range NumParts {
		if p.counters.Has(part) {
			p.firm[part]++
		} else {
			p.firm[part] = 0
		}
		if differed.Has(part) && (p.firm[part] >= checkTries || p.tries >= gaugeTries) {
			proven |= 1 << part
		}
	}
	return proven
}

// newChecker opens the hierarchies: see newFiles for the errors.
func newChecker(l *Layout) (*checker, error) {
	f, err := newFiles(l)
	if err != nil {
		return nil, err
	}
	f.holdNone = true
	c := &checker{files: f, entry: f.newEntry(&Group{Path: "/"})}
	c.entry.cpath = make([]byte, 0, unix.PathMax)
	return c, nil
}

// start compares up to 16 groups, and the list of groups with the directories, before
// the first values are shown. It returns those of parts that differ, or the error of
// a walk.
func (c *checker) start(w walker, parts Parts) (Parts, error) {
	var s Snapshot
	var pend []*pending
	bad, proven := Parts(0), Parts(0)
	for try := range gaugeTries {
		if err := w.Walk(&s); err != nil {
			return 0, err
		}
		if try == 0 {
			for i := range 16 {
				if i >= len(s.Groups) {
					break
				}
				pend = append(pend, &pending{group: s.Groups[i*len(s.Groups)/min(16, len(s.Groups))], parts: parts})
			}
		}
		for _, p := range pend {
			if i := slices.Index(s.Groups, p.group); i >= 0 && p.parts != 0 {
				c.take(p, &s, i)
			}
		}
		missing := ""
		if try == 0 || bad.Has(PartGroups) {
			var err error
			if missing, err = c.missing(&s); err != nil {
				return 0, err
			}
		}
		if err := w.Walk(&s); err != nil {
			return 0, err
		}
		bad = 0
		if missing != "" && !slices.ContainsFunc(s.Groups, func(g *Group) bool { return g.Path == missing }) &&
			c.exists(missing) {
			bad |= 1 << PartGroups
			c.why[PartGroups] = "the walk does not show " + validName(missing)
		}
		for _, p := range pend {
			found := p.settle(c.judge(p, &s, 0))
			p.parts &^= found
			proven |= found
			bad |= p.parts
		}
		if bad.Has(PartGroups) && try+1 >= checkTries {
			proven |= 1 << PartGroups
		}
		if bad&^proven == 0 {
			break
		}
	}
	c.checks += uint64(len(pend))
	return proven, nil
}

// missing returns the path of a group that has a directory but is not in s, "" if
// there is none.
func (c *checker) missing(s *Snapshot) (string, error) {
	t, err := newTree(c.files.l, c.files.roots, c.files.rank, false)
	if err != nil {
		return "", err
	}
	defer t.close()
	known := make(map[string]bool, len(s.Groups))
	for _, g := range s.Groups {
		known[g.Path] = true
	}
	for _, g := range t.groups {
		if !known[g.Path] {
			return g.Path, nil
		}
	}
	return "", nil
}

// exists reports whether a group still has a directory. A group that was made and
// removed between two walks is not one that they missed.
func (c *checker) exists(path string) bool {
	for _, m := range c.files.rank {
		var st unix.Stat_t
		if unix.Lstat(c.files.l.Mounts[m].Dir+path, &st) == nil {
			return true
		}
	}
	return false
}

// round does one tick of the rolling check, right after the walk that filled s. It
// compares one group, and moves on to the next group when that has a result. It
// returns the parts to hand over to files.
func (c *checker) round(s *Snapshot, parts Parts) (bad Parts) {
	p := &c.pend
	if p.group != nil {
		p.parts &= parts
		bad = p.settle(c.judge(p, s, c.next))
		if p.parts &^= bad; p.parts != 0 {
			if i := c.index(s, p.group); i >= 0 {
				c.take(p, s, i)
				return bad
			}
		}
		c.checks++
		p.group = nil
	}
	if len(s.Groups) == 0 {
		return bad
	}
	c.next = (c.next + 1) % len(s.Groups)
	p.group, p.parts, p.tries, p.firm = s.Groups[c.next], parts&^bad, 0, [NumParts]uint8{}
	c.take(p, s, c.next)
	return bad
}

// index returns the row of a group in s, -1 if it is not there. It tries c.next first.
func (c *checker) index(s *Snapshot, g *Group) int {
	if c.next < len(s.Groups) && s.Groups[c.next] == g {
		return c.next
	}
	return slices.Index(s.Groups, g)
}

// take copies the values of row i of s to p, and reads the text of the group.
func (c *checker) take(p *pending, s *Snapshot, i int) {
	p.before = append(p.before[:0], s.Row(i)...)
	p.ioBefore = ioOf(s, i, p.ioBefore[:0])
	p.hugeBefore = hugeOf(s, i, p.hugeBefore[:0])
	if p.text == nil {
		p.text = make([]int64, len(p.before))
	}
	e := c.entry
	c.files.text(e, p.group, p.parts, p.text)
	p.have = e.have
	p.ioText, p.hugeText = p.ioText[:0], p.hugeText[:0]
	for k := range e.io {
		if e.io[k].seen {
			p.ioText = append(p.ioText, ioValue{e.io[k].dev, e.io[k].raw})
		}
	}
	for k := range e.huge {
		if e.huge[k][metric.HugetlbCurrent] != metric.Absent {
			p.hugeText = append(p.hugeText, hugeValue{c.files.sizes[k].bytes, e.huge[k]})
		}
	}
	for _, forced := range c.force {
		c.distort(p, forced)
	}
}

// distort changes the text of a part so that it differs, for tests.
func (c *checker) distort(p *pending, part Part) {
	if part == PartGroups {
		p.have = 0
	}
	for col := range p.text {
		if columnParts[col] == part && part != PartGroups && p.text[col] != metric.Absent {
			p.text[col] += 1 << 40
			return
		}
	}
	if part == PartIO {
		p.ioText = append(p.ioText, ioValue{Device{Major: 4095}, [ioWidth]int64{1, 1, 1, 1, 1, 1}})
	}
	if part == PartHugetlb {
		p.hugeText = append(p.hugeText, hugeValue{1, [hugeWidth]int64{1, 1, 1, 1, 1, 1}})
	}
}

// ioOf appends the io rows of the group in row i of s to the slice to.
func ioOf(s *Snapshot, i int, to []ioValue) []ioValue {
	for k := range s.IO {
		if s.IO[k].Group == int32(i) {
			to = append(to, ioValue{s.IO[k].Device, [ioWidth]int64(s.IOVals[k*ioWidth:])})
		}
	}
	return to
}

// hugeOf appends the hugetlb rows of the group in row i of s to the slice to.
func hugeOf(s *Snapshot, i int, to []hugeValue) []hugeValue {
	for k := range s.Hugetlb {
		if s.Hugetlb[k].Group == int32(i) {
			to = append(to, hugeValue{s.Hugetlb[k].Size, [hugeWidth]int64(s.HugetlbVals[k*hugeWidth:])})
		}
	}
	return to
}

// text reads parts of a group into row and e. It uses nothing that was read before,
// and holds no file open.
func (f *files) text(e *entry, g *Group, parts Parts, row []int64) {
	f.parts, f.fresh = parts, true
	e.group = g
	if g.Path == "/" {
		e.cpath = append(e.cpath[:0], '.', 0)
	} else {
		e.cpath = append(append(e.cpath[:0], g.Path[1:]...), 0)
	}
	e.have = 0
	for _, m := range f.rank {
		fd, errno := openat(f.roots[m], e.cpath, unix.O_PATH|unix.O_DIRECTORY)
		if errno == 0 {
			e.have |= 1 << m
			closeFD(fd)
		} else if errno != syscall.ENOENT {
			e.have |= 1 << m // it may exist: reading its files will show
		}
	}
	f.reset(e)
	f.checkPools()
	f.blank(row)
	f.readFiles(e, row, ^uint16(0), ^uint16(0))
}
