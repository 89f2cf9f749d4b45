package archive

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"
)

// maxSaid is how many problems are said one by one; the others are counted.
const maxSaid = 20

// Summary is what was copied.
type Summary struct {
	Files    int64 // entries of any kind
	Bytes    int64 // of their contents, without holes
	Problems int64 // what was not copied, or not as it was
}

// State is how far a copy is.
type State struct {
	Name       string // of the file that is copied
	Done, Size int64  // of its bytes, without holes; 0 if it has none
	Summary
}

// Err returns an error if the copy is not complete.
func (s *Summary) Err() error {
	switch {
	case s.Problems == 0:
		return nil
	case s.Problems == 1:
		return errors.New("the copy is incomplete: there was 1 problem")
	case s.Problems > maxSaid:
		return fmt.Errorf("the copy is incomplete: there were %d problems, of which the first %d are shown",
			s.Problems, maxSaid)
	}
	return fmt.Errorf("the copy is incomplete: there were %d problems", s.Problems)
}

// problem counts something that was not copied, and says so.
func (s *Summary) problem(say func(string), name string, err error) {
	s.Problems++
	if say != nil && s.Problems <= maxSaid {
		say(Quote(name) + ": " + err.Error())
	}
}

// Quote returns a name as it can be shown on a terminal: a hostile one may have control characters.
func Quote(name string) string {
	const enough = 300
	if len(name) > enough {
		name = name[:enough] + "…"
	}
	q := strconv.Quote(name)
	if q[1:len(q)-1] == name {
		return name
	}
	return q
}

// hopeless reports whether after an error nothing else can be written either.
func hopeless(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
