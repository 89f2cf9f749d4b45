package archive

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	errAbsolute = errors.New("its name is absolute: it is not written")
	errUp       = errors.New(`its name has "..": it is not written`)
	errZero     = errors.New("its name has a zero byte: it is not written")
	errDeep     = errors.New("it is too deep in directories: it is not written")
	errOutside  = errors.New("it is not of what was asked for: it is not written")
)

// What keeps names inside of the destination. Tests weaken each, to show what it is for.
var (
	noFollow = unix.O_NOFOLLOW
	upwards  = ".."
)

// split returns the parts of a relative name, none for the directory itself.
func split(name string) (parts []string, err error) {
	if strings.HasPrefix(name, "/") {
		return nil, errAbsolute
	}
	if strings.IndexByte(name, 0) >= 0 {
		return nil, errZero
	}
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
			continue
		case upwards:
			return nil, errUp
		}
		if len(parts) == maxDepth+8 {
			return nil, errDeep
		}
		parts = append(parts, part)
	}
	return parts, nil
}
