package journal

// walker finds the neighbours of an offset among the wanted entries of a file. Entries
// are appended, so they are ordered by their offsets.
type walker interface {
	// after returns the offset of the first entry with a larger offset, 0 if
	// there is none yet.
	after(at uint64) (uint64, error)
	// before returns the offset of the last entry with a smaller offset, 0 if
	// there is none.
	before(at uint64) (uint64, error)
}

// walkerOf makes the walker of a match over a file.
func walkerOf(f *File, m *Match, d *decoder) walker {
	switch {
	case m.Everything():
		return &listWalker{list: f.entryList()}
	case m.payload != "":
		return &valueWalker{listWalker: listWalker{list: list{f: f}, leads: true}, payload: []byte(m.payload), d: d}
	}
	parts := make([]walker, len(m.parts))
	for i := range m.parts {
		parts[i] = walkerOf(f, &m.parts[i], d)
	}
	if m.any {
		return &anyWalker{f, parts, make([]bool, len(parts))}
	}
	for _, p := range parts[1:] {
		if v, ok := p.(*valueWalker); ok {
			v.leads = false
		}
	}
	return allWalker(parts)
}

// listWalker walks a list of entries, and remembers where it was.
type listWalker struct {
	list
	data uint64 // the data object whose list it is, 0 for the list of all entries
	i    uint64 // index of the entry that was returned last

	leads bool // what it finds is most often wanted
}

// refresh sees what was appended meanwhile.
func (w *listWalker) refresh() {
	if w.data == 0 {
		w.n, w.head = w.f.bound(w.f.entries()), w.f.u64(headEntryArray)
		return
	}
	w.f.need(w.data, dataPayload)
	w.n, w.head = w.f.bound(w.f.u64(w.data+dataEntriesAt)), w.f.u64(w.data+dataEntryArrayAt)
	w.first = w.f.u64(w.data + dataEntryAt)
	if w.first == 0 {
		w.n = 0
	}
}

func (w *listWalker) after(at uint64) (uint64, error) {
	w.refresh()
	i := w.i
	if here, err := w.get(i); err == nil && here == at && here != 0 {
		i++
	} else {
		i = w.indexAfter(at)
	}
	next, err := w.get(i)
	if next != 0 && next <= at {
		return 0, corrupt(next, "entries that are not in order")
	}
	if next == 0 && err == nil && i < w.n && !w.f.live.Load() {
		return 0, corrupt(w.head, "a list without its entry %d of %d", i, w.n)
	}
	if next != 0 {
		w.i = i
		if w.leads {
			w.lookAhead(i + 1)
		}
	}
	return next, err
}

func (w *listWalker) before(at uint64) (uint64, error) {
	w.refresh()
	i := w.i
	if here, err := w.get(i); err != nil || here != at {
		// The first one after at-1 is the one at at, or after it.
		i = w.indexAfter(at - 1)
	}
	if i == 0 {
		return 0, nil
	}
	prev, err := w.get(i - 1)
	if prev >= at {
		return 0, corrupt(prev, "entries that are not in order")
	}
	if prev != 0 {
		w.i = i - 1
	}
	return prev, err
}

// lookAhead has the processor fetch the entry that is wanted next, while the one before
// it is read: of few entries among many none is in its caches.
func (w *listWalker) lookAhead(i uint64) {
	if at, err := w.get(i); err == nil && at != 0 && at < uint64(len(w.f.data)) {
		prefetch(&w.f.data[at])
	}
}

// indexAfter is the index of the first entry whose offset is larger. It looks
// near the last one first: what is asked for is mostly not far.
func (w *listWalker) indexAfter(at uint64) uint64 {
	larger := func(o uint64) bool { return o > at }
	from, to := uint64(0), w.n
	if w.i < w.n {
		if here, err := w.get(w.i); err == nil && here != 0 && here <= at {
			from = w.i
			for step := uint64(1); from+step < to; step *= 2 {
				o, err := w.get(from + step)
				if err != nil || o == 0 || o > at {
					to = from + step
					break
				}
				from += step
			}
		} else if err == nil && here > at {
			to = w.i
		}
	}
	return w.searchRange(from, to, larger)
}

// valueWalker walks the entries that have a payload. A live file may have its
// data object only later.
type valueWalker struct {
	listWalker
	payload []byte
	d       *decoder
	objects uint64 // that the file had when the payload was looked up in vain
}

// find looks the data object up, unless it was found or nothing was written
// since; it reports whether there is one.
func (w *valueWalker) find() (bool, error) {
	if w.data != 0 {
		return true, nil
	}
	n := w.f.objects()
	if n == w.objects {
		return false, nil
	}
	at, err := w.f.findData(w.payload, w.d)
	if err != nil {
		return false, err
	}
	w.objects = n
	if at == 0 {
		return false, nil
	}
	if w.list, err = w.f.dataList(at); err != nil {
		return false, err
	}
	if !w.f.live.Load() {
		if err := w.list.check(); err != nil {
			return false, err
		}
	}
	w.data = at
	return true, nil
}

// checked checks that an entry that the list has does have the payload.
func (w *valueWalker) checked(at uint64, err error) (uint64, error) {
	if at == 0 || err != nil {
		return at, err
	}
	size, err := w.f.object(at, objectEntry)
	if err != nil || w.f.lists(w.f.data[at+entryItems:at+size], w.data) {
		return at, nil // who reads the entry tells of an error
	}
	return 0, corrupt(w.data, "a list that has an entry without the field")
}

func (w *valueWalker) after(at uint64) (uint64, error) {
	if ok, err := w.find(); !ok {
		return 0, err
	}
	return w.checked(w.listWalker.after(at))
}

func (w *valueWalker) before(at uint64) (uint64, error) {
	if ok, err := w.find(); !ok {
		return 0, err
	}
	return w.checked(w.listWalker.before(at))
}

// anyWalker walks what one of its parts has.
type anyWalker struct {
	f     *File
	parts []walker
	none  []bool // which parts had no entry when after began
}

func (w *anyWalker) after(at uint64) (least uint64, err error) {
	live := w.f.live.Load()
	for i, p := range w.parts {
		o, err := p.after(at)
		if err != nil {
			return 0, err
		}
		if w.none[i] = o == 0; o != 0 && (least == 0 || o < least) {
			least = o
		}
	}
	if !live || least == 0 {
		return least, nil
	}
	// An entry of a part that had none may have been written meanwhile, and then the one that
	// was found. Entries are listed everywhere before the next one is written: now all before
	// that one are.
	for i, p := range w.parts {
		if !w.none[i] {
			continue
		}
		o, err := p.after(at)
		if err != nil {
			return 0, err
		}
		if o != 0 {
			least = min(least, o)
		}
	}
	return least, nil
}

func (w *anyWalker) before(at uint64) (most uint64, err error) {
	for _, p := range w.parts {
		o, err := p.before(at)
		if err != nil {
			return 0, err
		}
		most = max(most, o)
	}
	return most, nil
}

// allWalker walks what all of its parts have: each in turn leaps to where the
// others are, until none has to.
type allWalker []walker

func (w allWalker) after(at uint64) (uint64, error) {
	target, agreed := at+1, 0
	for i := 0; agreed < len(w); i = (i + 1) % len(w) {
		o, err := w[i].after(target - 1)
		if err != nil || o == 0 {
			return 0, err
		}
		if o != target {
			target, agreed = o, 0
		}
		agreed++
	}
	return target, nil
}

func (w allWalker) before(at uint64) (uint64, error) {
	if at == 0 {
		return 0, nil
	}
	target, agreed := at-1, 0
	for i := 0; agreed < len(w); i = (i + 1) % len(w) {
		o, err := w[i].before(target + 1)
		if err != nil || o == 0 {
			return 0, err
		}
		if o != target {
			target, agreed = o, 0
		}
		agreed++
	}
	return target, nil
}
