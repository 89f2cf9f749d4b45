package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for a file.
type Config struct {
	Path     string     `yaml:"path"`
	MaxSize  sink.Bytes `yaml:"max_size"`  // from which on the file is rotated; default 100MiB
	MaxFiles int        `yaml:"max_files"` // rotated files that are kept; default 10, -1 for all
	Gzip     bool       `yaml:"gzip"`      // compress rotated files
	NoSync   bool       `yaml:"no_sync"`   // do not wait until a batch is on disk
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if !filepath.IsAbs(c.Path) {
		return fmt.Errorf("file: path: %q is not an absolute path", c.Path)
	}
	if c.MaxSize == 0 {
		c.MaxSize = 100 << 20
	}
	if c.MaxFiles == 0 {
		c.MaxFiles = 10
	}
	if c.MaxSize < 1024 || c.MaxFiles < -1 {
		return errors.New("file: give max_size at least 1KiB, and max_files a number above 0 or -1 for all")
	}
	return nil
}

// Limits implements sinks.Type.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 5000, Bytes: 4 << 20, Wait: time.Second}
}

// Target implements sinks.Type.
func (c *Config) Target() string { return c.Path }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) { return &lines{cfg: c}, nil }

// lines is a sink.
type lines struct {
	cfg  *Config
	file *os.File
	size int64
	enc  sink.Encoder
	buf  []byte
}

// Close implements sink.Sink.
func (l *lines) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Test implements sink.Sink.
func (l *lines) Test(context.Context) error {
	f, err := os.OpenFile(l.cfg.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	return f.Close()
}

// Write implements sink.Sink.
func (l *lines) Write(_ context.Context, batch []*sink.Record) sink.Result {
	l.buf = l.buf[:0]
	for _, r := range batch {
		l.buf = append(l.enc.Append(l.buf, r), '\n')
	}
	if err := l.write(); err != nil {
		return sink.RetryAll(len(batch), err)
	}
	return sink.Result{}
}

// write appends the buffer: all of it, or nothing.
func (l *lines) write() error {
	if err := l.ready(); err != nil {
		return err
	}
	_, err := l.file.Write(l.buf)
	if err == nil && !l.cfg.NoSync {
		err = l.file.Sync()
	}
	if err != nil {
		err = errors.Join(err, l.file.Truncate(l.size), l.file.Close())
		l.file = nil
		return err
	}
	l.size += int64(len(l.buf))
	return nil
}

// ready opens the file if it is not open, or was moved or removed by somebody, and rotates
// it if it is full.
func (l *lines) ready() error {
	if l.file != nil {
		have, err := l.file.Stat()
		now, err2 := os.Stat(l.cfg.Path)
		if err != nil || err2 != nil || !os.SameFile(have, now) {
			l.file.Close()
			l.file = nil
		} else {
			l.size = now.Size()
		}
	}
	if l.file == nil {
		f, err := os.OpenFile(l.cfg.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
		if err != nil {
			return err
		}
		if l.size, err = wholeLines(f); err != nil {
			return errors.Join(err, f.Close())
		}
		l.file = f
	}
	if l.size == 0 || l.size+int64(len(l.buf)) <= int64(l.cfg.MaxSize) {
		return nil
	}
	if err := l.rotate(); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	return l.ready()
}

// wholeLines removes a last line that was written in part before a crash: its record is
// delivered again. It returns the size of the file.
func wholeLines(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	end := size
	buf := make([]byte, 64<<10)
	for end > 0 {
		n := min(end, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], end-n); err != nil {
			return 0, err
		}
		if i := strings.LastIndexByte(string(buf[:n]), '\n'); i >= 0 {
			end = end - n + int64(i) + 1
			break
		}
		end -= n
	}
	if end < size {
		return end, f.Truncate(end)
	}
	return size, nil
}

// rotate renames the file after the time, and removes the oldest ones.
func (l *lines) rotate() error {
	err := errors.Join(l.file.Sync(), l.file.Close())
	l.file = nil
	if err != nil {
		return err
	}
	old := l.cfg.Path + "." + time.Now().UTC().Format("20060102T150405.000000")
	if err := os.Rename(l.cfg.Path, old); err != nil {
		return err
	}
	if l.cfg.Gzip {
		if err := compress(old); err != nil {
			return err
		}
	}
	return l.tidy()
}

// tidy removes the oldest rotated files, and compressed ones that a crash left unfinished.
func (l *lines) tidy() error {
	all, err := filepath.Glob(globEscape(l.cfg.Path) + ".[0-9]*T*")
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(p string) bool {
		partial := strings.HasSuffix(p, ".part")
		if partial {
			_ = os.Remove(p)
		}
		return partial
	})
	slices.Sort(all)
	if l.cfg.MaxFiles < 0 {
		return nil
	}
	for _, p := range all[:max(0, len(all)-l.cfg.MaxFiles)] {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// globEscape returns a pattern of filepath.Match for exactly this path.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// compress replaces a file by a compressed one with ".gz" after its name.
func compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	part := path + ".gz.part"
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close(), out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return errors.Join(os.Rename(part, path+".gz"), os.Remove(path))
}
