package enter

import (
	"fmt"
	"strings"
)

// idmap is how a user namespace maps ids: /proc/PID/uid_map or gid_map.
type idmap []idrange

type idrange struct{ inside, outside, count uint32 }

func parseIDMap(text string) (m idmap, err error) {
	for line := range strings.Lines(text) {
		var r [3]uint32
		if err := ids(line, r[:]); err != nil {
			return nil, fmt.Errorf("map of ids: %w", err)
		}
		m = append(m, idrange{r[0], r[1], r[2]})
	}
	return m, nil
}

// inside returns the id in the namespace for one outside of it.
func (m idmap) inside(id uint32) (uint32, bool) {
	for _, r := range m {
		if id >= r.outside && id-r.outside < r.count {
			return r.inside + (id - r.outside), true
		}
	}
	return 0, false
}

// outside returns the id outside of the namespace for one in it.
func (m idmap) outside(id uint32) (uint32, bool) {
	for _, r := range m {
		if id >= r.inside && id-r.inside < r.count {
			return r.outside + (id - r.inside), true
		}
	}
	return 0, false
}
