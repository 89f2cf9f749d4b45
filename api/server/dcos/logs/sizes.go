package logs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/query"
)

// Bounds of Sizes.
const (
	maxSizes  = 256       // files that are remembered
	markEvery = 256 << 10 // bytes between two places of a file that are remembered
	maxMarks  = 1024      // places of a file; beyond them every second one is forgotten
)

// Sizes remembers at which bytes entries are in the files that they seem to be, so that
// a client that polls by offset does not have the whole log read each time. It tells apart
// what different askers may see. It is safe for concurrent use; the zero value is ready.
type Sizes struct {
	mu    sync.Mutex
	files map[string]*positions
	order []string // least recently used first
}

// positions are what is known of one file.
type positions struct {
	mu     sync.Mutex
	marks  []mark // ascending
	newest int64  // time of the last entry, microseconds since 1970
}

// mark says that the entries after a cursor begin at an offset.
type mark struct {
	cursor string
	offset int64
}

// file returns what is known of the file of a query.
func (s *Sizes) file(q *query.LogQuery) *positions {
	b, err := json.Marshal([]any{q.Agents, q.Containers, q.Matches, q.Scope})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	key := string(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.files[key]
	if p == nil {
		if s.files == nil {
			s.files = map[string]*positions{}
		}
		if len(s.order) >= maxSizes {
			delete(s.files, s.order[0])
			s.order = s.order[1:]
		}
		p = &positions{marks: []mark{{}}}
		s.files[key] = p
	} else if i := slices.Index(s.order, key); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
	s.order = append(s.order, key)
	return p
}

// of returns the size of a file in bytes, and the time of its last entry, in microseconds
// since 1970.
func (s *Sizes) of(ctx context.Context, logs query.Logs, q *query.LogQuery) (size, newest int64, err error) {
	p := s.file(q)
	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.walk(ctx, logs, q, p.marks[len(p.marks)-1], func(int64, []byte, string) bool { return true })
	return p.marks[len(p.marks)-1].offset, p.newest, err
}

// before returns the cursor of the line in front of the one that has the byte at an offset,
// "" if that is the first one. A byte that ends a line counts as one of the next line. Beyond
// the end it is the cursor of the last line.
func (s *Sizes) before(ctx context.Context, logs query.Logs, q *query.LogQuery, offset int64) (string, error) {
	p := s.file(q)
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.nearest(offset)
	cursor := at.cursor
	return cursor, p.walk(ctx, logs, q, at, func(from int64, line []byte, this string) bool {
		if offset == from || offset < from+int64(len(line))-1 {
			return false
		}
		cursor = strings.Clone(this)
		return true
	})
}

// nearest returns the last place that is remembered before an offset.
func (p *positions) nearest(offset int64) mark {
	at := p.marks[0]
	for _, m := range p.marks {
		if m.offset <= offset {
			at = m
		}
	}
	return at
}

// read returns at most n bytes of a file from an offset on.
func (s *Sizes) read(ctx context.Context, logs query.Logs, q *query.LogQuery, offset int64, n int) ([]byte, error) {
	p := s.file(q)
	p.mu.Lock()
	defer p.mu.Unlock()
	var data []byte
	err := p.walk(ctx, logs, q, p.nearest(offset), func(at int64, line []byte, _ string) bool {
		if skip := offset - at; skip < int64(len(line)) {
			data = append(data, line[max(skip, 0):]...)
		}
		return len(data) < n
	})
	return data[:min(len(data), n)], err
}

// walk calls fn with each line from a mark on, the offset where it begins and its cursor, until fn
// returns false. It remembers where it has been. A container without entries has an
// empty file.
func (p *positions) walk(
	ctx context.Context, logs query.Logs, q *query.LogQuery, at mark, fn func(int64, []byte, string) bool,
) error {
	if at.cursor != "" {
		again := *q
		again.Cursor = at.cursor
		q = &again
	}
	from, err := logs.Entries(ctx, q)
	if errors.Is(err, query.ErrNoSuchSource) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	defer func() { p.mark(at, true) }()
	var line []byte
	for {
		rec, err := from.Next(ctx)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case rec.Entry == nil:
			continue
		}
		message, _ := rec.Entry.Get("MESSAGE")
		line = append(append(line[:0], message...), '\n')
		more := fn(at.offset, line, rec.Entry.Cursor)
		at = mark{strings.Clone(rec.Entry.Cursor), at.offset + int64(len(line))}
		p.newest = max(p.newest, rec.Entry.Realtime)
		p.mark(at, false)
		if !more {
			return nil
		}
	}
}

// mark remembers a place beyond the last one: at is the last of a walk, or one on its way.
func (p *positions) mark(at mark, end bool) {
	last := len(p.marks) - 1
	if at.offset <= p.marks[last].offset {
		return
	}
	before := int64(0)
	if last > 0 {
		before = p.marks[last-1].offset
	}
	switch {
	case last > 0 && p.marks[last].offset-before < markEvery:
		p.marks[last] = at
	case end || at.offset-p.marks[last].offset >= markEvery:
		p.marks = append(p.marks, at)
	}
	if len(p.marks) > maxMarks {
		kept := p.marks[:0]
		for i, m := range p.marks {
			if i%2 == 0 || i == len(p.marks)-1 {
				kept = append(kept, m)
			}
		}
		p.marks = kept
	}
}
