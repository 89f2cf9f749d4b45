package cli

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/launch"
)

// age is the value of a flag that takes a duration, with days as a unit.
type age time.Duration

func (a *age) Type() string { return "duration" }

func (a *age) String() string {
	d := time.Duration(*a)
	if day := 24 * time.Hour; d > 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String() // "1h0m0s"
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (a *age) Set(s string) error {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseFloat(n, 64); err == nil && days >= 0 && days < 36500 {
			*a = age(days * 24 * float64(time.Hour))
			return nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("give a duration such as 500ms, 10s, 5m, 2h or 7d")
	}
	*a = age(d)
	return nil
}

// size is the value of a flag that takes a number of bytes, with or without a
// unit.
type size int64

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}, {"B", 1}, {"", 1},
}

func (z *size) Type() string { return "size" }

func (z *size) String() string {
	for i := 3; i >= 0; i-- {
		if u := int64(sizeUnits[i].bytes); int64(*z) >= u && int64(*z)%u == 0 {
			return strconv.FormatInt(int64(*z)/u, 10) + sizeUnits[i].suffix
		}
	}
	return strconv.FormatInt(int64(*z), 10)
}

func (z *size) Set(s string) error {
	for _, u := range sizeUnits {
		n, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
		if v *= u.bytes; err != nil || !(v >= 0 && v < math.MaxInt64) {
			break
		}
		*z = size(v)
		return nil
	}
	return fmt.Errorf("give a size such as 512MiB, 4GiB or 1000000 (bytes)")
}

// level is the value of a flag that takes a log level.
type level slog.Level

func (l *level) Type() string   { return "level" }
func (l *level) String() string { return strings.ToLower(slog.Level(*l).String()) }

func (l *level) Set(s string) error {
	switch strings.ToLower(s) {
	case "debug", "info", "warn", "error":
		return (*slog.Level)(l).UnmarshalText([]byte(s))
	}
	return fmt.Errorf("give debug, info, warn or error")
}

// portRange is the value of a flag that takes a range of ports.
type portRange launch.PortRange

func (p *portRange) Type() string   { return "ports" }
func (p *portRange) String() string { return launch.PortRange(*p).String() }

func (p *portRange) Set(s string) error {
	r, err := launch.ParsePortRange(s)
	if err == nil {
		*p = portRange(r)
	}
	return err
}

// descriptor parses the number of an open file, -1 if s is "".
func descriptor(s string) (int, error) {
	if s == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(s, 10, 20)
	if err != nil {
		return -1, fmt.Errorf("give the number of an open descriptor, such as 3")
	}
	return int(n), nil
}

// parseOnFull reports whether the value of --on-full is drop, not block.
func parseOnFull(s string) (drop bool, err error) {
	switch s {
	case "block", "drop":
		return s == "drop", nil
	}
	return false, fmt.Errorf("%q is no answer to a journald that takes nothing: give block or drop", s)
}

// recordAll is the value of --record: which sessions are recorded that no rule wants to be.
type recordAll string

func (r *recordAll) Type() string { return "string" }

func (r *recordAll) String() string {
	if *r == "" {
		return "policy"
	}
	return string(*r)
}

func (r *recordAll) Set(s string) error {
	switch s {
	case "policy":
		*r = ""
	case "output", "input":
		*r = recordAll(s)
	default:
		return fmt.Errorf("give policy, output or input")
	}
	return nil
}
