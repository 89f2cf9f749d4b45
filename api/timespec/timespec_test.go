package timespec

import (
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for names of zones, also where the machine has none

	"github.com/daytwo/daytwo/bench/rig"
)

func TestParse(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 30, 15, 500, berlin)
	for in, want := range map[string]string{
		"now":                       "2026-03-01T12:30:15.0000005+01:00",
		"today":                     "2026-03-01T00:00:00+01:00",
		"yesterday":                 "2026-02-28T00:00:00+01:00",
		"tomorrow":                  "2026-03-02T00:00:00+01:00",
		"2026-01-02 03:04:05":       "2026-01-02T03:04:05+01:00",
		"2026-01-02 03:04:05.25":    "2026-01-02T03:04:05.25+01:00",
		"2026-01-02T03:04:05Z":      "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05+02:00": "2026-01-02T03:04:05+02:00",
		"2026-01-02 03:04":          "2026-01-02T03:04:00+01:00",
		"2026-07-02":                "2026-07-02T00:00:00+02:00",
		"26-07-02":                  "2026-07-02T00:00:00+02:00",
		"Fri 2026-01-02 03:04:05":   "2026-01-02T03:04:05+01:00",
		"2026-01-02 03:04:05 UTC":   "2026-01-02T03:04:05Z",
		"2026-01-02 America/Bogota": "2026-01-02T00:00:00-05:00",
		"03:04":                     "2026-03-01T03:04:00+01:00",
		"03:04:05":                  "2026-03-01T03:04:05+01:00",
		"-1h":                       "2026-03-01T11:30:15.0000005+01:00",
		"+1h 30min":                 "2026-03-01T14:00:15.0000005+01:00",
		"20min ago":                 "2026-03-01T12:10:15.0000005+01:00",
		"2 days ago":                "2026-02-27T12:30:15.0000005+01:00",
		"@1767323045":               "2026-01-02T03:04:05Z",
		"@1767323045.5":             "2026-01-02T03:04:05.5Z",
	} {
		got, err := Parse(in, now)
		if expected, _ := time.Parse(time.RFC3339Nano, want); err != nil || !got.Equal(expected) {
			t.Errorf("%q: %v, %v; want %s", in, got.Format(time.RFC3339Nano), err, want)
		}
	}
	for _, in := range []string{"", "x", "-", "-1parsec", "25:00", "2026-13-01", "@", "@x", "@-5", "ago",
		"2026-01-02 Local",
		"1h", "@1.0000000001", "-1e300y", "2026-01-02 03:04:05 Nowhere"} {
		if got, err := Parse(in, now); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

// analyze returns the value that systemd-analyze prints after a key.
func analyze(t *testing.T, key string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		rig.Missing(t, "systemd-analyze", err.Error(), "apt-get install systemd")
	}
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("systemd-analyze %q: %v", args, err)
	}
	for line := range strings.Lines(string(out)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name == key {
			return value
		}
	}
	t.Fatalf("no %q in the output of systemd-analyze %q:\n%s", key, args, out)
	return ""
}

func TestSpan(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1h30min": 90 * time.Minute, "1h 30 min": 90 * time.Minute, "2.5s": 2500 * time.Millisecond,
		"1w": 168 * time.Hour, "1M": 2629800 * time.Second, "1month": 2629800 * time.Second, "1y": 31557600 * time.Second,
		"5m": 5 * time.Minute, "300ms20s 5day": 120*time.Hour + 20300*time.Millisecond, "7us": 7 * time.Microsecond,
	} {
		got, err := ParseSpan(in)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
		if us := analyze(t, "μs", "timespan", in); us != strconv.FormatInt(got.Microseconds(), 10) {
			t.Errorf("%q: %d µs, systemd has %s", in, got.Microseconds(), us)
		}
	}
	for _, in := range []string{"", " ", "h", "1.2.3s", "1 parsec", "999999999999y"} {
		if got, err := ParseSpan(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

// Absolute times are those of systemd.
func TestParseAsSystemd(t *testing.T) {
	for _, in := range []string{"2026-01-02 03:04:05", "2026-01-02 03:04:05.25", "2026-01-02 03:04", "2026-01-02",
		"26-07-02", "Fri 2026-01-02 03:04:05", "2026-01-02 03:04:05 UTC", "@1767323045.5"} {
		got, err := Parse(in, time.Date(2026, 3, 1, 12, 30, 15, 500, time.UTC))
		if err != nil {
			t.Error(err)
			continue
		}
		want := strings.TrimPrefix(analyze(t, "UNIX seconds", "timestamp", in), "@")
		seconds, err := strconv.ParseFloat(want, 64)
		if err != nil || got.UnixMicro() != int64(math.Round(seconds*1e6)) {
			t.Errorf("%q: %v (%d), systemd has %s", in, got, got.UnixMicro(), want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"today", "-1h30min", "Fri 2026-01-02 03:04:05 UTC", "@1.5", "20min ago"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 12, 30, 15, 500, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(s, now)
		if err == nil && strings.HasPrefix(s, "-") && got.After(now) {
			t.Errorf("%q is after now: %v", s, got)
		}
	})
}
