package recent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func (d *disk) open(o *Options) error {
	d.o = o
	if o.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the history's directory: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(o.Dir, "*.seg"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		seg, cut, err := openSegment(name)
		switch {
		case errors.Is(err, errNoSegment):
			d.cut++
			o.Log.Warn("history on disk: set a file aside that is no segment", "file", name)
			if err := setAside(name); err != nil {
				return fmt.Errorf("set a bad segment aside: %w", err)
			}
			continue
		case err != nil:
			d.errors++
			o.Log.Warn("history on disk: a segment cannot be read", "file", name, "err", err)
			continue
		case cut > 0:
			d.cut++
			d.cutBytes += uint64(cut)
			o.Log.Warn("history on disk: cut the torn end of a segment", "file", name, "bytes", cut)
		}
		fmt.Sscanf(strings.TrimSuffix(filepath.Base(name), ".seg"), "%d", &d.last)
		d.segments = append(d.segments, seg)
	}
	return nil
}

// setAside renames a file that is no segment. Only the last such file is kept.
func setAside(name string) error {
	return os.Rename(name, filepath.Join(filepath.Dir(name), "bad"))
}

func (d *disk) close() error {
	var err error
	if d.active != nil {
		err = errors.Join(d.active.seal(), d.active.file.Sync())
		d.active = nil
	}
	for _, s := range d.segments {
		if s.gone = true; s.refs == 0 {
			err = errors.Join(err, s.file.Close())
		}
	}
	d.segments = nil
	return err
}
