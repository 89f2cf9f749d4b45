package journal

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
)

// renderer appends a field in a format; payload is NAME=value, name its part
// before the sign. What it appends depends on these alone.
type renderer func(dst, payload []byte, name int) []byte

// errSlow says that an entry cannot be appended from the cache: a field occurs
// twice, or something is wrong.
var errSlow = errors.New("the entry's fields have to be read one by one")

// maxEntry bounds all fields of an entry, so that a corrupt entry that names a
// large field many times does not cost the memory of all.
const maxEntry = maxPayload

// errNoEntry is what reading fields gives where no entry is: none was stepped to
// since the reader sought, or its file is gone.
var errNoEntry = errors.New("the reader is at no entry, or its file was removed")

// appendFields appends the fields of the entry that was read last, from the
// cache where it has them. Any error means that the fields have to be appended
// one by one; if once is set, a field that occurs twice is one.
func (r *Reader) appendFields(dst []byte, cache *renderCache, render renderer, once bool) (_ []byte, err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	c, begin := r.current, len(dst)
	r.nextNames()
	last := &cache.last
	same := last.begin(c.f, &r.e)
	if once {
		for i := range last.items {
			if name := last.items[i].name; name >= 0 {
				r.names.seen(name)
			}
		}
	}
	hash := last.hash()
	for i := same; i < c.f.items(&r.e); i++ {
		at := c.f.item(&r.e, i)
		s := cache.get(at)
		if s == nil {
			p, eq, err := r.field(c.f, at)
			if err != nil {
				return nil, err
			}
			if cap(r.slot.text) > keptPayload {
				r.slot.text = nil
			}
			r.slot.name, r.slot.hash = r.names.number(p[:eq]), jenkins(p)
			r.slot.text = render(r.slot.text[:0], p, eq)
			if s = &r.slot; c.f.u64(at+dataEntriesAt) > 1 {
				cache.put(at, s, &r.spare)
			}
		}
		hash ^= s.hash
		if once && len(s.text) > 0 && r.names.seen(s.name) {
			return nil, errSlow
		}
		if same >= 0 && !last.add(at, s, hash) {
			dst = append(dst, last.text...)
			last.forget()
			same = -1 // too large to be kept
		}
		if same < 0 {
			if dst = append(dst, s.text...); len(dst)-begin > maxEntry {
				return nil, errSlow
			}
		}
	}
	if hash != r.e.xorHash && !r.loggedTwice(hash) {
		*cache = renderCache{}
		return nil, errSlow
	}
	if same >= 0 {
		dst = append(dst, last.text...)
	}
	return dst, nil
}

// field reads a data object; eq is where its name ends.
func (r *Reader) field(f *File, at uint64) (payload []byte, eq int, err error) {
	p, err := r.dec.payload(f, at)
	if err != nil {
		return nil, 0, err
	}
	if eq = bytes.IndexByte(p, '='); eq < 0 {
		return nil, 0, corrupt(at, "a field without a name")
	}
	return p, eq, nil
}

// loggedTwice reports whether the hash that an entry's fields make up differs
// from the entry's because up to two of them were logged twice with the same
// value: such a field stands there once, and is twice in the entry's hash.
func (r *Reader) loggedTwice(hash uint64) bool {
	f := r.current.f
	hashes := map[uint64]bool{0: true}
	for i := range f.items(&r.e) {
		if p, _, err := r.field(f, f.item(&r.e, i)); err == nil {
			hashes[jenkins(p)] = true
		}
	}
	for h := range hashes {
		if hashes[hash^r.e.xorHash^h] {
			return true
		}
	}
	return false
}

// Fields calls fn with each field of the entry that was read last: its name and
// its value, which are valid during the call. A field that cannot be read is
// left out and told in the error. An error of fn ends it. fn must not call the
// reader.
func (r *Reader) Fields(fn func(name, value []byte) error) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return errNoEntry
	}
	r.rendered = true
	defer r.nameFile(r.current.f, &err)
	return r.fields(fn)
}

func (r *Reader) fields(fn func(name, value []byte) error) (err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	f := r.current.f
	var bad error
	size, hash := 0, uint64(0)
	for i := range f.items(&r.e) {
		at := f.item(&r.e, i)
		p, eq, err := r.field(f, at)
		if err == nil && f.hash(p) != f.u64(at+dataHashAt) {
			err = corrupt(at, "a field that differs from its hash")
		}
		if err != nil {
			bad = err
			continue
		}
		if size += len(p); size > maxEntry {
			return corrupt(r.e.at, "an entry of more than %d bytes", maxEntry)
		}
		hash ^= jenkins(p)
		if err := fn(p[:eq], p[eq+1:]); err != nil {
			return err
		}
	}
	if bad == nil && hash != r.e.xorHash && !r.loggedTwice(hash) {
		bad = corrupt(r.e.at, "an entry whose fields are not the ones that were written")
	}
	return bad
}

// nameFile is deferred to tell which file an error is about.
func (r *Reader) nameFile(f *File, err *error) {
	if errors.Is(*err, ErrCorrupt) || errors.Is(*err, errShrunk) {
		*err = &FileError{Path: f.Path(), Err: fmt.Errorf("entry %d: %w", r.e.seqnum, *err)}
	}
}
