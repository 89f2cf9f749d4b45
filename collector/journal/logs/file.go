package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logfile"
)

// file reads the log file of one container.
type file struct {
	state
	o *opened
	r *logfile.Reader
	e entry.Entry
}

// maxLogFiles bounds how many log files one query reads.
const maxLogFiles = 512

// filesOf returns the containers that a plan selects, or may select, whose log their
// runtime writes to a file, by their ids.
func (o *opened) filesOf(p *plan) (all []*Identity) {
	if p.names[units] != nil || p.boot != (journal.ID{}) {
		return nil
	}
	origins := newOrigins(&o.node.o)
	o.node.o.Identities.each(func(i *Identity, _ []string) {
		if i.LogPath == "" {
			return
		}
		for k := range units {
			if p.names[k] != nil && !i.has(k, p.names[k]) {
				return
			}
		}
		if i = origins.ofAgent(i); p.scope.allows(i) {
			all = append(all, i)
		}
	})
	slices.SortFunc(all, func(a, b *Identity) int { return strings.Compare(a.id(), b.id()) })
	return all
}

// file makes the source of the log file of a container.
func (o *opened) file(p *plan, of *Identity) *file {
	return &file{state: state{p: p, of: of}, o: o, r: o.log(of).Reader()}
}

// log returns the log file of a container.
func (o *opened) log(of *Identity) *logfile.Log {
	base := filepath.Base(of.LogPath)
	number, plain := strings.CutSuffix(base, ".log")
	return logfile.New(of.LogPath, logfile.Options{Origin: of.Origin, Watcher: o.watcher, User: of.LogUser,
		Attempts: plain && strings.Trim(number, "0123456789") == "", // a pod's: a file for each start
		Fields: []entry.Field{{Name: "CONTAINER_ID", Value: []byte(of.id())},
			{Name: "CONTAINER_ID_FULL", Value: []byte(of.id())}, {Name: "CONTAINER_NAME", Value: []byte(of.Name)}}})
}

func (f *file) close() { f.r.Close() }

func (f *file) step(ctx context.Context, d direction) (bool, error) {
	if f.at != none && f.at != d {
		f.at = d
		return true, nil
	}
	if _, lives := f.o.node.o.Identities.ofContainer(f.of.id()); !lives {
		f.r.End()
	}
	f.past = false
	for {
		if f.count++; f.count%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return false, err
			}
		}
		ok := false
		if d == forward {
			ok = f.r.Next()
		} else {
			ok = f.r.Previous()
		}
		if !ok {
			return false, nil
		}
		f.at = none
		switch when := f.realtime(); {
		case d == forward && when > f.p.until, d == backward && when < f.p.since:
			f.past = true
			return false, nil
		case when < f.p.since || when > f.p.until:
			continue
		}
		if f.look() {
			f.at = d
			return true, nil
		}
	}
}

func (f *file) realtime() int64 { return f.r.Line().Time / 1000 }

// look reads the line that it came to, and reports whether it matches.
func (f *file) look() bool {
	line := f.r.Line().Text
	if f.wanted = false; f.p.grep != nil && !f.p.grep.match(line) {
		return false
	}
	f.r.Entry(&f.e)
	f.fields, f.size = f.e.Fields, len(line)
	f.wanted = f.p.accepts(f.fields, f.of) && (f.p.asked == nil || f.p.asked.match(f.fields, &f.of.Origin))
	return f.wanted
}

func (f *file) fill(e *entry.Entry, dst []byte) []byte {
	e.Realtime, e.Monotonic, e.Boot, e.Origin = f.e.Realtime, f.e.Monotonic, f.e.Boot, f.e.Origin
	return f.appendPlace(dst)
}

func (f *file) appendPlace(dst []byte) []byte {
	c := f.r.Cursor()
	if !c.Whole() {
		return dst
	}
	return c.Append(dst)
}

// errors returns what happened to the file. That it went with its container matters only
// to a query that names containers.
func (f *file) errors() []error {
	all := f.r.Errors()
	if len(all) == 0 || slices.ContainsFunc(f.p.names[:units], func(names map[string]bool) bool { return names != nil }) {
		return all
	}
	if _, lives := f.o.node.o.Identities.ofContainer(f.of.id()); lives {
		return all
	}
	return slices.DeleteFunc(all, func(err error) bool { return errors.Is(err, fs.ErrNotExist) })
}

func (f *file) seekHead()           { f.r.SeekHead() }
func (f *file) seekTime(usec int64) { f.r.SeekTime(usec * 1000) }

func (f *file) seekEnd() {
	if f.p.bounded() {
		f.r.SeekTime((f.p.until + 1) * 1000)
	} else {
		f.r.SeekTail()
	}
}

func (f *file) seekCursor(text string, after bool) (*entry.Event, error) {
	c, err := logfile.ParseCursor(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadCursor, err)
	}
	if after {
		f.r.SeekAfter(c)
	} else {
		f.r.SeekCursor(c)
	}
	return nil, nil
}

func (f *file) tail() {
	f.seekEnd()
	if f.r.Previous() && f.look() {
		f.at = forward
	}
}

func (f *file) wait(ctx context.Context) error {
	err := f.r.Wait(ctx)
	if errors.Is(err, io.EOF) { // the container has ended: the reader finds that out itself
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}
