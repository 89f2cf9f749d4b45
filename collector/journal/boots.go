package journal

import "slices"

// Boot is a time that a machine ran without a restart, as far as the journal
// has it.
type Boot struct {
	ID          ID
	First, Last uint64 // realtime of its first and last entry, microseconds since 1970
}

// bootRange is the first and the last entry of a boot.
type bootRange struct{ first, last entry }

// Boots lists the boots that have entries, oldest first, and what was wrong
// with files.
func (j *Journal) Boots() ([]Boot, []error) {
	boots := map[ID]*bootRange{}
	errs := j.Values("_BOOT_ID", func(value []byte) bool {
		if id, err := ParseID(string(value)); err == nil {
			boots[id] = &bootRange{}
		}
		return true
	})
	errs = append(errs, j.eachFile(func(f *File) error {
		var d decoder
		defer d.close()
		for id, b := range boots {
			at, err := f.findBoot(id, &d)
			if err != nil {
				return err
			}
			if at == 0 {
				continue
			}
			if err := b.add(f, at); err != nil {
				return err
			}
		}
		return nil
	})...)
	var ranges []*bootRange
	for _, b := range boots {
		if b.first.at != 0 {
			ranges = append(ranges, b)
		}
	}
	slices.SortFunc(ranges, func(a, b *bootRange) int { return compareEntries(&a.first, &b.first) })
	all := make([]Boot, len(ranges))
	for i, b := range ranges {
		all[i] = Boot{ID: b.first.boot, First: b.first.realtime, Last: b.last.realtime}
	}
	return all, errs
}

// add widens a boot by its first and last entry in a file.
func (b *bootRange) add(f *File, data uint64) error {
	l, err := f.dataList(data)
	if err != nil {
		return err
	}
	at, err := l.get(0)
	if err != nil || at == 0 {
		return err
	}
	var first, last entry
	if err := f.entry(at, &first); err != nil {
		return err
	}
	if at, err = l.last(); err != nil {
		return err
	}
	if err := f.entry(at, &last); err != nil {
		return err
	}
	if b.first.at == 0 || compareEntries(&first, &b.first) < 0 {
		b.first = first
	}
	if b.last.at == 0 || compareEntries(&last, &b.last) > 0 {
		b.last = last
	}
	return nil
}
