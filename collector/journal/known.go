package journal

import (
	"bytes"
	"runtime/debug"
	"slices"
)

// Known collects the values that fields have in any entry of one directory, and reads only
// what came since it was last asked. It is not safe for concurrent use.
type Known struct {
	j      *Journal
	dir    string
	fields []string
	seen   map[*File]*knownFile
	dec    decoder
}

// knownFile is what was read of a file.
type knownFile struct {
	newest []uint64 // by field: the offset of the newest value that was read
	whole  bool     // nothing comes any more, and all was read
}

// Known makes a collection of the values of some fields in a directory of Options.Dirs.
func (j *Journal) Known(dir string, fields ...string) *Known {
	return &Known{j: j, dir: dir, fields: fields, seen: map[*File]*knownFile{}}
}

// Dirs returns the directories with journal files, each once.
func (j *Journal) Dirs() []string {
	return slices.Compact(slices.Sorted(slices.Values(j.o.Dirs)))
}

// Forget makes the next Update call fn with all values that there are.
func (k *Known) Forget() { clear(k.seen) }

// Update calls fn with values that came since the last call, the same value perhaps more
// than once, until fn returns false: then it wants no more of that field in that file. If a
// file went since then it calls forget first, and then fn with all values that there are. It
// returns what was wrong with files.
func (k *Known) Update(forget func(), fn func(field int, value []byte) (more bool)) []error {
	files, release := k.j.snapshot(k.dir)
	defer release()
	if k.misses(files) {
		clear(k.seen)
		forget()
	}
	var errs []error
	for _, f := range files {
		seen := k.seen[f]
		if seen == nil {
			seen = &knownFile{newest: make([]uint64, len(k.fields))}
			k.seen[f] = seen
		}
		if seen.whole {
			continue
		}
		whole := !f.live.Load()
		for i, name := range k.fields {
			if err := k.read(f, &seen.newest[i], i, name, fn); err != nil {
				errs = append(errs, &FileError{Path: f.Path(), Err: err})
				whole = false
				break
			}
		}
		seen.whole = whole
	}
	return errs
}

// misses reports whether a file of which values were read is not among files.
func (k *Known) misses(files []*File) bool {
	there := 0
	for _, f := range files {
		if k.seen[f] != nil {
			there++
		}
	}
	return there < len(k.seen)
}

// read reads the values of a field that are newer than those that were read before: the
// newest one is the first of the chain.
func (k *Known) read(f *File, seen *uint64, i int, name string, fn func(int, []byte) bool) (err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	at, err := f.findField(name)
	if err != nil || at == 0 {
		return err
	}
	before := *seen
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
		if !fn(i, value) {
			break
		}
		next := f.u64(at + dataNextFieldAt)
		if next >= at {
			return corrupt(at, "a chain of values that leads forward to %#x", next)
		}
		at = next
	}
	*seen = newest
	return nil
}

// Close gives back what the collection holds.
func (k *Known) Close() { k.dec.close() }
