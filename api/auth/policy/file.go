package policy

import (
	"bytes"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// FileOptions of Open. Path is required.
type FileOptions struct {
	Path string
	// Changed, if set, is called after each change of the file: with nil if the new content
	// is used, else with why it is refused.
	Changed func(err error)
	// FailClosed makes a file that is invalid, or gone, allow nothing until it is corrected, from
	// the start on: Open does not fail then. Without it the policy before stays in use.
	FailClosed bool
	Log        *slog.Logger // default slog.Default()
}

// File is a policy file that is in use: the newest content that was valid. It is safe for
// concurrent use.
type File struct {
	o       FileOptions
	poll    time.Duration // how often the file is read without an event
	settle  time.Duration // how long a new content must stay as it is
	inotify func() (*fsnotify.Watcher, error)
	current atomic.Pointer[Policy]

	mu      sync.Mutex
	seen    reading // what was decided about last
	refused string  // why the newest content is not used, "" if it is
	loaded  time.Time
	reloads [2]uint64 // by whether the content was refused
}

// reading is what was read of the file.
type reading struct {
	content []byte
	err     string // why nothing could be read
}

func (r *reading) equal(other *reading) bool {
	return r.err == other.err && bytes.Equal(r.content, other.content)
}

// Open reads a policy file. It returns an error if the file is invalid: no relay starts
// with half a policy, or without the one that it should have.
func Open(o FileOptions) (*File, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	f := &File{o: o, poll: pollEvery, settle: settle, inotify: fsnotify.NewWatcher, loaded: time.Now()}
	f.seen = f.read()
	p, err := f.parse(&f.seen)
	switch {
	case err != nil && !o.FailClosed:
		return nil, err
	case err != nil:
		f.refused, p = err.Error(), AdminOnly()
		o.Log.Error("the policy is refused, nothing is allowed until it is corrected", "path", o.Path, "err", err)
	}
	f.current.Store(p)
	return f, nil
}

// Policy returns the policy that is in use now. A View of it stays as it is when the file
// changes: whoever keeps one for long asks again from time to time.
func (f *File) Policy() *Policy { return f.current.Load() }

// Path returns where the file is.
func (f *File) Path() string { return f.o.Path }

// Refused returns why the newest content of the file is not used, "" if it is.
func (f *File) Refused() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refused
}

// Reload reads the file at once, and returns an error if the new content is refused.
func (f *File) Reload() error {
	now := f.read()
	return f.use(&now)
}

func (f *File) read() reading {
	b, err := readFile(f.o.Path)
	if err != nil {
		return reading{err: err.Error()}
	}
	return reading{content: b}
}

type readError string

func (e readError) Error() string { return string(e) }

func (f *File) parse(r *reading) (*Policy, error) {
	if r.err != "" {
		return nil, readError(r.err)
	}
	return Parse(r.content, f.o.Path)
}

// use makes what was read the policy in use, or says why not. It reports each change once.
func (f *File) use(now *reading) error {
	p, err := f.parse(now)
	f.mu.Lock()
	same := f.seen.equal(now)
	if !same {
		f.seen = *now
		f.refused = ""
		if err != nil {
			f.refused = err.Error()
			f.reloads[1]++
			if f.o.FailClosed {
				f.current.Store(AdminOnly())
			}
		} else {
			f.loaded = time.Now()
			f.reloads[0]++
			f.current.Store(p)
		}
	}
	f.mu.Unlock()
	if same {
		return err
	}
	switch {
	case err != nil && f.o.FailClosed:
		f.o.Log.Error("the new policy is refused, nothing is allowed until it is corrected", "path", f.o.Path, "err", err)
	case err != nil:
		f.o.Log.Error("the new policy is refused, the previous one stays", "path", f.o.Path, "err", err)
	default:
		rules, groups, roles := p.Summary()
		f.o.Log.Info("a new policy is in use", "path", f.o.Path, "rules", rules, "groups", groups, "roles", roles)
	}
	if f.o.Changed != nil {
		f.o.Changed(err)
	}
	return err
}
