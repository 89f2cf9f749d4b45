package cgroups

import (
	"fmt"

	"github.com/daytwo/daytwo/api/metric"
)

// verdict is the result of comparing one value.
type verdict uint8

const (
	agrees verdict = iota
	moves          // no result: a gauge that changes too fast
	differs
)

// selfSlack is by how many bytes reading the text may itself change the memory of
// the collector's own cgroup and its ancestors: open files and their buffers.
const selfSlack = 64 << 10

// compare compares a value of the kernel's text with the values of the walks before
// and after it.
func compare(m *metric.Metric, before, text, after int64) verdict {
	if before == metric.Absent || text == metric.Absent || after == metric.Absent {
		switch {
		case before == text || after == text:
			return agrees
		case before != after:
			return moves
		}
		return differs
	}
	slack := int64(0)
	if m.Unit == metric.Nanoseconds {
		slack = 1000 // the text has microseconds
		if m.Column == metric.CPUUser || m.Column == metric.CPUSystem {
			slack = 10e6 // each reading scales the sampled times to the exact sum anew: see fillBase
		}
	}
	lo, hi := min(before, after), max(before, after)
	if before-slack <= text && text <= after+slack || lo <= text && text <= hi {
		return agrees
	}
	if m.Type == metric.Gauge &&
		(before != after || m.Unit == metric.Bytes && max(text-before, before-text) <= selfSlack) {
		return moves
	}
	return differs
}

// judge compares a group's text with the walks before and after it, and returns the
// parts that differ. It sets c.why to the difference, and p.counters to the parts
// in which a counter differs. hint is the row in s in which the group was before.
func (c *checker) judge(p *pending, s *Snapshot, hint int) (bad Parts) {
	p.counters = 0
	i := hint
	if i >= len(s.Groups) || s.Groups[i] != p.group {
		if i = c.index(s, p.group); i < 0 {
			return 0 // the group was removed
		}
	}
	if p.parts.Has(PartGroups) && p.have == 0 {
		bad |= 1 << PartGroups
		p.counters |= 1 << PartGroups
		c.why[PartGroups] = fmt.Sprintf("%s has no directory but the walk shows it", p.group.Name)
	}
	if p.have == 0 {
		return bad // there is no text
	}
	unsure := false
	row := s.Row(i)
	for col := range p.before {
		part := columnParts[col]
		if !p.parts.Has(part) || part == PartGroups {
			continue
		}
		m := &metric.Columns(metric.Container)[col]
		switch compare(m, p.before[col], p.text[col], row[col]) {
		case moves:
			unsure = true
		case differs:
			bad |= 1 << part
			if m.Type == metric.Counter {
				p.counters |= 1 << part
			}
			c.blame(part, p.group, m, "", p.before[col], p.text[col], row[col])
		}
	}
	if p.parts.Has(PartIO) {
		bad |= c.judgeIO(p, s, i)
		p.counters |= bad & (1 << PartIO)
	}
	if p.parts.Has(PartHugetlb) {
		bad |= c.judgeHugetlb(p, s, i)
	}
	if unsure {
		c.unsure++
	}
	return bad
}

// blame sets c.why of a part to a sentence about one difference.
func (c *checker) blame(part Part, g *Group, m *metric.Metric, row string, before, text, after int64) {
	show := func(v int64) any {
		if v == metric.Absent {
			return "absent"
		}
		return v
	}
	c.why[part] = fmt.Sprintf("%s%s of %s: the kernel's text says %v, BPF said %v before and %v after", m.Name, row,
		g.Name, show(text), show(before), show(after))
}

// judgeIO compares the io rows of a group device by device. A device that one side
// does not list counts as 0 on that side.
func (c *checker) judgeIO(p *pending, s *Snapshot, i int) (bad Parts) {
	if !c.files.l.v2(c.files.l.IO) && len(p.ioBefore) > 0 {
		return 0 // the walk shows these values from the same text (see steady)
	}
	find := func(vs []ioValue, d Device) (v [ioWidth]int64) {
		for k := range vs {
			if vs[k].dev == d {
				return vs[k].vals
			}
		}
		return v
	}
	after := func(d Device) (v [ioWidth]int64) {
		for k := range s.IO {
			if s.IO[k].Group == int32(i) && s.IO[k].Device == d {
				return [ioWidth]int64(s.IOVals[k*ioWidth:])
			}
		}
		return v
	}
	one := func(d Device) {
		b, t, a := find(p.ioBefore, d), find(p.ioText, d), after(d)
		for col := range t {
			m := &metric.Columns(metric.ContainerIO)[col]
			if compare(m, b[col], t[col], a[col]) == differs {
				bad |= 1 << PartIO
				c.blame(PartIO, p.group, m, " on "+DeviceName(d.Major, d.Minor), b[col], t[col], a[col])
			}
		}
	}
	for k := range p.ioText {
		one(p.ioText[k].dev)
	}
	for k := range p.ioBefore {
		one(p.ioBefore[k].dev)
	}
	return bad
}

// judgeHugetlb compares the hugetlb rows of a group by page size.
func (c *checker) judgeHugetlb(p *pending, s *Snapshot, i int) (bad Parts) {
	find := func(vs []hugeValue, size int64) [hugeWidth]int64 {
		for k := range vs {
			if vs[k].size == size {
				return vs[k].vals
			}
		}
		return absentHuge
	}
	after := func(size int64) [hugeWidth]int64 {
		for k := range s.Hugetlb {
			if s.Hugetlb[k].Group == int32(i) && s.Hugetlb[k].Size == size {
				return [hugeWidth]int64(s.HugetlbVals[k*hugeWidth:])
			}
		}
		return absentHuge
	}
	one := func(size int64) {
		b, t, a := find(p.hugeBefore, size), find(p.hugeText, size), after(size)
		for col := range t {
			m := &metric.Columns(metric.ContainerHugetlb)[col]
			if compare(m, b[col], t[col], a[col]) == differs {
				bad |= 1 << PartHugetlb
				c.blame(PartHugetlb, p.group, m, "", b[col], t[col], a[col])
			}
		}
	}
	for k := range p.hugeText {
		one(p.hugeText[k].size)
	}
	for k := range p.hugeBefore {
		one(p.hugeBefore[k].size)
	}
	return bad
}

// absentHuge is a hugetlb row without any value.
var absentHuge = func() (v [hugeWidth]int64) {
	for c := range v {
		v[c] = metric.Absent
	}
	return v
}()
