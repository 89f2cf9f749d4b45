package containers

import (
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
)

// listing is the content of a directory.
type listing struct {
	names, dirs []string // all entries, and those of them that are directories
}

// list reads at most the given number of entries of a directory.
func (r *Resolver) list(dir string, most int) (listing, error) {
	return bounded.Do(r.calls.files(dir), dir+"/", fileWait, func() (l listing, err error) {
		f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return l, err
		}
		defer f.Close()
		entries, err := f.ReadDir(most)
		if err == io.EOF {
			err = nil
		}
		for _, e := range entries {
			l.names = append(l.names, e.Name())
			if e.IsDir() {
				l.dirs = append(l.dirs, e.Name())
			}
		}
		slices.Sort(l.names)
		slices.Sort(l.dirs)
		return l, err
	})
}

// expand returns the paths that match a pattern, as filepath.Glob does. It also returns
// the directories that do not respond, and skips them. The part after the last wildcard
// need not exist.
func (r *Resolver) expand(pattern string) (found, unresponsive []string) {
	elements := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	found = []string{""}
	for i, e := range elements {
		if !strings.ContainsAny(e, `*?[\`) {
			for j := range found {
				found[j] += "/" + e
			}
			continue
		}
		var next []string
		for _, dir := range found {
			l, err := r.list(filepath.Clean(dir), maxStates)
			if unanswered(err) {
				unresponsive = append(unresponsive, dir)
			}
			if err != nil {
				continue
			}
			names := l.names
			if i < len(elements)-1 {
				names = l.dirs
			}
			for _, name := range names {
				if ok, err := path.Match(e, name); ok && err == nil {
					next = append(next, dir+"/"+name)
				}
			}
		}
		found = next
	}
	for i := range found {
		found[i] = filepath.Clean(found[i])
	}
	return found, unresponsive
}

// unanswered reports whether a call was not made or did not return in time.
func unanswered(err error) bool {
	return errors.Is(err, bounded.ErrHeld) || errors.Is(err, bounded.ErrFull)
}
