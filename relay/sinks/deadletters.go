package sinks

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// defaultDead is the default bound of a sink's dead letters on disk, in bytes.
const defaultDead = 64 << 20

// deadLetters keeps the records that a receiver refused for good, with the reason, as JSON
// lines in a file of bounded size: when half of the bound is reached, the file replaces an
// older one, whose records are gone then.
type deadLetters struct {
	path string // "" without a data directory: they are counted and logged only
	most int64
	log  *slog.Logger
	name string

	mu     sync.Mutex
	file   *os.File
	size   int64
	enc    sink.Encoder
	logged time.Time
	lost   uint64 // could not be written
}

func newDeadLetters(dir, name string, most int64, log *slog.Logger) *deadLetters {
	d := &deadLetters{most: most, log: log, name: name}
	if most <= 0 {
		d.most = defaultDead
	}
	if dir != "" {
		d.path = filepath.Join(dir, name+".dead.jsonl")
	}
	return d
}

// add appends a record. A failure is counted and logged, since it must not stop the others.
func (d *deadLetters) add(r *sink.Record, reason, detail string) {
	d.mu.Lock()
	line := d.line(r, reason, detail)
	err := d.append(line)
	if err != nil {
		d.lost++
	}
	now := time.Now()
	tell := now.Sub(d.logged) >= logEvery
	if tell {
		d.logged = now
	}
	d.mu.Unlock()
	if err != nil && tell {
		d.log.Error("a dead letter cannot be written", "sink", d.name, "path", d.path, "reason", reason,
			"detail", detail, "err", err)
	} else if tell {
		d.log.Warn("a sink refused a record for good: it is a dead letter now", "sink", d.name, "path", d.path,
			"reason", reason, "detail", detail, "record_id", r.ID)
	}
}

// line returns a dead letter as a JSON line.
func (d *deadLetters) line(r *sink.Record, reason, detail string) []byte {
	b := append([]byte(`{"time":"`), time.Now().UTC().Format(sink.TimeFormat)...)
	b = sink.AppendText(append(b, `","reason":`...), reason)
	b = sink.AppendText(append(b, `,"detail":`...), detail)
	b = d.enc.Append(append(b, `,"record":`...), r)
	return append(b, '}', '\n')
}

func (d *deadLetters) append(line []byte) error {
	if d.path == "" {
		return nil
	}
	if d.file != nil && d.size+int64(len(line)) > d.most/2 && d.size > 0 {
		if err := errors.Join(d.file.Close(), os.Rename(d.path, d.path+".1")); err != nil {
			d.file = nil
			return err
		}
		d.file = nil
	}
	if d.file == nil {
		if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		if d.size, err = endLine(f); err != nil {
			return errors.Join(err, f.Close())
		}
		d.file = f
		if d.size > 0 && d.size+int64(len(line)) > d.most/2 {
			return d.append(line)
		}
	}
	n, err := d.file.Write(line)
	d.size += int64(n)
	if err != nil && n > 0 { // half a line would spoil the next one
		_ = d.file.Truncate(d.size - int64(n))
		d.size -= int64(n)
	}
	return err
}

// endLine completes a last line that was written in part before a crash, and returns the
// size of the file.
func endLine(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return size, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return size, err
	}
	n, err := f.Write([]byte{'\n'})
	return size + int64(n), err
}

func (d *deadLetters) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		_ = d.file.Close()
		d.file = nil
	}
}

func (d *deadLetters) failures() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// last returns the newest dead letters, at most limit, oldest first.
func (d *deadLetters) last(limit int) ([]json.RawMessage, error) {
	if d.path == "" {
		return nil, query.ErrNoDead
	}
	var lines []json.RawMessage
	for _, path := range []string{d.path + ".1", d.path} {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines, err = lastLines(lines, f, limit)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return lines, nil
}

// lastLines appends the valid lines of a file, and keeps the last ones.
func lastLines(lines []json.RawMessage, r io.Reader, limit int) ([]json.RawMessage, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadBytes('\n')
		if err == nil && json.Valid(line) {
			lines = append(lines, bytes.TrimSpace(line))
			if len(lines) > 2*limit {
				lines = append(lines[:0], lines[len(lines)-limit:]...)
			}
		}
		if errors.Is(err, io.EOF) {
			return lines[max(0, len(lines)-limit):], nil
		}
		if err != nil {
			return nil, err
		}
	}
}
