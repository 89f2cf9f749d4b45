package logdriver

// LostError says that pieces of a line are missing.
type LostError struct {
	Container string
	Beginning bool // all pieces before the first one that there is, at least
}

func (e *LostError) Error() string {
	if e.Beginning {
		return "in the log of container " + e.Container + " the beginning of a line is missing"
	}
	return "in the log of container " + e.Container + " pieces of a line are missing"
}
