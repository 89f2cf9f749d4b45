package enter

import (
	"fmt"
	"strconv"
	"strings"
)

// status is what /proc/PID/status says of the rights of a process. Ids are those of the
// user namespace of the reader.
type status struct {
	uids, gids                                  [4]uint32 // real, effective, saved, of the filesystem
	groups                                      []uint32
	umask                                       uint32
	inheritable, permitted, effective, bounding uint64
	ambient                                     uint64
	noNewPrivs                                  bool
	seccomp                                     int  // 0 none, 1 strict, 2 filters
	filterCount                                 int  // how many; -1 where the kernel does not say
	specAllowed                                 bool // speculation is not restricted
}

// parseStatus reads the file, each field of which it requires but for those of newer kernels.
func parseStatus(text string) (s status, err error) {
	s.filterCount = -1
	want := map[string]func(v string) error{
		"Uid": func(v string) error { return ids(v, s.uids[:]) },
		"Gid": func(v string) error { return ids(v, s.gids[:]) },
		"Groups": func(v string) error {
			s.groups = make([]uint32, len(strings.Fields(v)))
			return ids(v, s.groups)
		},
		"Umask":      func(v string) error { return number(v, 8, &s.umask) },
		"CapInh":     func(v string) error { return number(v, 16, &s.inheritable) },
		"CapPrm":     func(v string) error { return number(v, 16, &s.permitted) },
		"CapEff":     func(v string) error { return number(v, 16, &s.effective) },
		"CapBnd":     func(v string) error { return number(v, 16, &s.bounding) },
		"CapAmb":     func(v string) error { return number(v, 16, &s.ambient) },
		"NoNewPrivs": func(v string) error { s.noNewPrivs = v == "1"; return nil },
		"Seccomp":    func(v string) error { return number(v, 10, &s.seccomp) },
	}
	for line := range strings.Lines(text) {
		key, v, _ := strings.Cut(line, ":")
		v = strings.TrimSpace(v)
		switch key {
		case "Seccomp_filters":
			if err := number(v, 10, &s.filterCount); err != nil {
				return s, fmt.Errorf("%s: %w", key, err)
			}
		case "Speculation_Store_Bypass":
			s.specAllowed = v == "thread vulnerable" || v == "vulnerable"
		}
		if f := want[key]; f != nil {
			if err := f(v); err != nil {
				return s, fmt.Errorf("%s: %w", key, err)
			}
			delete(want, key)
		}
	}
	for key := range want {
		return s, fmt.Errorf("there is no field %s", key)
	}
	return s, nil
}

// ids parses exactly as many numbers as there is room for.
func ids(v string, to []uint32) error {
	f := strings.Fields(v)
	if len(f) != len(to) {
		return fmt.Errorf("%d numbers, not %d", len(f), len(to))
	}
	for i := range f {
		if err := number(f[i], 10, &to[i]); err != nil {
			return err
		}
	}
	return nil
}

func number[T int | uint32 | uint64](v string, base int, to *T) error {
	bits := 64
	if _, ok := any(*to).(uint32); ok {
		bits = 32
	}
	n, err := strconv.ParseUint(v, base, bits)
	*to = T(n)
	return err
}
