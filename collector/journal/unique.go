package journal

import (
	"bytes"
	"hash/maphash"
	"runtime/debug"
	"slices"
)

// snapshot takes references of all files that respond in directories of Options.Dirs, by
// default in all of them; give them back with the function.
func (j *Journal) snapshot(dirs ...string) (files []*File, release func()) {
	if len(dirs) == 0 {
		dirs = j.o.Dirs
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	files = make([]*File, 0, len(j.files))
	for _, dir := range dirs {
		for _, f := range j.sorted[dir] {
			if !f.held.Load() && f.acquire() {
				files = append(files, f)
			}
		}
	}
	return files, func() {
		for _, f := range files {
			_ = f.release() // a mapping that cannot be unmapped is told by the last one
		}
	}
}

// eachFile calls fn with each file, and returns what was wrong with any.
func (j *Journal) eachFile(fn func(f *File) error) (errs []error) {
	files, release := j.snapshot()
	defer release()
	for _, f := range files {
		err := func() (err error) {
			defer catchFault(debug.SetPanicOnFault(true), &err)
			return fn(f)
		}()
		if err != nil {
			errs = append(errs, &FileError{Path: f.Path(), Err: err})
		}
	}
	return errs
}

// FieldNames are the names of all fields that any entry has, sorted, and what
// was wrong with files.
func (j *Journal) FieldNames() ([]string, []error) {
	names := map[string]bool{}
	errs := j.eachFile(func(f *File) error {
		for b := range f.fieldBuckets {
			at, err := f.bucket(f.fieldTable, f.fieldBuckets, b)
			for at != 0 && err == nil {
				name, nameErr := f.fieldName(at)
				if nameErr != nil {
					return nameErr
				}
				names[string(name)] = true
				at, err = f.chained(at, f.u64(at+fieldNextHashAt))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	return sorted, errs
}

// Values calls fn with each value that a field has in any entry, once each and
// in no order, until fn returns false. A value is valid during the call. Values
// returns what was wrong with files.
func (j *Journal) Values(field string, fn func(value []byte) bool) []error {
	var d decoder
	defer d.close()
	seed := maphash.MakeSeed()
	seen := map[uint64]struct{}{} // hashes: values may be long and many
	more := true
	return j.eachFile(func(f *File) error {
		at, err := f.findField(field)
		if err != nil || at == 0 {
			return err
		}
		for at = f.u64(at + fieldHeadDataAt); at != 0 && more; {
			p, err := d.payload(f, at)
			if err != nil {
				return err
			}
			name, value, ok := bytes.Cut(p, []byte("="))
			if !ok || string(name) != field || f.hash(p) != f.u64(at+dataHashAt) {
				return corrupt(at, "a value of %s that differs from its hash", field)
			}
			if h := maphash.Bytes(seed, value); f.u64(at+dataEntryAt) != 0 {
				if _, ok := seen[h]; !ok {
					seen[h] = struct{}{}
					more = fn(value)
				}
			}
			next := f.u64(at + dataNextFieldAt)
			if next >= at { // a new value is put before the older ones
				return corrupt(at, "a chain of values that leads forward to %#x", next)
			}
			at = next
		}
		return nil
	})
}
