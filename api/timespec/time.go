package timespec

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layouts of absolute times; a fraction of the seconds may follow them.
var layouts = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
	"06-01-02 15:04:05", "06-01-02 15:04", "06-01-02",
}

// Parse reads a time. Times without a zone are in now's location; a time of day is of
// now's day.
func Parse(s string, now time.Time) (time.Time, error) {
	text := strings.TrimSpace(s)
	midnight := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location())
	}
	switch text {
	case "now":
		return now, nil
	case "today":
		return midnight(0), nil
	case "yesterday":
		return midnight(-1), nil
	case "tomorrow":
		return midnight(1), nil
	}
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		return epoch(s, rest)
	}
	sign := time.Duration(1)
	switch {
	case strings.HasSuffix(text, " ago"):
		text, sign = strings.TrimSuffix(text, " ago"), -1
	case strings.HasPrefix(text, "-"):
		text, sign = text[1:], -1
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	case strings.HasSuffix(text, " left"):
		text = strings.TrimSuffix(text, " left")
	default:
		return absolute(s, text, now)
	}
	span, err := ParseSpan(text)
	if err != nil {
		return time.Time{}, err
	}
	return now.Add(sign * span), nil
}

// epoch reads seconds since 1970, with up to nine digits of a fraction.
func epoch(s, text string) (time.Time, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	nsec := int64(0)
	if err == nil && fraction != "" && len(fraction) <= 9 {
		nsec, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	}
	if err != nil || sec < 0 || sec > 1<<40 || nsec < 0 || len(fraction) > 9 {
		return time.Time{}, fmt.Errorf("%q: give seconds since 1970 after the @", s)
	}
	return time.Unix(sec, nsec), nil
}

func absolute(s, text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if day, rest, ok := strings.Cut(text, " "); ok && weekday(day) {
		text = strings.TrimSpace(rest)
	}
	location := now.Location()
	if i := strings.LastIndexByte(text, ' '); i >= 0 && !strings.Contains(text[i:], ":") {
		zone, err := time.LoadLocation(text[i+1:])
		if err != nil || text[i+1:] == "Local" {
			return time.Time{}, unknown(s)
		}
		text, location = text[:i], zone
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, location); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(layout, text, location); err == nil {
			d := now.In(location)
			return time.Date(d.Year(), d.Month(), d.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), location), nil
		}
	}
	return time.Time{}, unknown(s)
}

func unknown(s string) error {
	return fmt.Errorf("%q is no time: give one such as \"2026-01-02 03:04:05\", 03:04, today, -1h or \"20min ago\"", s)
}

// weekday reports whether s is the name of a day of the week, which systemd takes before
// a date.
func weekday(s string) bool {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(s, d.String()) || strings.EqualFold(s, d.String()[:3]) {
			return true
		}
	}
	return false
}
