package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Dir is the name of a relay's log in its data directory.
const Dir = "audit"

const (
	prefix = "audit-"
	suffix = ".jsonl"

	// maxLine bounds a line that is read, bytes. JSON may need six bytes for one.
	maxLine = 256 << 10
)

// file is one file of a log.
type file struct {
	path  string
	first uint64 // number of its first line
}

func fileName(first uint64) string { return fmt.Sprintf("%s%020d%s", prefix, first, suffix) }

// files returns the files of a log, oldest first.
func files(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []file
	for _, e := range entries {
		number := strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), suffix)
		if !e.Type().IsRegular() {
			continue
		}
		first, err := strconv.ParseUint(number, 10, 64)
		if err != nil || e.Name() != fileName(first) {
			continue
		}
		list = append(list, file{filepath.Join(dir, e.Name()), first})
	}
	slices.SortFunc(list, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return list, nil
}

// lines calls fn with each line of a file, without its line break, and with whether it is
// whole: the last one may lack its end after a crash. It stops at an error of fn.
func (f file) lines(fn func(line []byte, whole bool) error) error {
	r, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	b := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := b.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case err == io.EOF:
			return fn(line, false)
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%s: a line is longer than %d bytes", f.path, maxLine)
		case err != nil:
			return err
		}
		if err := fn(line[:len(line)-1], true); err != nil {
			return err
		}
	}
}
