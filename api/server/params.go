package server

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
)

// maxParam is the longest value of a parameter, in bytes.
const maxParam = 1024

// params parses the query of a request. Unknown and repeated names are errors, so that a
// request with a misspelled filter is not answered without the filter.
func params(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, web.BadRequest("the query cannot be read: %v", err)
	}
	for name, values := range q {
		switch {
		case !slices.Contains(names, name):
			if len(names) == 0 {
				return nil, web.BadRequest("unknown parameter %q: this route has no parameters", name)
			}
			return nil, web.BadRequest("unknown parameter %q: the parameters are %s", name, strings.Join(names, ", "))
		case len(values) > 1:
			return nil, web.BadRequest("parameter %q is given %d times: give it once", name, len(values))
		case len(values[0]) > maxParam:
			return nil, web.BadRequest("parameter %q is longer than %d bytes", name, maxParam)
		}
	}
	return q, nil
}

// boolParam reads a boolean: absent, 0 and false are false; empty, 1 and true are
// true.
func boolParam(q url.Values, name string) (bool, error) {
	if !q.Has(name) {
		return false, nil
	}
	switch v := q.Get(name); v {
	case "", "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	default:
		return false, web.BadRequest("%s=%q: use 1 or 0", name, v)
	}
}

// timeParam reads a time: RFC 3339, Unix seconds, "now", or relative to now as
// "-5m".
func timeParam(q url.Values, name string, now time.Time, absent time.Time) (time.Time, error) {
	v := q.Get(name)
	switch {
	case v == "":
		return absent, nil
	case v == "now":
		return now, nil
	}
	t, ok := parseTime(v, now)
	if !ok {
		return absent, web.BadRequest("%s=%q: use RFC 3339, Unix seconds, or relative as -5m", name, v)
	}
	// Unix nanoseconds overflow an int64 in the year 2262.
	if t.Unix() < 0 || t.Unix() > 9e9 {
		return absent, web.BadRequest("%s=%q is out of range", name, v)
	}
	return t, nil
}

func parseTime(v string, now time.Time) (t time.Time, ok bool) {
	if d, err := time.ParseDuration(v); err == nil && strings.ContainsAny(v[:1], "+-") {
		return now.Add(d), true
	}
	if sec, err := strconv.ParseFloat(v, 64); err == nil {
		if !(math.Abs(sec) < 1e10) {
			return t, false
		}
		whole, frac := math.Modf(sec)
		return time.Unix(int64(whole), int64(frac*1e9)), true
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	return t, err == nil
}

// durationParam reads a duration: "15s", or seconds.
func durationParam(q url.Values, name string, absent time.Duration) (time.Duration, error) {
	v := q.Get(name)
	if v == "" {
		return absent, nil
	}
	d, err := time.ParseDuration(v)
	if sec, ferr := strconv.ParseFloat(v, 64); err != nil && ferr == nil && math.Abs(sec) < 1e9 {
		d, err = time.Duration(sec*1e9), nil
	}
	if err != nil || d < 0 {
		return 0, web.BadRequest("%s=%q: use a duration as 15s, or seconds", name, v)
	}
	return d, nil
}
