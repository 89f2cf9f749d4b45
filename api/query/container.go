package query

import (
	"strings"

	"github.com/daytwo/daytwo/api/frame"
)

// FindContainer returns the index of the row with a container id, -1 if no row has it. It
// also accepts the last part of the id of a nested container ("parent.child"), since some
// clients know only that. Of several cgroups of a container it returns the topmost.
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
