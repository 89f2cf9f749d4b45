package cgroups

import (
	"bytes"
	"math"
	"os"

	"github.com/daytwo/daytwo/api/metric"
)

// pageCounterMax is the number of bytes that cgroup v1 prints for a limit that is
// not set: PAGE_COUNTER_MAX pages (include/linux/page_counter.h).
var pageCounterMax = int64(math.MaxInt64 &^ (os.Getpagesize() - 1))

// parseInt parses the decimal number that b starts with, and returns the bytes
// after it as rest. Numbers beyond int64 become math.MaxInt64. ok is false if b
// does not start with a number.
func parseInt(b []byte) (v int64, rest []byte, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	i := 0
	if neg {
		i = 1
	}
	start := i
	for ; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		if v > (math.MaxInt64-int64(d))/10 {
			v = math.MaxInt64
			continue
		}
		if v != math.MaxInt64 {
			v = v*10 + int64(d)
		}
	}
	if i == start {
		return 0, b, false
	}
	if neg {
		v = -v
	}
	return v, b[i:], true
}

// parseValue parses a file that holds one number or "max", which becomes
// metric.Unlimited. It returns metric.Absent if b starts with neither.
func parseValue(b []byte) int64 {
	if isMax(b) {
		return metric.Unlimited
	}
	v, _, ok := parseInt(b)
	if !ok {
		return metric.Absent
	}
	return v
}

// parseLimit is parseValue for a limit in bytes: v1's number for a limit that is
// not set becomes metric.Unlimited too.
func parseLimit(b []byte) int64 {
	v := parseValue(b)
	if v >= pageCounterMax {
		return metric.Unlimited
	}
	return v
}

// isMax reports whether b starts with "max".
func isMax(b []byte) bool {
	return len(b) >= 3 && b[0] == 'm' && b[1] == 'a' && b[2] == 'x'
}

// scaled returns v*by, at most math.MaxInt64. It returns metric.Absent and
// metric.Unlimited as they are.
func scaled(v, by int64) int64 {
	if v == metric.Absent || v == metric.Unlimited || by == 1 {
		return v
	}
	if v > math.MaxInt64/by {
		return math.MaxInt64
	}
	return v * by
}

// cutLine splits b after its first line. line is without the newline.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// cutField splits a line after its first word and the blanks that follow it.
func cutField(b []byte) (field, rest []byte) {
	i := 0
	for i < len(b) && b[i] != ' ' {
		i++
	}
	field = b[:i]
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return field, b[i:]
}

// key maps a line of a flat-keyed file ("name value") to a column.
type key struct {
	name  string
	col   int
	scale int64 // factor from the file's unit to the column's
}

// parseKeyed writes the values of a short flat-keyed file to row.
func parseKeyed(b []byte, keys []key, row []int64) {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		name, num := cutField(line)
		for i := range keys {
			if keys[i].name != string(name) {
				continue
			}
			if v, _, ok := parseInt(num); ok {
				row[keys[i].col] = scaled(v, keys[i].scale)
			}
			// no break: two columns may take the same line
		}
	}
}

// parsePSI parses a pressure file (Documentation/accounting/psi.rst). It writes the
// totals of the lines "some" and "full" to the columns some and full of row, in
// nanoseconds. A column below 0 means that the line is ignored.
func parsePSI(b []byte, some, full int, row []int64) {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		col := -1
		switch kind, _ := cutField(line); string(kind) {
		case "some":
			col = some
		case "full":
			col = full
		}
		if col < 0 {
			continue
		}
		i := bytes.LastIndexByte(line, '=')
		if i < 0 || !bytes.HasSuffix(line[:i], []byte("total")) {
			continue
		}
		if v, _, ok := parseInt(line[i+1:]); ok {
			row[col] = scaled(v, 1000)
		}
	}
}

// countLines returns the number of lines in a list such as cgroup.procs.
func countLines(b []byte) int64 { return int64(bytes.Count(b, []byte{'\n'})) }

// parseDevice parses "major:minor". ok is false if b is anything else.
func parseDevice(b []byte) (Device, bool) {
	ma, rest, ok := parseInt(b)
	if !ok || ma < 0 || ma > math.MaxUint32 || len(rest) == 0 || rest[0] != ':' {
		return Device{}, false
	}
	mi, rest, ok := parseInt(rest[1:])
	if !ok || mi < 0 || mi > math.MaxUint32 || len(rest) != 0 {
		return Device{}, false
	}
	return Device{uint32(ma), uint32(mi)}, true
}
