package cgroups

import (
	"slices"
	"syscall"

	"github.com/daytwo/daytwo/api/metric"
	"golang.org/x/sys/unix"
)

// checker compares what BPF read with the kernel's own text of the same group.
//
// The text is read between two walks. A counter must lie between what the
// walks saw; a gauge must be what one of them saw, or lie between the two. So a
// walk that lags behind lazily folded counters is not taken for a wrong one
// (reading the text folds them, and the second walk sees that); that walks do
// fold is what the kernel tests assert. A part differs only if it does in every
// one of checkTries rounds.
type checker struct {
	files  *files // of its own, keeping nothing
	entry  *entry
	pend   pending // the group under check
	next   int     // index of the next one
	force  []Part  // for tests
	why    [NumParts]string
	checks uint64
	unsure uint64
}

// How often in a row a part must differ. What a gauge shows may come and go between
// two walks that saw neither: a process that starts another one each tick.
const (
	checkTries = 5  // if a counter does
	gaugeTries = 20 // if only gauges do
)

// pending is one group between two walks.
type pending struct {
	group        *Group
	parts        Parts // to compare
	tries        int
	counters     Parts           // in which more than gauges differed at the last try
	firm         [NumParts]uint8 // tries in a row in which it was so
	before, text []int64
	have         uint16 // hierarchies that had its directory
	ioBefore     []ioValue
	ioText       []ioValue
	hugeBefore   []hugeValue
	hugeText     []hugeValue
}

type ioValue struct {
	dev  Device
	vals [ioWidth]int64
}

type hugeValue struct {
	size int64
	vals [hugeWidth]int64
}

// settle takes the parts that differed at one more try, and returns those that
// have done so often enough.
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

func newChecker(l *Layout) (*checker, error) {
	f, err := newFiles(l)
	if err != nil {
		return nil, err
	}
	f.scrap = true
	c := &checker{files: f, entry: f.newEntry(&Group{Path: "/"})}
	c.entry.cpath = make([]byte, 0, unix.PathMax)
	return c, nil
}

// start compares all parts on several groups, and the list of groups with the
// directories, before the first values are shown. It returns the parts that
// differ.
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
		if missing != "" && !slices.ContainsFunc(s.Groups, func(g *Group) bool { return g.Path == missing }) && c.exists(missing) {
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

// missing names a group that has a directory but is not in s.
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

// exists tells whether a group still has a directory: one that came and went
// between two walks is nothing that they miss.
func (c *checker) exists(path string) bool {
	for _, m := range c.files.rank {
		var st unix.Stat_t
		if unix.Lstat(c.files.l.Mounts[m].Dir+path, &st) == nil {
			return true
		}
	}
	return false
}

// round is the rolling check: one group a tick, right after its walk. It
// returns the parts that differ.
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

// index finds a group that was at c.next.
func (c *checker) index(s *Snapshot, g *Group) int {
	if c.next < len(s.Groups) && s.Groups[c.next] == g {
		return c.next
	}
	return slices.Index(s.Groups, g)
}

// take notes what the walk saw of group i and reads its text.
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

// distort makes the text of a part differ, for tests.
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

func ioOf(s *Snapshot, i int, to []ioValue) []ioValue {
	for k := range s.IO {
		if s.IO[k].Group == int32(i) {
			to = append(to, ioValue{s.IO[k].Device, [ioWidth]int64(s.IOVals[k*ioWidth:])})
		}
	}
	return to
}

func hugeOf(s *Snapshot, i int, to []hugeValue) []hugeValue {
	for k := range s.Hugetlb {
		if s.Hugetlb[k].Group == int32(i) {
			to = append(to, hugeValue{s.Hugetlb[k].Size, [hugeWidth]int64(s.HugetlbVals[k*hugeWidth:])})
		}
	}
	return to
}

// text reads parts of a group anew, into row and e, keeping no descriptor.
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
			e.have |= 1 << m // cannot tell: let the files say
		}
	}
	f.reset(e)
	f.lookAtPools()
	f.blank(row)
	f.readFiles(e, row, ^uint16(0), ^uint16(0))
}
