package entry

import "strings"

// CursorRest begins what a cursor has beyond the name of its entry: what it takes to go on
// exactly behind it in all sources of a query. It depends on what was read before.
const CursorRest = ";p="

// CursorID returns the part of a cursor that names the entry, which is the same in every
// query of its node.
func CursorID(cursor string) string {
	id, _, _ := strings.Cut(cursor, CursorRest)
	return id
}
