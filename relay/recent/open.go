package recent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// open opens the segments of an earlier run. last is the number in the name of the
// newest one.
func (d *disk) open(o *Options) (last int64, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return 0, fmt.Errorf("create the history's directory: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(o.Dir, "*.seg"))
	if err != nil {
		return 0, err
	}
	slices.Sort(names)
	for _, name := range names {
		seg, cut, err := openSegment(name)
		switch {
		case errors.Is(err, errNoSegment):
			d.cut++
			o.Log.Warn(`a file of the history is not a segment and is renamed to "bad"`, "path", name)
			if err := setAside(name); err != nil {
				return 0, fmt.Errorf("rename a bad segment: %w", err)
			}
			continue
		case err != nil:
			d.errors++
			o.Log.Warn("a segment of the history cannot be read", "path", name, "err", err)
			continue
		case cut > 0:
			d.cut++
			d.cutBytes += uint64(cut)
			o.Log.Warn("a segment of the history was incomplete and is truncated", "path", name, "bytes", cut)
		}
		fmt.Sscanf(strings.TrimSuffix(filepath.Base(name), ".seg"), "%d", &last)
		d.segments = append(d.segments, seg)
	}
	return last, nil
}

// setAside renames a file that is not a segment to "bad". It replaces an earlier file of
// that name.
func setAside(name string) error {
	return os.Rename(name, filepath.Join(filepath.Dir(name), "bad"))
}
