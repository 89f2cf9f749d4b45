package logs

import (
	"bytes"
	"context"
	"slices"

	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// walk goes over the entries of a plan, forward and back. It stands between two of them,
// or on one.
type walk struct {
	state
	o       *opened
	r       *journal.Reader
	origins *origins

	buf      []byte
	byFields bool // of is what the entry's fields say
	lines    bool // grep is left to whoever joins lines,
	quick    bool // but for entries without marks
	late     *late
	from     journal.Place // after which it began; the zero Place if it began elsewhere

	errs []error

	message bool // whether grep matches, of the last call of check
	check   func(value []byte)
}

type direction int8

const (
	none direction = iota
	forward
	backward
)

func (o *opened) walk(p *plan) *walk {
	m := p.match
	if !m.Everything() {
		for _, id := range telling {
			m = journal.Any(m, journal.Equal("MESSAGE_ID", id))
		}
	}
	w := &walk{state: state{p: p}, o: o, r: o.j.Reader(m), origins: newOrigins(&o.node.o)}
	w.check = func(v []byte) {
		line, ends := bytes.CutSuffix(v, newline) // see logdriver.TrimNewline
		w.message = p.grep.match(v) || ends && p.grep.match(line) || mayTell(v)
	}
	return w
}

func (w *walk) close() { _ = w.r.Close() } // of files that are read only

// checkEvery is after how many entries a walk looks whether it is still wanted.
const checkEvery = 256

func (w *walk) step(ctx context.Context, d direction) (bool, error) {
	if w.at != none && w.at != d {
		w.at = d
		return true, nil
	}
	w.past = false
	for {
		if w.count++; w.count%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return false, err
			}
		}
		ok := false
		if d == forward {
			ok = w.r.Next()
		} else {
			ok = w.r.Previous()
		}
		if !ok {
			// The entry that it is on stays behind it.
			return false, nil
		}
		w.at = none
		switch when := int64(w.r.Realtime()); {
		case d == forward && when > w.p.until, d == backward && when < w.p.since:
			w.past = true
			return false, nil
		case when < w.p.since || when > w.p.until:
			continue
		}
		found := w.look()
		if w.late != nil && d == forward {
			pass, done := w.late.passes(w)
			if found = found && pass; done {
				w.late = nil
			}
		}
		if found {
			w.at = d
			return true, nil
		}
	}
}

// look reads the entry that it came to, and reports whether it matches or tells
// something.
func (w *walk) look() bool {
	if w.p.grep != nil && (!w.lines || w.quick) {
		w.message = false
		if ok, err := w.r.Value("MESSAGE", w.check); err != nil || ok && !w.message && !(w.lines && w.marked()) {
			w.fail(err)
			return false
		}
	}
	if cap(w.buf) > 1<<20 {
		w.buf = nil // of a large entry
	}
	var err error
	w.buf, w.fields, err = w.r.AppendFields(w.buf[:0], w.fields[:0])
	w.fail(err)
	w.size = len(w.buf)
	w.of, w.byFields = w.origins.of(w.fields)
	if w.byFields {
		w.fields = withStream(w.fields)
		if w.origins.full {
			logdriver.TrimNewline(w.fields)
		}
	}
	w.wanted = w.p.accepts(w.fields, w.of) && (w.p.grep == nil || w.lines || w.grepped())
	w.told = w.told[:0]
	if id, ok := value(w.fields, "MESSAGE_ID"); ok && slices.Contains(telling[:], string(id)) {
		w.wanted = w.wanted && w.p.match.Of(w.fields) // it may have been looked up for its id alone
		w.tell(id)
	}
	return w.wanted || len(w.told) > 0
}

// marked reports whether the entry is a piece of a line that goes on.
func (w *walk) marked() bool {
	ok, err := w.r.Value(logdriver.FieldPartial, func([]byte) {})
	w.fail(err)
	return ok
}

func (w *walk) grepped() bool {
	for i := range w.fields {
		if w.fields[i].Name == "MESSAGE" && w.p.grep.match(w.fields[i].Value) {
			return true
		}
	}
	return false
}

func (w *walk) fail(err error) {
	if err != nil && len(w.errs) < maxErrors {
		w.errs = append(w.errs, err)
	}
}

var newline = []byte{'\n'}

// maxErrors bounds the errors that are kept between two entries.
const maxErrors = 100

func (w *walk) errors() []error {
	errs := append(w.errs, w.r.Errors()...)
	w.errs = w.errs[:0]
	return errs
}
