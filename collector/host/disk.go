package host

import (
	"regexp"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// diskReader reads /proc/diskstats (Documentation/admin-guide/iostats.rst).
type diskReader struct {
	file  *file
	t     *table
	wants nameFilter
}

// newDiskReader makes a reader of the disks whose names exclude does not match.
func newDiskReader(proc string, exclude *regexp.Regexp) *diskReader {
	return &diskReader{
		file: newFile(proc + "/diskstats"), t: newTable(metric.Disk, deviceLabel),
		wants: nameFilter{exclude: exclude},
	}
}

func (d *diskReader) read(buf *[]byte) *frame.Table {
	d.t.begin()
	d.parse(d.file.read(buf))
	return d.t.end()
}

// parse reads lines of 14 fields, of 18 since Linux 4.18 (discards), and of 20 since
// Linux 5.5 (flushes): major, minor, name, then numbers. Linux 2.6 printed shorter
// lines with other fields for partitions: the values of such a row stay Absent.
func (d *diskReader) parse(b []byte) {
	for len(b) > 0 {
		var line, f []byte
		line, b = nextLine(b)
		_, line = nextField(line)
		_, line = nextField(line)
		name, line := nextField(line)
		if len(name) == 0 || !d.wants.want(name) {
			continue
		}
		e := d.t.add(name)
		if e == nil {
			continue
		}
		vals := d.t.vals(e)
		c := 0
		for ; c < len(vals); c++ {
			if f, line = nextField(line); len(f) == 0 {
				break
			}
			vals[c] = diskValue(c, f, e.last[c])
		}
		for c <= metric.DiskIOTimeWeighted && c > 0 {
			c--
			vals[c] = metric.Absent
		}
	}
}

// diskValue converts the field of column c: sectors to bytes, and ms to ns. The
// kernel prints times in ms modulo 2^32; last is the value of the previous tick, from
// which the counter is continued.
func diskValue(c int, f []byte, last int64) int64 {
	const sector, ms = 512, 1_000_000
	switch c {
	case metric.DiskReadBytes, metric.DiskWrittenBytes:
		return scaled(f, sector)
	case metric.DiskReadTime, metric.DiskWriteTime, metric.DiskIOTime, metric.DiskIOTimeWeighted,
		metric.DiskDiscardTime, metric.DiskFlushTime:
		v := scaled(f, ms)
		if v == metric.Absent || last == metric.Absent {
			return v
		}
		return unwrap(last/ms, v/ms) * ms
	}
	return scaled(f, 1)
}

// nameFilter excludes names by a regular expression, and caches the results.
type nameFilter struct {
	exclude *regexp.Regexp
	known   map[string]bool // results by name: true if it is not excluded
}

// want reports whether name is not excluded.
func (v *nameFilter) want(name []byte) bool {
	if ok, known := v.known[string(name)]; known {
		return ok
	}
	if v.known == nil || len(v.known) >= maxRows {
		v.known = map[string]bool{}
	}
	ok := !v.exclude.Match(name)
	v.known[string(name)] = ok
	return ok
}
