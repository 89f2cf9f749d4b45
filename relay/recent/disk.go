package recent

// maxSegments bounds the open files, in case the relay restarts very often: each start
// begins another segment.
const maxSegments = 1000

// disk is the state of the history on disk: its segments, and the frames that wait to be
// written. The store's lock guards it. Only the writer changes segments; it does all
// input and output without the lock.
type disk struct {
	segments []*segment // oldest first; the last may be the active one
	active   *segment   // the one that is written to; nil if there is none
	pending  pending

	failing bool  // the last write failed, or the disk does not respond
	retry   int64 // while failing, no frame is queued before this time, Unix nanoseconds

	errors, unwritten, stalls, cut, cutBytes, carried uint64 // see Stats
}

// bytes returns the size of the segments, with the footers that are not written yet.
func (d *disk) bytes() (n int64) {
	for _, s := range d.segments {
		n += s.size + s.listed
	}
	return n
}

// holds reports whether a segment has records of an agent.
func (d *disk) holds(agent string) bool {
	for _, s := range d.segments {
		if s.agents[agent] != nil {
			return true
		}
	}
	return false
}

// view is a snapshot of one agent's list in one segment. The segment's file stays open
// until the view is released.
type view struct {
	seg *segment
	b   []byte // the encoded list; nil if it is still to be read from the file
	p   posting
}

// view returns a view of an agent's list.
func (s *segment) view(p *posting) view {
	v := view{seg: s, p: *p}
	if !s.sealed {
		v.b = p.buf
	}
	s.refs++
	return v
}

// views returns an agent's lists in all segments, oldest first. The store's lock is
// held.
func (d *disk) views(agent string) (out []view) {
	for _, seg := range d.segments {
		if p := seg.agents[agent]; p != nil {
			out = append(out, seg.view(p))
		}
	}
	return out
}

// each calls fn with every record of the list, oldest first.
func (v *view) each(fn func(*place) bool) error {
	if v.b == nil {
		b, err := v.seg.load(&v.p)
		if err != nil {
			return err
		}
		v.b = b
	}
	return each(v.b, fn)
}

// find returns the parts of an agent's tick that are on disk, each once.
func find(views []view, agent string, boot, seq uint64) ([]source, error) {
	var out []source
	var have bitset
	for i := len(views) - 1; i >= 0; i-- {
		v := &views[i]
		err := v.each(func(r *place) bool {
			if r.Boot != boot || r.Seq != seq || len(out) > 0 && r.Parts != out[0].Parts {
				return true
			}
			if have == nil {
				have = newBitset(r.Parts)
			}
			if !have.has(r.Part) {
				have.set(r.Part)
				r.Agent = agent
				out = append(out, source{place: *r, seg: v.seg})
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && have.count() == int(out[0].Parts) {
			break
		}
	}
	return out, nil
}

// release undoes segment.view, once for each of segs. The last release of a deleted
// segment closes its file.
func (s *Store) release(segs ...*segment) {
	var unused []*segment
	s.mu.Lock()
	for _, seg := range segs {
		if seg.refs--; seg.gone && seg.refs == 0 {
			unused = append(unused, seg)
		}
	}
	s.mu.Unlock()
	for _, seg := range unused {
		seg.file.Close()
	}
}

func (s *Store) releaseViews(views []view) {
	segs := make([]*segment, len(views))
	for i := range views {
		segs[i] = views[i].seg
	}
	s.release(segs...)
}

// failed counts a read that failed.
func (s *Store) failed() {
	s.mu.Lock()
	s.disk.errors++
	s.mu.Unlock()
}
