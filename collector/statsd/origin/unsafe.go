package origin

import "unsafe"

// view returns b as a string without copying. Use it for lookups only and do not retain
// it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
