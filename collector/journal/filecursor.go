package journal

import (
	"math"
	"runtime/debug"
	"time"
)

// fileCursor is where a reader is in one file: entries up to the offset at were
// passed and larger ones are ahead, but while the reader is on the entry at at,
// that one is neither.
type fileCursor struct {
	// What Reader.compare looks at in each file comes first, and is in one line of the
	// processor's cache.
	ready  bool // e is the next entry in the direction back
	back   bool
	ended  bool  // there is none, and there will be none
	idle   bool  // there was none when the files were last compared
	failed bool  // the file cannot be read
	bounds *ends // of the file, nil as long as they are not known

	f      *File
	match  *Match
	author *author
	found  found  // of Which
	group  *group // of its entries, nil as long as none was read
	walker walker // nil until it is needed: most files of a query of few entries are not looked into
	dec    *decoder
	export renderCache
	json   renderCache
	raw    renderCache
	spare  *spareCaches

	at     uint64
	on     bool
	passed uint64 // entries up to at, at least

	e entry // if ready

	sureTo uint64 // what was written up to that offset is known to be older than what is in files that come
	end    uint64 // where the file ended when complete looked

	late bool  // the file came while the reader was reading, and numbers do not say what of it is news
	last entry // the last one of the file, if the tail was sought

	checked  bool      // its list of entries was
	heldAt   time.Time // when its filesystem was seen last not to respond; zero: it does
	unplaced bool      // then its place was not found
	skipped  uint64    // entries that could not be read, and why
	reason   error
}

// ends is File.ends, which does not change once it is known.
func (c *fileCursor) ends() *ends {
	if c.bounds == nil {
		c.bounds = c.f.ends()
	}
	return c.bounds
}

// tryAgain reports whether it is time to look whether the filesystem of a file responds.
func (c *fileCursor) tryAgain() bool { return !c.heldAt.IsZero() && time.Since(c.heldAt) > lookWait }

// done reports whether there will be no entry in a direction.
func (c *fileCursor) done(back bool) bool { return c.failed || c.ended && c.back == back }

// peek makes e the next entry in a direction, and reports whether there is one.
func (c *fileCursor) peek(back bool) (ok bool, err error) {
	if c.back == back && (c.ready || c.ended) || c.failed {
		return c.ready && !c.failed, nil
	}
	defer catchFault(debug.SetPanicOnFault(true), &err)
	c.ready, c.back, c.ended = false, back, false
	from := c.at
	if back && !c.on {
		from++
	}
	if x := c.ends(); x != nil && (back && from <= x.first.at || !back && from >= x.last.at) {
		if c.ended = true; !back {
			c.passed = max(c.passed, x.entries)
		}
		c.keepCaches()
		return false, nil
	}
	// journald counts an entry before it lists it for each of its fields, so no
	// number says that there is nothing new: only the file's end does.
	final := back || !c.f.live.Load()
	entries := c.f.entries()
	if c.walker == nil {
		c.walker = walkerOf(c.f, c.match, c.dec)
	}
	for {
		var at uint64
		if back {
			at, err = c.walker.before(from)
		} else {
			at, err = c.walker.after(from)
		}
		if err != nil || at == 0 {
			if err == nil && !back {
				c.passed = max(c.passed, entries)
			}
			if c.ended = final && err == nil; c.ended {
				c.keepCaches()
			}
			return false, err
		}
		if err = c.f.entry(at, &c.e); err == nil {
			c.ready = true
			return true, nil
		}
		// One entry cannot be read: the others can.
		c.skipped++
		c.reason, from = err, at
	}
}

// keepCaches gives what entries were rendered with to the files that follow.
func (c *fileCursor) keepCaches() {
	c.spare.keep(&c.export)
	c.spare.keep(&c.json)
	c.spare.keep(&c.raw)
}

// sure reports whether all files are known that may have older entries than that which
// peek found.
func (c *fileCursor) sure() bool { return c.e.at <= c.sureTo }

// noteEnd notes where the file ends now: entries are written behind its last object.
func (c *fileCursor) noteEnd() {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	if c.end = math.MaxUint64; c.f.live.Load() && c.f.state() != stateArchived {
		c.f.needHead()
		c.end = c.f.u64(headTailObject)
	}
}

// take goes to the entry that peek found.
func (c *fileCursor) take() {
	c.at, c.on, c.ready, c.ended = c.e.at, true, false, false
	if c.back {
		c.passed -= min(c.passed, 1)
	} else {
		c.passed++
	}
}

// leave lets the reader be on another file's entry, which it reached in a
// direction.
func (c *fileCursor) leave(back bool) {
	c.on = false
	if back {
		c.at--
	}
}

// drop leaves the entry that peek found behind: the reader has it already.
func (c *fileCursor) drop() {
	c.take()
	c.leave(c.back)
}

// settle goes to a target.
func (c *fileCursor) settle(t *target) (err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	c.ready, c.ended, c.on = false, false, false
	c.last = entry{}
	if c.at, c.passed, err = c.start(t); err != nil || t.kind != atTail || c.at == 0 {
		return err
	}
	if x := c.ends(); x != nil {
		c.last = x.last
		return nil
	}
	return c.f.entry(c.at, &c.last)
}
