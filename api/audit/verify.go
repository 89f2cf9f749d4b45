package audit

import (
	"errors"
	"fmt"
	"slices"
)

// BrokenError is the first break of a chain.
type BrokenError struct {
	File   string
	Line   int    // from 1
	Seq    uint64 // of the last good line before it
	Reason string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s, line %d (after number %d): %s", e.File, e.Line, e.Seq, e.Reason)
}

// Report is what Verify found.
type Report struct {
	First, Last Checkpoint // of the lines that are there; zero if there are none
	Lines       uint64
	Torn        bool // the last line lacks its end, as after a crash
}

// Verify checks the chain of a log, and that it has all lines of the checkpoints that are
// not older than its first line. It returns a *BrokenError for the first break, and what it
// read up to there.
func Verify(dir string, checkpoints ...Checkpoint) (Report, error) {
	var report Report
	at := map[uint64][]string{} // a log that was replaced may have had several
	newest := Checkpoint{}
	for _, c := range checkpoints {
		at[c.Seq] = append(at[c.Seq], c.Hash)
		if c.Seq > newest.Seq {
			newest = c
		}
	}
	list, err := files(dir)
	if err != nil {
		return report, err
	}
	for _, f := range list {
		n := 0
		broken := func(format string, args ...any) error {
			return &BrokenError{f.path, n, report.Last.Seq, fmt.Sprintf(format, args...)}
		}
		if report.Lines > 0 && f.first != report.Last.Seq+1 {
			return report, broken("the file begins with number %d: lines are missing before it", f.first)
		}
		err := f.lines(func(line []byte, whole bool) error {
			n++
			if !whole {
				report.Torn = true
				return nil
			}
			r, err := parse(line)
			switch {
			case err != nil:
				return broken("%v", err)
			case report.Lines == 0 && r.Seq != f.first:
				return broken("it has the number %d, not %d as the file's name says", r.Seq, f.first)
			case report.Lines > 0 && r.Seq != report.Last.Seq+1:
				return broken("it has the number %d: lines are missing before it", r.Seq)
			case report.Lines > 0 && r.Prev != report.Last.Hash:
				return broken("it does not follow the line before it")
			case report.Lines == 0 && (r.Seq == 1) != (r.Prev == ""):
				return broken("the log does not begin here")
			}
			if slices.ContainsFunc(at[r.Seq], func(hash string) bool { return hash != r.Hash }) {
				return broken("a checkpoint has another hash for number %d: the log has been replaced", r.Seq)
			}
			report.Last = Checkpoint{r.Seq, r.Hash}
			if report.Lines++; report.Lines == 1 {
				report.First = report.Last
			}
			return nil
		})
		if err != nil {
			return report, err
		}
	}
	if report.Last.Seq < newest.Seq {
		return report, &BrokenError{dir, 0, report.Last.Seq,
			fmt.Sprintf("a checkpoint has number %d: the newest lines are missing", newest.Seq)}
	}
	return report, nil
}

// ErrStop ends Read without an error.
var ErrStop = errors.New("stop")

// Read calls fn with all records, oldest first, without checking the chain. It ends at an
// error of fn, and returns it unless it is ErrStop.
func Read(dir string, fn func(Record) error) error {
	list, err := files(dir)
	if err != nil {
		return err
	}
	for _, f := range list {
		err := f.lines(func(line []byte, whole bool) error {
			r, err := parse(line)
			if err != nil && (r.Seq == 0 || !whole) {
				return nil // Verify names it
			}
			return fn(r)
		})
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
