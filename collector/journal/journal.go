package journal

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// Options of a Journal.
type Options struct {
	// Dirs are directories with journal files, in themselves or in directories
	// below that are named for a machine, a namespace or "remote". Empty:
	// /run/log/journal and /var/log/journal. One that is not there may come.
	Dirs []string
	// Calls makes the calls that look at the directories, since a mount may hold them for
	// ever. Default: a source of the journal's own.
	Calls *bounded.Source
	Log   *slog.Logger // default slog.Default()
}

// Journal is the journal files of some directories, kept open for all readers.
// It is safe for concurrent use.
type Journal struct {
	o Options

	refreshing sync.Mutex // held by whoever changes files; taken before mu
	closed     bool
	dirs       map[string]fileKey // directories that there are, also those in Options.Dirs
	looked     atomic.Pointer[looked]

	gen atomic.Uint64 // rises whenever files or bad change
	mu  sync.Mutex
	// files by what they are: a rotated one has another path and is the same.
	files   map[fileKey]*File
	sorted  map[string][]*File // by the directory of Options.Dirs, sorted by path
	bad     map[string]error   // by path
	live    []*File            // those of files that may be appended to, and respond
	readers map[*Reader]struct{}

	gaps gaps

	news    chan struct{} // closed when there may be new entries
	waiting atomic.Int64  // readers that wait for them
	asked   chan struct{} // signals Run that one does

	rescanEvery time.Duration // a test makes it longer
}

type fileKey struct{ dev, ino uint64 }

// Open opens what journal files there are. That there are none, or that some
// cannot be read, is no error: see Bad.
func Open(o Options) *Journal {
	if len(o.Dirs) == 0 {
		o.Dirs = []string{"/run/log/journal", "/var/log/journal"}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Calls == nil {
		o.Calls = bounded.NewSet(o.Log).Source("journal", 2*len(o.Dirs)+1, nil)
	}
	j := &Journal{o: o, files: map[fileKey]*File{}, bad: map[string]error{}, readers: map[*Reader]struct{}{},
		news: make(chan struct{}), asked: make(chan struct{}, 1), rescanEvery: rescanEvery}
	j.Refresh()
	return j
}

// Bad returns what is wrong with files that are not read, by path.
func (j *Journal) Bad() []error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, err := range j.bad {
		errs = append(errs, err)
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errs
}

// Reader makes a reader of what matches in all files. It stands before the
// first entry. Close it.
func (j *Journal) Reader(m Match) *Reader {
	r := &Reader{j: j, match: m}
	j.mu.Lock()
	j.readers[r] = struct{}{}
	j.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync()
	return r
}

// Close closes the files. Readers may go on with theirs.
func (j *Journal) Close() error {
	j.refreshing.Lock()
	defer j.refreshing.Unlock()
	j.closed = true
	j.mu.Lock()
	files := j.files
	j.files, j.sorted, j.live = map[fileKey]*File{}, nil, nil
	j.mu.Unlock()
	var errs []error
	for _, f := range files {
		errs = append(errs, f.release())
	}
	return errors.Join(errs...)
}

// Len returns how many files can be read.
func (j *Journal) Len() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		if !f.held.Load() {
			n++
		}
	}
	return n
}
