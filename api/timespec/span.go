package timespec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units of time spans, in nanoseconds (systemd's src/basic/time-util.c: a year has 365.25
// days, and a month a twelfth of that).
var units = map[string]float64{
	"ns": 1, "nsec": 1,
	"us": 1e3, "usec": 1e3, "µs": 1e3, "μs": 1e3,
	"ms": 1e6, "msec": 1e6,
	"": 1e9, "s": 1e9, "sec": 1e9, "second": 1e9, "seconds": 1e9,
	"m": 60e9, "min": 60e9, "minute": 60e9, "minutes": 60e9,
	"h": 3600e9, "hr": 3600e9, "hour": 3600e9, "hours": 3600e9,
	"d": 86400e9, "day": 86400e9, "days": 86400e9,
	"w": 604800e9, "week": 604800e9, "weeks": 604800e9,
	"M": 2629800e9, "month": 2629800e9, "months": 2629800e9,
	"y": 31557600e9, "year": 31557600e9, "years": 31557600e9,
}

// ParseSpan reads a time span such as "1h 30min", "2.5s" or "90" (seconds).
func ParseSpan(s string) (time.Duration, error) {
	rest := strings.TrimSpace(s)
	if rest == "" {
		return 0, fmt.Errorf("%q is no time span: give one such as 90s, 15min or 1h30min", s)
	}
	total := 0.0
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n < 0 {
			n = len(rest)
		}
		value, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time span: give one such as 90s, 15min or 1h30min", s)
		}
		rest = strings.TrimLeft(rest[n:], " ")
		end := strings.IndexFunc(rest, func(r rune) bool { return r == ' ' || r >= '0' && r <= '9' })
		if end < 0 {
			end = len(rest)
		}
		unit, ok := units[rest[:end]]
		if !ok {
			return 0, fmt.Errorf("%q: unknown unit %q: use s, min, h, d, w, month or y", s, rest[:end])
		}
		total += value * unit
		rest = strings.TrimLeft(rest[end:], " ")
	}
	if total >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too long", s)
	}
	return time.Duration(total), nil
}
