package shipping

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/entry"
)

// leastMessage is the smallest size to which messages are reduced for a stream that
// refuses them as too large, in bytes.
const leastMessage = 4 << 10

// send sends the batches that were not sent yet, in order: all, or the first one while
// the stream is not known to answer.
func (s *Shipper) send() {
	if !s.o.Conn.IsConnected() || time.Now().Before(s.retryAt) {
		return
	}
	for i := s.win.first; i < s.win.next(); i++ {
		f := s.win.at(i)
		if f.acked() || f.sent && !s.probing {
			continue
		}
		if f.sent || !s.publish(f, i) || s.probing {
			return
		}
	}
}

// publish sends one batch. It returns false if that failed.
func (s *Shipper) publish(f *flight, number uint64) bool {
	if f.tries++; f.tries == 2 {
		s.count.resent.Add(1)
	}
	f.sent, f.at = true, time.Now()
	for part := range f.ends {
		bus.PutReplyNumber(s.reply, replyNumber(number, f.tries, part))
		// The connection copies the subject before it returns, so it may share our buffer.
		reply := view(s.reply)
		err := s.o.Conn.PublishRequest(s.subject, reply, f.message(part))
		switch {
		case errors.Is(err, nats.ErrMaxPayload):
			s.tooLarge(f, err)
			return false
		case err != nil:
			s.fail(err)
			return false
		}
	}
	return true
}

// answered receives the stream's answers, on a goroutine of the connection.
func (s *Shipper) answered(m *nats.Msg) {
	reply, ok := bus.ReplyNumber(m.Subject)
	if !ok {
		return
	}
	number, try, part := parseReplyNumber(reply)
	err := bus.ParsePubAck(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.win.at(number)
	if f == nil || part >= len(f.ends) || f.stored[part] {
		return
	}
	switch {
	case err == nil && f.counts(try):
		f.stored[part] = true
		if f.missing--; f.missing > 0 {
			return
		}
		s.probing, s.wait, s.retryAt = false, s.o.Retry, time.Time{}
		s.count.batches.Add(1)
		s.count.bytes.Add(uint64(len(f.data)))
		s.count.stored.Add(uint64(f.records))
		s.settle()
	case bus.IsRefused(err):
		s.tooLarge(f, err)
	case err != nil && f.sent: // else it has failed before
		if errors.Is(err, bus.ErrNoStream) {
			s.createStream()
		}
		s.fail(err)
	}
}

// settle moves the position over the batches that are stored and have none before them
// that is not.
func (s *Shipper) settle() {
	for f := s.win.oldest(); f != nil && f.acked(); f = s.win.oldest() {
		s.stored.set(&f.after)
		s.win.drop()
	}
	s.note()
	s.send()
	s.changed.Broadcast()
}

// fail handles a failure that may pass: what is not acknowledged is sent again later, at
// first one batch at a time.
func (s *Shipper) fail(err error) {
	s.count.errors.Add(1)
	s.say.warn("logs are not stored by NATS; they wait in the journal", err)
	s.unsend()
	s.retryAt = time.Now().Add(s.wait)
	s.wait = min(2*s.wait, maxRetry)
}

// unsend takes everything that is not acknowledged for not sent.
func (s *Shipper) unsend() {
	for i := s.win.first; i < s.win.next(); i++ {
		s.win.at(i).unsend()
	}
	s.probing = true
}

// tooLarge handles a batch that is larger than the stream takes: the entries since the
// position are read again, into smaller batches. A batch that is as small as any is lost.
func (s *Shipper) tooLarge(f *flight, err error) {
	s.count.errors.Add(1)
	if s.startOver {
		return
	}
	largest := 0
	for part := range f.ends {
		largest = max(largest, len(f.message(part)))
	}
	if largest > leastMessage {
		s.limit = max(leastMessage, largest/2)
		s.say.warn("the stream of logs takes no message as large as the server does: sending smaller ones", err)
		s.startOver = true
		if s.stopRead != nil {
			s.stopRead()
		}
		s.changed.Broadcast()
		return
	}
	s.count.dropped.Add(uint64(f.records))
	s.say.warn("log entries are lost: the stream takes not even small messages; raise its max_msg_size", err)
	f.missing = 0
	s.shipEvent(&entry.Event{Kind: entry.ShipperDrops, Time: time.Now().UnixMicro(), Agent: s.o.Agent,
		Count: uint64(f.records), Message: "the stream of logs refused these entries: " + err.Error()})
	s.settle()
}

// createStream creates the stream if it is not there and this node's credential may do
// so; else the relay has to.
func (s *Shipper) createStream() {
	if s.creating || s.closing {
		return
	}
	s.creating = true
	s.ended.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, createWait)
		defer cancel()
		created, err := createStream(ctx, s.o.Conn, s.o.Stream)
		switch {
		case err != nil:
			s.say.warn("there is no stream of logs, and this node cannot create it: a relay does, if it has a log sink", err)
		case created:
			s.o.Log.Warn("the stream of logs was not there, and is created now", "stream", bus.LogsStream(s.o.Stream.Cluster))
		}
		s.mu.Lock()
		s.creating = false
		s.mu.Unlock()
	})
}

const createWait = 2 * time.Second

// createStream creates the stream of logs, unless it exists: then it leaves it unchanged.
func createStream(ctx context.Context, conn *nats.Conn, c bus.Config) (created bool, err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return false, err
	}
	_, err = js.Stream(ctx, bus.LogsStream(c.Cluster))
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, err
	}
	_, err = bus.EnsureLogsStream(ctx, js, c)
	return err == nil, err
}
