package query

import (
	"strings"

	"github.com/daytwo/daytwo/api/frame"
)

// FindContainer finds the row of a container id, or of the last part of a
// nested one ("parent.child"), which is all that clients know of it. Of several
// cgroups of a container the topmost is meant. It returns -1 if there is none.
func FindContainer(t *frame.Table, id string) int {
	found := -1
	exact := false
	for i, row := range t.Rows {
		have := row.Label("container_id")
		same := have == id
		if !same && (exact || !strings.HasSuffix(have, "."+id)) || id == "" {
			continue
		}
		if found < 0 || same && !exact || len(row.Key) < len(t.Rows[found].Key) {
			found, exact = i, same
		}
	}
	return found
}
