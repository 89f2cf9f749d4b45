package logfile

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// name is a file of a log, by what its name says.
type name struct {
	base    string
	attempt int // N of N.log, which counts the starts of a container of a pod
	live    bool
	order   int64 // among the rotated ones: larger is newer
	gzip    bool
}

// parseName reports whether a file is the live file of the name live, or was rotated
// from it: with a number that grows with age (Docker, logrotate: .1, .2.gz), or with
// a date (kubelet: .20240102-150405, .20240102-150405.gz; logrotate: -20240102).
func parseName(base, live string) (n name, ok bool) {
	rest, ok := strings.CutPrefix(base, live)
	if !ok {
		return n, false
	}
	n.base = base
	if rest == "" {
		n.live = true
		return n, true
	}
	if rest[0] != '.' && rest[0] != '-' {
		return n, false
	}
	rest, n.gzip = strings.CutSuffix(rest[1:], ".gz")
	digits := strings.ReplaceAll(rest, "-", "")
	number, err := strconv.ParseUint(digits, 10, 62)
	if err != nil || rest[0] == '-' || rest[len(rest)-1] == '-' {
		return n, false
	}
	if len(digits) < len("20060102") {
		n.order = -int64(number) // older than any date, as there is only the one or the other
	} else {
		n.order = int64(number)
	}
	return n, true
}

// attemptOf returns N of N.log.
func attemptOf(base string) (int, bool) {
	digits, ok := strings.CutSuffix(base, ".log")
	if !ok || digits == "" || len(digits) > 9 || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err == nil
}

// maxFiles bounds how many files of one log are looked at; the newest are.
const maxFiles = 1024

// names lists the files of a log, oldest first.
func (l *Log) names() ([]name, error) {
	dir, base := filepath.Split(l.path) // dir ends in a slash
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fileError(dir, err)
	}
	var all []name
	for _, e := range entries {
		if !l.o.Attempts {
			if n, ok := parseName(e.Name(), base); ok {
				all = append(all, n)
			}
			continue
		}
		number, rest, found := strings.Cut(e.Name(), ".log")
		if !found {
			continue
		}
		live := number + ".log"
		if attempt, ok := attemptOf(live); ok {
			if n, ok := parseName(live+rest, live); ok {
				n.attempt = attempt
				all = append(all, n)
			}
		}
	}
	slices.SortFunc(all, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.attempt, b.attempt), compareBool(a.live, b.live), cmp.Compare(a.order, b.order),
			compareBool(b.gzip, a.gzip)) // while it is compressed there are both: the complete one last
	})
	return all[max(0, len(all)-maxFiles):], nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
