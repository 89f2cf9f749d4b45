package logs

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/timespec"
)

// levels are the names of priorities (syslog(3)), by number.
var levels = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// priorities reads a priority as journalctl does: "err" is that and all that are more
// important, "warning..err" a range. "" is no bound.
func priorities(s string) (*query.PriorityRange, error) {
	if s == "" {
		return nil, nil
	}
	from, to, isRange := strings.Cut(s, "..")
	low, ok := level(from)
	high, ok2 := low, true
	if isRange {
		high, ok2 = level(to)
	} else {
		low = 0
	}
	if !ok || !ok2 {
		return nil, web.BadRequest("priority=%q: use one of %s, or 0 to 7, or a range as err..warning",
			s, strings.Join(levels, ", "))
	}
	return &query.PriorityRange{Min: min(low, high), Max: max(low, high)}, nil
}

func level(s string) (int, bool) {
	if len(s) == 1 && s[0] >= '0' && s[0] <= '7' {
		return int(s[0] - '0'), true
	}
	switch s { // as journalctl abbreviates them
	case "error":
		s = "err"
	case "warn":
		s = "warning"
	}
	i := slices.Index(levels, s)
	return i, i >= 0
}

// timeParam reads a time: RFC 3339, Unix seconds or microseconds, or one of
// systemd.time(7). It returns microseconds since 1970, 0 if it is absent.
func timeParam(q url.Values, name string, now time.Time) (int64, error) {
	v := q.Get(name)
	if v == "" {
		return 0, nil
	}
	t, err := parseTime(v, now)
	if err != nil {
		return 0, web.BadRequest("%s: %v", name, err)
	}
	if t.UnixMicro() <= 0 || t.Unix() > 9e9 {
		return 0, web.BadRequest("%s=%q is out of range", name, v)
	}
	return t.UnixMicro(), nil
}

// microsFrom is the number from which one without a unit is microseconds: as seconds it
// is the year 5138.
const microsFrom = 1e11

func parseTime(v string, now time.Time) (time.Time, error) {
	if strings.Trim(v, "0123456789.") == "" {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= microsFrom {
			return time.UnixMicro(n), nil
		}
		return timespec.Parse("@"+v, now)
	}
	return timespec.Parse(v, now)
}

// spanParam reads a time span: seconds, or with units. It returns microseconds, 0 if it
// is absent.
func spanParam(q url.Values, name string) (int64, error) {
	v := q.Get(name)
	if v == "" {
		return 0, nil
	}
	d, err := timespec.ParseSpan(v)
	if err == nil && d < time.Millisecond {
		return 0, web.BadRequest("%s=%q: use 1ms or more", name, v)
	}
	if err != nil {
		return 0, web.BadRequest("%s: %v", name, err)
	}
	return d.Microseconds(), nil
}
