package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// state says whether the merger has to wait for a leg.
type state int

const (
	pulling state = iota // its next record is on the way
	ready                // it has a record
	away                 // its node is away, and nobody waits for it
	ended                // no more comes
)

// leg is the part of a merged stream that one agent answers. Its goroutine hands over one
// record at a time, and reads the next one once that was used.
type leg struct {
	m      *merger
	agent  string
	node   Node
	q      query.LogQuery // what is asked
	next   chan struct{}  // capacity 1: the record was used
	opened query.LogReader
	failed error  // of opening
	told   bool   // that the node is away
	joins  bool   // it was not asked before: that it is away does not concern the query yet
	last   []byte // the agent's own cursor of the last entry that was used, for asking again
	read   int64  // entries that were used

	// Used by the merger's caller alone.
	start    start  // where it began
	used     []byte // the agent's own cursor of the last entry that was returned
	usedAt   int64  // and its time
	usedHash uint32 // of that cursor, if it was computed
	place    []byte // the agent's own cursor where it is, if it has more than the name of the entry
	hash     agentHash
	index    int // among the legs

	// Guarded by m.mu.
	state   state
	rec     entry.Record
	arrived time.Time // of rec
	reason  error     // why it ended before its end, if it did
}

// open opens the stream at the node. It returns an error if there are too many streams.
func (l *leg) open(ctx context.Context) (query.LogReader, error) {
	g := l.m.g
	if g.streams.Add(1) > int64(g.o.MaxStreams) {
		g.streams.Add(-1)
		g.counts.refused.Add(1)
		return nil, query.ErrLogsBusy
	}
	ctx, cancel := context.WithTimeout(ctx, g.o.Answer)
	defer cancel()
	q, err := l.ask(ctx)
	var r query.LogReader
	if err == nil {
		r, err = l.node.Entries(ctx, q)
	}
	if err != nil {
		g.streams.Add(-1)
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w: it did not begin to answer within %v", query.ErrNodeAway, g.o.Answer)
		}
		return nil, err
	}
	return r, nil
}

// ask returns the query that continues after the last entry.
func (l *leg) ask(ctx context.Context) (*query.LogQuery, error) {
	if l.start.kind == after && l.start.cursor == "" { // the node was away when it was searched
		s, err := l.m.g.find(ctx, &part{l.agent, l.q}, l.start.position, l.m.reverse)
		if err != nil {
			return nil, err
		}
		l.start = s
		s.apply(&l.q, l.m.reverse)
	}
	q := l.q
	if len(l.last) > 0 {
		q.Cursor, q.Tail, q.Skip = string(l.last), false, 0
		if q.Follow {
			q.Limit = 0
		} else if q.Limit > 0 {
			if q.Limit -= l.read; q.Limit <= 0 {
				return nil, io.EOF
			}
		}
	}
	return &q, nil
}

// run reads until the end of the stream, or of the merger. A node that goes away is asked
// again.
func (l *leg) run(r query.LogReader) {
	err := l.failed
	for {
		if err == nil {
			err = l.pull(r)
			r.Close()
			l.m.g.streams.Add(-1)
		}
		switch {
		case l.m.ctx.Err() != nil, err == io.EOF:
			l.end(nil)
			return
		case l.read == 0 && l.failed != nil && !l.m.follow && l.temporary(err): // it was away from the beginning
			l.away(err)
			l.end(err)
			return
		case !l.temporary(err):
			if !errors.Is(err, query.ErrNoSuchSource) {
				l.m.g.nodeFailed(l.agent, err)
				l.m.event(&entry.Event{
					Kind: entry.Unreadable, Agent: l.agent, Message: "reading this node ended: " + err.Error(),
				})
			}
			l.end(err)
			return
		}
		if r, err = l.reopen(err); err != nil {
			l.end(err)
			return
		}
	}
}

// temporary reports whether it makes sense to ask again after an error.
func (l *leg) temporary(err error) bool {
	return errors.Is(err, query.ErrNodeAway) || errors.Is(err, query.ErrLogsBusy) ||
		l.m.follow && errors.Is(err, query.ErrNoSuchSource)
}

// reopen opens the stream again after its last entry: again and again if it follows, or
// else for some time.
func (l *leg) reopen(why error) (query.LogReader, error) {
	gone := time.Now()
	silent := l.joins || errors.Is(why, query.ErrNoSuchSource) // its container has no entries yet
	if !silent {
		l.away(why)
	}
	if l.m.follow {
		l.setState(away)
	}
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		select {
		case <-l.m.ctx.Done():
			return nil, l.m.ctx.Err()
		case <-time.After(pause):
		}
		r, err := l.open(l.m.ctx)
		switch {
		case err == nil:
			if l.told {
				l.told = false
				l.m.g.counts.back.Add(1)
				l.m.event(&entry.Event{
					Kind: entry.NodeBack, Agent: l.agent, Message: "the node answers again, from its last entry on",
				})
			}
			l.joins = false
			l.setState(pulling)
			return r, nil
		case l.m.ctx.Err() != nil:
			return nil, l.m.ctx.Err()
		case !l.temporary(err), !l.m.follow && time.Since(gone) > l.m.g.o.Patience:
			return nil, err
		}
	}
}

// away says that the node is away, unless that was said.
func (l *leg) away(why error) {
	if !l.told {
		l.told = true
		l.m.g.counts.away.Add(1)
		l.m.event(&entry.Event{Kind: entry.NodeAway, Agent: l.agent, Message: awayMessage(why, l.m.follow)})
	}
}

func awayMessage(why error, follow bool) string {
	s := why.Error()
	if reason, ok := strings.CutPrefix(s, query.ErrNodeAway.Error()+": "); ok {
		s = "the node cannot be read: " + reason
	}
	if follow {
		return s + "; its entries come when it is back"
	}
	return s + "; its entries are missing here"
}

// pull hands over the records of a stream until that ends.
func (l *leg) pull(r query.LogReader) error {
	for {
		rec, err := r.Next(l.m.ctx)
		if err != nil {
			return err
		}
		if rec.Entry == nil && rec.Event == nil {
			continue
		}
		l.m.mu.Lock()
		l.state, l.rec, l.arrived = ready, rec, time.Now()
		l.m.mu.Unlock()
		l.m.wakeUp()
		select {
		case <-l.next:
		case <-l.m.ctx.Done():
			return l.m.ctx.Err()
		}
		if rec.Entry != nil { // which is still valid
			l.last = append(l.last[:0], rec.Entry.Cursor...)
			l.read++
		}
	}
}

func (l *leg) setState(s state) {
	l.m.mu.Lock()
	l.state = s
	l.m.mu.Unlock()
	l.m.wakeUp()
}

func (l *leg) end(reason error) {
	l.m.mu.Lock()
	l.state, l.reason = ended, reason
	l.m.mu.Unlock()
	l.m.wakeUp()
}
