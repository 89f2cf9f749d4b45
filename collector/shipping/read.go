package shipping

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// Run reads logs until ctx ends, and returns nil then. What fails is tried again, for ever.
func (s *Shipper) Run(ctx context.Context) error {
	for wait := s.o.Retry; ctx.Err() == nil; {
		before := s.count.read.Load()
		err := s.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if s.count.read.Load() != before {
			wait = s.o.Retry
		}
		if err != nil {
			s.count.errors.Add(1)
			s.say.warn("the logs of this node cannot be read: trying again", err)
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			wait = min(2*wait, maxRetry)
		}
	}
	return nil
}

// follow reads logs from where they were read last until that fails, which is an error,
// or has to begin again at the position, which is none.
func (s *Shipper) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.open(ctx, cancel)
	if err != nil {
		return err
	}
	defer r.Close()
	defer context.AfterFunc(ctx, s.changed.Broadcast)()
	s.count.running.Store(true)
	defer s.count.running.Store(false)
	for s.hasRoom(ctx) {
		for full := false; !full; {
			rec, err := r.Next(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, io.EOF):
				return errors.New("they have an end, although they are followed")
			case err != nil:
				return err
			}
			full = s.take(rec)
		}
	}
	return nil
}

// open begins to read after the entry that was read last.
func (s *Shipper) open(ctx context.Context, cancel context.CancelFunc) (query.LogReader, error) {
	s.mu.Lock()
	if s.startOver {
		s.startOver = false
		s.join.drop()
		s.batch.reset()
		s.win.clear()
		s.read.set(&s.stored)
	}
	s.stopRead = cancel
	q := &query.LogQuery{Cursor: string(s.read.cursor), Follow: true}
	if q.Cursor == "" {
		q.Since = s.read.realtime
	}
	s.mu.Unlock()
	r, err := s.o.Logs.Entries(ctx, q)
	if errors.Is(err, query.ErrBadCursor) {
		s.count.errors.Add(1)
		s.say.warn("the position of log shipping means nothing to the reader: going on by time", err)
		s.mu.Lock()
		s.read.cursor = s.read.cursor[:0]
		q.Cursor, q.Since = "", s.read.realtime
		s.mu.Unlock()
		r, err = s.o.Logs.Entries(ctx, q)
	}
	return r, err
}

// hasRoom waits until the window has room. It returns false if the reader is to stop.
// Nothing is read while it waits: the memory of an entry may belong to a file that
// journald removes meanwhile.
func (s *Shipper) hasRoom(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.win.full() && !s.stopped(ctx) {
		s.changed.Wait()
	}
	return !s.stopped(ctx)
}

func (s *Shipper) stopped(ctx context.Context) bool {
	return s.closing || s.startOver || ctx.Err() != nil
}

// take handles one record, and reports whether the window has no room for more.
func (s *Shipper) take(rec entry.Record) (full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.startOver {
		return true
	}
	switch {
	case rec.Entry != nil:
		s.takeEntry(rec.Entry)
	case rec.Event != nil:
		s.shipEvent(rec.Event)
	}
	if s.batch.full() {
		s.seal()
	}
	return s.win.full()
}

func (s *Shipper) takeEntry(e *entry.Entry) {
	s.count.read.Add(1)
	facts, v := s.filter.Admit(e)
	if v == rules.Ship {
		if joining, ok := s.filter.Joining(facts); ok {
			s.join.add(facts, e, joining, &s.read, time.Now())
		} else {
			s.ship(e)
		}
	} else {
		s.count.filtered.Add(1)
	}
	s.read.cursor = append(s.read.cursor[:0], e.Cursor...)
	s.read.realtime = max(1, e.Realtime)
}
