package journal

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// Place is where a reader is: at an entry of one writer, and with other writers behind the
// entry of theirs that it has passed last. The entry alone says that by its time: an entry
// of another journald that is older, and is written later, would be passed over by
// who goes on there.
type Place struct {
	Cursor Cursor
	own    uint32 // the writer of the cursor's entry
	others map[uint32]Cursor
	cut    bool // there were more writers
}

// author is what writes files one entry after the other: a journald those of a directory,
// systemd-journal-remote those of one name.
type author struct {
	hash uint32
	last entry // that the reader passed, whether or not it matches; none if at is 0
}

// maxAuthors bounds how many other writers a place has: those of the newest entries. With the others it
// goes on by time.
const maxAuthors = 16

// After logentry.CursorRest a place has, as base64, a byte that is 1 if writers are left
// out, the own writer, and a record a writer.
const (
	placeHead   = 1 + 4
	placeRecord = 4 + 16 + 8 + 16 + 8 + 8 + 8
)

// authorOf names the writer of a file by a hash.
func authorOf(path string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(scopeOf(path)))
	if chain := chainOf(path); chain != "system" && !strings.HasPrefix(chain, "user-") {
		h.Write([]byte("/" + chain))
	}
	return h.Sum32()
}

// chainOf is the first part of a file's name, which all files of the system or of one user
// have.
func chainOf(path string) string {
	chain, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), "~"), "@")
	return strings.TrimSuffix(chain, ".journal")
}

// author returns the author of a file.
func (r *Reader) author(f *File) *author {
	hash := f.path.Load().author
	for _, w := range r.authors {
		if w.hash == hash {
			return w
		}
	}
	w := &author{hash: hash}
	r.authors = append(r.authors, w)
	return w
}

// AppendPlace appends the text of the place of the entry that was read last: its cursor,
// and more if there is more than one writer.
func (r *Reader) AppendPlace(dst []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.e.cursor()
	dst = c.append(dst)
	if len(r.authors) < 2 || r.current == nil {
		return dst
	}
	if !r.placed {
		r.findPlaces()
	}
	own := r.current.author
	var room [maxAuthors + 1]*author
	others := room[:0]
	for _, w := range r.authors {
		if w == own || w.last.at == 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(others, w, func(a, b *author) int {
			return cmp.Compare(b.last.realtime, a.last.realtime)
		})
		others = slices.Insert(others[:min(len(others), maxAuthors)], i, w)
	}
	b := make([]byte, 0, placeHead+placeRecord*maxAuthors)
	b = append(b, 0)
	if len(others) > maxAuthors {
		others, b[0] = others[:maxAuthors], 1
	}
	b = binary.BigEndian.AppendUint32(b, own.hash)
	for _, w := range others {
		b = binary.BigEndian.AppendUint32(b, w.hash)
		b = append(b, w.last.seqnumID[:]...)
		b = binary.BigEndian.AppendUint64(b, w.last.seqnum)
		b = append(b, w.last.boot[:]...)
		for _, n := range []uint64{w.last.monotonic, w.last.realtime, w.last.xorHash} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	return base64.RawURLEncoding.AppendEncode(append(dst, logentry.CursorRest...), b)
}

// findPlaces finds the last entry of each writer that was passed, after the reader sought
// or turned around.
func (r *Reader) findPlaces() {
	for _, w := range r.authors {
		w.last = entry{}
	}
	for _, c := range r.files {
		var e entry
		if c.lastPassed(&e) && (c.author.last.at == 0 || compareEntries(&e, &c.author.last) > 0) {
			c.author.last = e
		}
	}
	r.placed = true
}

// lastPassed reads the last entry of a file that was passed, and reports whether there is
// one.
func (c *fileCursor) lastPassed(e *entry) (ok bool) {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	all := c.f.entryList()
	i := all.search(func(at uint64) bool { return at > c.at })
	if i == 0 || c.at == 0 {
		return false
	}
	at, err := all.get(i - 1)
	return err == nil && at != 0 && c.f.entry(at, e) == nil
}

// ParsePlace reads the text of a place, or of a cursor alone.
func ParsePlace(text string) (p Place, err error) {
	text, more, _ := strings.Cut(text, logentry.CursorRest)
	more, _, _ = strings.Cut(more, ";")
	if p.Cursor, err = ParseCursor(text); err != nil || more == "" {
		return p, err
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(more)
	if err != nil || len(b) < placeHead || (len(b)-placeHead)%placeRecord != 0 ||
		len(b) > placeHead+placeRecord*maxAuthors {
		return p, fmt.Errorf("cursor %.200q: its end is not as it was given", text)
	}
	p.cut, p.own, p.others = b[0] != 0, binary.BigEndian.Uint32(b[1:]), map[uint32]Cursor{}
	for b = b[placeHead:]; len(b) > 0; b = b[placeRecord:] {
		number := func(at int) uint64 { return binary.BigEndian.Uint64(b[at:]) }
		p.others[binary.BigEndian.Uint32(b)] = Cursor{SeqnumID: ID(b[4:]), Seqnum: number(20), Boot: ID(b[28:]),
			Monotonic: number(44), Realtime: number(52), XorHash: number(60), has: hasAll}
	}
	return p, nil
}

// SeekPlace goes behind the entry of a place.
func (r *Reader) SeekPlace(p Place) {
	t := target{kind: afterCursor, cursor: p.Cursor}
	if p.others != nil {
		t.place = &p
	}
	r.seek(t)
}

// of is the target in the files of a writer. One that a place does not have came later:
// what of its files is news depends on the time, as for a reader that was not interrupted.
func (t *target) of(w *author) target {
	if t.place == nil || w.hash == t.place.own {
		return *t
	}
	if c, ok := t.place.others[w.hash]; ok {
		return target{kind: afterCursor, cursor: c}
	}
	if t.place.cut {
		return *t
	}
	return target{kind: atCursor, cursor: t.cursor.earlier()}
}

// earlier is a cursor by time alone, as much before this one as entries may be that are
// news in a file that came.
func (c Cursor) earlier() Cursor {
	c.Monotonic -= min(c.Monotonic, lateBy)
	c.Realtime -= min(c.Realtime, lateBy)
	c.has = hasBoot | hasMonotonic | hasRealtime
	return c
}
