package journal

import "sort"

// list is a list of entries in the order they were written, the whole file's
// or one data object's: perhaps one entry by itself, then a chain of arrays,
// each about twice as long as the one before. Its position is kept, so that
// steps to a neighbour are cheap.
type list struct {
	f     *File
	first uint64    // the entry that stands before the arrays, 0 if none does
	head  uint64    // the first array, 0 if there is none
	n     uint64    // entries in all
	chain []segment // the arrays that were looked at
	at    int       // the one of chain that was used last
}

// segment is an array of a chain.
type segment struct {
	items uint64 // offset of its first item
	begin uint64 // index of its first item in the list
	n     uint64 // of items
}

// entryList is the list of all entries of a file.
func (f *File) entryList() list {
	f.needHead()
	return list{f: f, head: f.u64(headEntryArray), n: f.bound(f.entries())}
}

// dataList is the list of the entries that have the data object at an offset.
func (f *File) dataList(at uint64) (list, error) {
	if _, err := f.object(at, objectData); err != nil {
		return list{}, err
	}
	l := list{f: f, first: f.u64(at + dataEntryAt), head: f.u64(at + dataEntryArrayAt)}
	l.n = f.bound(f.u64(at + dataEntriesAt))
	if l.first == 0 {
		l.n = 0 // it is just being written
	}
	return l, nil
}

// check checks that the list has as many entries as the file says, neither less
// nor more. It is only for lists that are not appended to.
func (l *list) check() error {
	if l.n > 0 {
		if at, err := l.get(l.n - 1); err != nil {
			return err
		} else if at == 0 {
			return corrupt(l.head, "a list with less than its %d entries", l.n)
		}
	}
	if l.exceeds(0) {
		return l.tooLong()
	}
	return nil
}

// exceeds reports whether there are more than so many entries beyond those that
// the file says the list has.
func (l *list) exceeds(n uint64) bool {
	longer := *l
	longer.n += n + 1
	at, err := longer.get(l.n + n)
	return err != nil || at != 0
}

func (l *list) tooLong() error {
	return corrupt(l.head, "a list with more than its %d entries", l.n)
}

// last is the offset of the last entry of a list that is written, 0 if it has
// none.
func (l *list) last() (uint64, error) {
	n := l.search(func(uint64) bool { return false })
	if n == 0 {
		return 0, nil
	}
	return l.get(n - 1)
}

// bound is a number of entries that the file says it has, or as many as it can
// have at most.
func (f *File) bound(n uint64) uint64 { return min(n, uint64(len(f.data))/entryItems) }

// get returns the offset of the i-th entry, 0 if it is not written yet.
func (l *list) get(i uint64) (uint64, error) {
	if i >= l.n {
		return 0, nil
	}
	if i < l.skip() {
		return l.first, nil
	}
	i -= l.skip()
	var s *segment
	if l.at < len(l.chain) && i-l.chain[l.at].begin < l.chain[l.at].n { // mostly
		s = &l.chain[l.at]
	} else {
		var err error
		if s, err = l.segment(i); s == nil {
			return 0, err
		}
	}
	if l.f.compact {
		at := s.items + (i-s.begin)*arrayItemCompact
		l.f.need(at, arrayItemCompact)
		return uint64(l.f.u32(at)), nil
	}
	at := s.items + (i-s.begin)*arrayItemSize
	l.f.need(at, arrayItemSize)
	return l.f.u64(at), nil
}

// segment finds the array that has the item of an index, nil if there is none.
func (l *list) segment(i uint64) (*segment, error) {
	if l.at < len(l.chain) && i-l.chain[l.at].begin < l.chain[l.at].n {
		return &l.chain[l.at], nil
	}
	if k := len(l.chain); k > 0 && i < l.chain[k-1].begin+l.chain[k-1].n {
		l.at = sort.Search(k, func(j int) bool { return l.chain[j].begin+l.chain[j].n > i })
		return &l.chain[l.at], nil
	}
	for {
		next, begin := l.head, uint64(0)
		if k := len(l.chain); k > 0 {
			last := &l.chain[k-1]
			begin = last.begin + last.n
			l.f.need(last.items-arrayItems, arrayItems)
			next = l.f.u64(last.items - arrayItems + arrayNextAt)
			if next != 0 && next <= last.items { // arrays are only ever appended: a loop otherwise
				return nil, corrupt(next, "a chain of arrays that leads back")
			}
		}
		if next == 0 {
			return nil, nil
		}
		size, err := l.f.object(next, objectEntryArray)
		if err != nil {
			return nil, err
		}
		n := (size - arrayItems) / arrayItemSize
		if l.f.compact {
			n = (size - arrayItems) / arrayItemCompact
		}
		if n == 0 {
			return nil, corrupt(next, "an array without items")
		}
		l.chain = append(l.chain, segment{items: next + arrayItems, begin: begin, n: n})
		if l.at = len(l.chain) - 1; i < begin+n {
			return &l.chain[l.at], nil
		}
	}
}

// search returns the smallest index for whose entry beyond is true, l.n if it is
// for none. It is taken for true for an entry that is not written yet or cannot
// be read. Where entries are not in order, as times after a clock was set back,
// it is the first array whose last entry is beyond that is searched, as
// sd-journal does.
func (l *list) search(beyond func(at uint64) bool) uint64 {
	from := uint64(0)
	if l.first != 0 && l.n > 0 {
		if beyond(l.first) {
			return 0
		}
		from = 1
	}
	for from < l.n {
		s, err := l.segment(from - l.skip())
		if s == nil || err != nil {
			return from
		}
		to := min(s.begin+s.n+l.skip(), l.n)
		if i := l.searchRange(from, to, beyond); i < to {
			return i
		}
		from = to
	}
	return l.n
}

// skip is how many entries stand before the arrays.
func (l *list) skip() uint64 {
	if l.first != 0 {
		return 1
	}
	return 0
}

// searchRange is search in [from, to), to if there is none. It looks at the last
// one first.
func (l *list) searchRange(from, to uint64, beyond func(at uint64) bool) uint64 {
	is := func(i uint64) bool {
		at, err := l.get(i)
		return err != nil || at == 0 || beyond(at)
	}
	if from == to || !is(to-1) {
		return to
	}
	return from + uint64(sort.Search(int(to-1-from), func(i int) bool { return is(from + uint64(i)) }))
}
