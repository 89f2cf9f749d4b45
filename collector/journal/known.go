package journal

import (
	"bytes"
	"runtime/debug"
)

// Known collects the values that fields have in any entry, and reads only what came
// since it was last asked. It is not safe for concurrent use.
type Known struct {
	j      *Journal
	fields []string
	seen   map[*File][]uint64 // by field: the offset of the newest value that was read
	dec    decoder
}

// Known makes a collection of the values of some fields.
func (j *Journal) Known(fields ...string) *Known {
	return &Known{j: j, fields: fields, seen: map[*File][]uint64{}}
}

// Update calls fn with values that came since the last call, the same value perhaps more
// than once. If a file went since then it calls forget first, and then fn with all
// values that there are. It returns what was wrong with files.
func (k *Known) Update(forget func(), fn func(field int, value []byte)) []error {
	files, release := k.j.snapshot()
	defer release()
	there := make(map[*File]bool, len(files))
	for _, f := range files {
		there[f] = true
	}
	for f := range k.seen {
		if !there[f] {
			clear(k.seen)
			forget()
			break
		}
	}
	var errs []error
	for _, f := range files {
		if k.seen[f] == nil {
			k.seen[f] = make([]uint64, len(k.fields))
		}
		for i, name := range k.fields {
			if err := k.read(f, i, name, fn); err != nil {
				errs = append(errs, &FileError{Path: f.Path(), Err: err})
				break
			}
		}
	}
	return errs
}

// read reads the values of a field that are newer than those that were read before: the
// newest one is the first of the chain.
func (k *Known) read(f *File, i int, name string, fn func(field int, value []byte)) (err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	at, err := f.findField(name)
	if err != nil || at == 0 {
		return err
	}
	before := k.seen[f][i]
	newest := f.u64(at + fieldHeadDataAt)
	for at = newest; at != 0 && at != before; {
		p, err := k.dec.payload(f, at)
		if err != nil {
			return err
		}
		got, value, ok := bytes.Cut(p, []byte("="))
		if !ok || string(got) != name {
			return corrupt(at, "a value of %s that is of another field", name)
		}
		fn(i, value)
		next := f.u64(at + dataNextFieldAt)
		if next >= at {
			return corrupt(at, "a chain of values that leads forward to %#x", next)
		}
		at = next
	}
	k.seen[f][i] = newest
	return nil
}

// Close gives back what the collection holds.
func (k *Known) Close() { k.dec.close() }
