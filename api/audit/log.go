package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/lockfile"
)

// Options of Open.
type Options struct {
	FileBytes int64 // of one file, after which the next is begun; default 16 MiB
	Files     int   // how many are kept; default 64

	// Checkpoint is called with number and hash of the newest line: every Interval if there
	// are new lines, and by Close. It may take long.
	Checkpoint func(seq uint64, hash string)
	Interval   time.Duration // default 10 s

	Log *slog.Logger // default slog.Default()
}

// Log is an audit log. It is safe for concurrent use.
type Log struct {
	o    Options
	dir  string
	lock *lockfile.Lock

	mu     sync.Mutex
	f      *os.File
	size   int64
	seq    uint64
	hash   string
	sums   sums
	err    error // of the last write, nil if it succeeded
	stats  Stats
	closed bool

	stop chan struct{}
	done chan struct{}
	now  func() time.Time
}

// Stats are counts of a log since it was opened.
type Stats struct {
	Lines  uint64 // written
	Summed uint64 // requests that are only part of a sum
	Failed uint64 // records that could not be written
	Seq    uint64 // number of the newest line
}

// Open opens the log in a directory, which it makes if need be. A last line without end, as
// a crash leaves it, is removed; the next line says so.
func Open(dir string, o Options) (*Log, error) {
	if o.FileBytes == 0 {
		o.FileBytes = 16 << 20
	}
	if o.Files == 0 {
		o.Files = 64
	}
	if o.Interval == 0 {
		o.Interval = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	lock, err := lockfile.Hold(dir)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l := &Log{o: o, dir: dir, lock: lock, stop: make(chan struct{}), done: make(chan struct{}), now: time.Now}
	if err := l.resume(); err != nil {
		return nil, errors.Join(fmt.Errorf("audit log: %w", err), lock.Release())
	}
	go l.work()
	return l, nil
}

// resume opens the newest file at its end.
func (l *Log) resume() error {
	list, err := files(l.dir)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return l.begin()
	}
	last := list[len(list)-1]
	var end int64
	var torn int
	l.seq = last.first - 1
	var bad error
	err = last.lines(func(line []byte, whole bool) error {
		if !whole {
			torn = len(line)
			return nil
		}
		end += int64(len(line)) + 1
		// A broken chain is for Verify to name; the log goes on after it.
		if r, err := parse(line); err != nil {
			bad = err
		} else {
			l.seq, l.hash, bad = r.Seq, r.Hash, nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.f, err = os.OpenFile(last.path, os.O_WRONLY, 0o600); err != nil {
		return err
	}
	if torn > 0 {
		if err := l.f.Truncate(end); err != nil {
			return err
		}
	}
	if _, err := l.f.Seek(end, io.SeekStart); err != nil {
		return err
	}
	l.size = end
	switch {
	case bad != nil:
		l.o.Log.Error("the newest line of the audit log is broken: run 'daytwo audit verify'", "path", last.path, "err", bad)
		l.append(&Record{What: "the log goes on after a broken line: " + bad.Error()})
	case torn > 0:
		l.append(&Record{What: fmt.Sprintf("the log goes on after a crash: %d bytes of a line were removed", torn)})
	}
	return l.err
}

// begin begins the next file, and removes those that are too many.
func (l *Log) begin() error {
	path := filepath.Join(l.dir, fileName(l.seq+1))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if l.f != nil {
		err = errors.Join(l.f.Sync(), l.f.Close())
	}
	l.f, l.size = f, 0
	list, listErr := files(l.dir)
	err = errors.Join(err, listErr)
	for len(list) > l.o.Files {
		err = errors.Join(err, os.Remove(list[0].path))
		list = list[1:]
	}
	return err
}

// Record adds a line. A refused request may become part of a sum instead. An error means
// that nothing was written; it is counted and logged too.
func (l *Log) Record(r Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.New("audit log: closed")
	}
	if r.Time.IsZero() {
		r.Time = l.now()
	}
	r.Time = r.Time.UTC()
	if r.Decision == Refused && l.sums.take(&r) {
		l.stats.Summed++
		return nil
	}
	l.append(&r)
	return l.err
}

// append writes a line. The caller holds mu.
func (l *Log) append(r *Record) {
	was := l.err
	l.err = l.write(r)
	switch {
	case l.err == nil:
		l.stats.Lines++
	default:
		l.stats.Failed++
	}
	switch {
	case l.err != nil && was == nil:
		l.o.Log.Error("cannot write the audit log", "path", l.dir, "err", l.err)
	case l.err == nil && was != nil:
		l.o.Log.Info("the audit log can be written again", "path", l.dir)
	}
}

func (l *Log) write(r *Record) error {
	if r.Time.IsZero() {
		r.Time = l.now().UTC()
	}
	if l.f == nil || l.size >= l.o.FileBytes {
		if err := l.begin(); err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
	}
	r.Seq, r.Prev = l.seq+1, l.hash
	line, err := r.line()
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	n, err := l.f.WriteAt(append(line, '\n'), l.size)
	if err != nil {
		// A line in part would be taken for a forged one.
		return errors.Join(fmt.Errorf("audit log: %w", err), l.f.Truncate(l.size))
	}
	l.size += int64(n)
	l.seq, l.hash = r.Seq, r.Hash
	return nil
}

// Stats returns counts, and the error of the last write: nil if it succeeded.
func (l *Log) Stats() (Stats, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Seq = l.seq
	return s, l.err
}

// Newest returns number and hash of the newest line, zero if there is none.
func (l *Log) Newest() Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Checkpoint{l.seq, l.hash}
}

// work writes sums that are over, syncs and sends checkpoints until Close.
func (l *Log) work() {
	defer close(l.done)
	tick := time.NewTicker(min(l.o.Interval, time.Second))
	defer tick.Stop()
	var synced, sent uint64
	last := l.now()
	for stop := false; !stop; {
		select {
		case <-tick.C:
		case <-l.stop:
			stop = true
		}
		l.mu.Lock()
		for _, r := range l.sums.over(l.now(), stop) {
			l.append(r)
		}
		f, seq, hash := l.f, l.seq, l.hash
		l.mu.Unlock()
		if seq != synced && f != nil {
			// A file that rotation has closed meanwhile was synced there.
			if err := f.Sync(); err == nil || errors.Is(err, os.ErrClosed) {
				synced = seq
			}
		}
		if seq != sent && l.o.Checkpoint != nil && (stop || l.now().Sub(last) >= l.o.Interval) {
			l.o.Checkpoint(seq, hash)
			sent, last = seq, l.now()
		}
	}
}

// Close writes what is summed up, sends a last checkpoint and closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
	err := l.err
	if l.f != nil {
		err = errors.Join(err, l.f.Close())
	}
	return errors.Join(err, l.lock.Release())
}
