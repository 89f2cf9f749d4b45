package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	pullBytes    = 16 << 20        // bound of the messages that wait for the handler
	heartbeat    = 5 * time.Second // how often the server shows that it is alive while it has no messages
	drainTimeout = 2 * time.Second // how long run waits at its end for held messages to be released
)

// errLost ends a session whose connection was lost: acknowledgements that were sent
// may not have reached the server.
var errLost = errors.New("the connection to nats was lost")

// session is one attachment to a consumer. One goroutine (receive) fetches messages,
// acknowledges them, and reports those that are not acknowledged yet to the server as
// in progress. Another one (handle) calls the handler, in the order of the stream. So a
// slow handler does not make the server deliver a message again, or out of order.
type session struct {
	in       *Ingest
	consumer jetstream.Consumer
	limit    int // bound of bytes

	mu       sync.Mutex
	queue    []*Message             // delivered and not given to the handler yet, oldest first
	bytes    int                    // data of the messages in queue
	unacked  map[*Message]time.Time // delivered and not acknowledged, with the time of the last keepAlive
	released []*Message             // to be acknowledged
	ended    bool                   // nothing is acknowledged any more

	delivered chan struct{} // capacity 1: signals that the queue has messages
	settled   chan struct{} // capacity 1: signals that a message was released or left the queue
}

func newSession(in *Ingest, consumer jetstream.Consumer) *session {
	return &session{
		in: in, consumer: consumer,
		limit:     max(pullBytes, 4*int(in.o.Conn.MaxPayload())),
		unacked:   make(map[*Message]time.Time),
		delivered: make(chan struct{}, 1), settled: make(chan struct{}, 1),
	}
}

// run returns the reason why the session ended.
func (s *session) run(ctx context.Context, lost <-chan nats.Status) error {
	inner, end := context.WithCancelCause(ctx)
	defer end(nil)
	var receiver sync.WaitGroup
	receiver.Go(func() { end(s.receive(inner, lost)) })
	s.handle(inner)
	receiver.Wait()
	if ctx.Err() != nil {
		s.drain()
	}
	s.abandon()
	return context.Cause(inner)
}

// receive fetches and acknowledges messages until something fails or ctx ends.
func (s *session) receive(ctx context.Context, lost <-chan nats.Status) error {
	keep := time.NewTicker(s.in.o.AckWait / 10)
	defer keep.Stop()
	var batch jetstream.MessageBatch
	var messages <-chan jetstream.Msg
	var retry <-chan time.Time // delays the next fetch after one that ended at once without messages
	var began time.Time
	got := 0
	for {
		if n, size := s.room(); messages == nil && retry == nil && n > 0 {
			var err error
			batch, err = s.consumer.Fetch(n,
				jetstream.FetchMaxBytes(size), jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(heartbeat))
			if err != nil {
				return fmt.Errorf("fetch messages: %w", err)
			}
			messages, began, got = batch.Messages(), time.Now(), 0
		}
		select {
		case m, ok := <-messages:
			if ok {
				s.deliver(m)
				got++
				continue
			}
			if err := batch.Error(); err != nil {
				return fmt.Errorf("fetch messages: %w", err)
			}
			messages = nil
			if got == 0 && time.Since(began) < minBackoff {
				retry = time.After(minBackoff)
			}
		case <-retry:
			retry = nil
		case <-s.settled:
			s.acknowledge()
		case now := <-keep.C:
			s.keepAlive(now)
		case <-lost:
			return errLost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// room returns how many messages and bytes may be fetched; n is 0 while at least half
// of what is allowed is here.
func (s *session) room() (n, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maxMessages := s.in.o.MaxAckPending
	if len(s.unacked) > maxMessages/2 || s.bytes > s.limit/2 {
		return 0, 0
	}
	return maxMessages - len(s.unacked), s.limit - s.bytes
}

// deliver queues a message for the handler.
func (s *session) deliver(msg jetstream.Msg) {
	m := &Message{Subject: msg.Subject(), Data: msg.Data(), session: s, msg: msg}
	if meta, err := msg.Metadata(); err == nil {
		m.Seq, m.Time = meta.Sequence.Stream, meta.Timestamp
		s.in.pending.Store(meta.NumPending)
		s.in.delay.Store(max(0, int64(time.Since(meta.Timestamp))))
	}
	s.mu.Lock()
	s.queue = append(s.queue, m)
	s.bytes += len(m.Data)
	s.unacked[m] = time.Now()
	s.mu.Unlock()
	s.in.unacked.Add(1)
	signal(s.delivered)
}

// next waits for a message and removes it from the queue. It returns nil when ctx ends.
func (s *session) next(ctx context.Context) *Message {
	for ctx.Err() == nil {
		s.mu.Lock()
		if len(s.queue) > 0 {
			m := s.queue[0]
			s.queue[0] = nil
			s.queue = s.queue[1:]
			s.bytes -= len(m.Data)
			s.mu.Unlock()
			signal(s.settled)
			return m
		}
		s.queue = nil
		s.mu.Unlock()
		select {
		case <-s.delivered:
		case <-ctx.Done():
		}
	}
	return nil
}

// release marks a message to be acknowledged. The receiving goroutine acknowledges it,
// since publishing may block and the caller may hold a lock.
func (s *session) release(m *Message) {
	s.mu.Lock()
	if !s.ended {
		s.released = append(s.released, m)
	}
	s.mu.Unlock()
	signal(s.settled)
}

// acknowledge acknowledges the released messages.
func (s *session) acknowledge() {
	s.mu.Lock()
	released := s.released
	s.released = nil
	for _, m := range released {
		delete(s.unacked, m)
	}
	s.mu.Unlock()
	for _, m := range released {
		s.in.unacked.Add(-1)
		if err := m.msg.Ack(); err != nil {
			s.in.o.Log.Debug("a message could not be acknowledged and will be redelivered",
				"consumer", s.in.o.Durable, "err", err)
		}
	}
}

// keepAlive reports messages as in progress to the server, which restarts their
// AckWait, a quarter of AckWait after they were delivered or last reported.
func (s *session) keepAlive(now time.Time) {
	var old []*Message
	s.mu.Lock()
	for m, reported := range s.unacked {
		if now.Sub(reported) > s.in.o.AckWait/4 {
			s.unacked[m] = now
			old = append(old, m)
		}
	}
	s.mu.Unlock()
	for _, m := range old {
		_ = m.msg.InProgress() // a connection that is lost ends the session
	}
}

// drain waits up to drainTimeout for held messages to be released, and acknowledges
// them.
func (s *session) drain() {
	s.mu.Lock()
	for _, m := range s.queue { // the handler never received them
		delete(s.unacked, m)
		s.in.unacked.Add(-1)
	}
	s.queue = nil
	s.mu.Unlock()
	end := time.NewTimer(drainTimeout)
	defer end.Stop()
	for {
		s.acknowledge()
		s.mu.Lock()
		left := len(s.unacked)
		s.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-s.settled:
		case <-end.C:
			return
		}
	}
}

// abandon drops all messages that are not acknowledged: the server redelivers them.
func (s *session) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.in.unacked.Add(-int64(len(s.unacked)))
	clear(s.unacked)
}

// signal sends to a channel of capacity 1, unless a signal is in it already.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
