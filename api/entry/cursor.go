package entry

import "strings"

// CursorRest separates the name of an entry in a cursor from what follows it: the position
// in each source of the query, so that reading continues exactly there. What follows
// depends on what was read before, the name does not.
const CursorRest = ";p="

// CursorID returns the part of a cursor that names the entry, which is the same in every
// query of its node.
func CursorID(cursor string) string {
	id, _, _ := strings.Cut(cursor, CursorRest)
	return id
}
