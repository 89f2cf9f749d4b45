package sinks

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Message is one message of the stream of logs.
type Message struct {
	Subject string
	Data    []byte
	Seq     uint64    // in the stream
	Time    time.Time // when the stream received it
	Done    func()    // acknowledges it
}

// ErrMalformed is returned for a message that is to be dropped.
var ErrMalformed = errors.New("malformed message of logs")

// intake turns messages into deliveries. Its handler runs in the goroutine that receives
// messages; the worker takes deliveries out.
type intake struct {
	keep   condition
	fields patternList
	counts *counts
	queue  chan *delivery

	waiting *delivery          // accepted, and not in the queue yet
	decoder entry.Decoder      // of batches of one message
	begun   map[string]*parts  // by agent: batches of which parts have to come
	sent    map[string]*window // by agent: batches that were accepted

	mu       sync.Mutex
	lastSeq  uint64    // of the newest message that was accepted
	lastTime time.Time // of that message
	missed   missed    // older ones that were not accepted
	open     map[uint64]*delivery
}

// delivery is a batch of one agent that has records for the sink.
type delivery struct {
	time    time.Time // when the stream received its last message
	records []*sink.Record
	left    int               // records whose fate is not known; the worker's
	done    map[uint64]func() // acknowledges its messages, by Seq; guarded by intake.mu
}

// parts is a batch of several messages.
type parts struct {
	decoder entry.Decoder
	of      *delivery
	boot    uint64
	seq     uint64
}

const (
	queued    = 8  // batches that wait for the worker
	maxBegun  = 64 // batches of several messages that are incomplete at a time
	maxAgents = 100_000
)

func newIntake(c *Config, n *counts) *intake {
	return &intake{
		keep: c.Filter.compile(), fields: patterns(c.Fields), counts: n, queue: make(chan *delivery, queued),
		begun: make(map[string]*parts), sent: make(map[string]*window), open: make(map[uint64]*delivery),
	}
}

// handle accepts a message, and waits while too many batches are queued. It returns
// ErrMalformed if the message is to be dropped, and the error of ctx if ctx ended before the
// message was accepted.
func (in *intake) handle(ctx context.Context, m Message) error {
	if err := in.flush(ctx); err != nil {
		return err
	}
	if in.again(&m) {
		return nil
	}
	h, err := entry.Peek(m.Data)
	agent, ok := bus.LogsAgent(m.Subject)
	if err != nil || !ok || agent != h.Agent {
		in.counts.malformed.Add(1)
		return ErrMalformed
	}
	if in.window(agent).seen(h.Boot, h.Seq) {
		if h.Part == 0 {
			in.counts.duplicates.Add(uint64(h.Count))
		}
		m.Done()
		return nil
	}
	d, decoder := in.deliveryOf(&h)
	_, complete, err := decoder.Decode(m.Data)
	if err == nil && complete {
		err = in.read(agent, decoder, d)
	}
	if err != nil {
		in.counts.malformed.Add(1)
		in.drop(agent, d)
		return ErrMalformed
	}
	d.time = m.Time
	in.accept(&m, d)
	if !complete {
		return nil
	}
	delete(in.begun, agent)
	in.window(agent).add(h.Boot, h.Seq)
	if len(d.records) == 0 {
		in.settle(d)
		return nil
	}
	in.waiting = d
	_ = in.flush(ctx) // else before the next message
	return nil
}

// flush queues the batch that waits, if any. It returns the error of ctx if ctx ended.
func (in *intake) flush(ctx context.Context) error {
	if in.waiting == nil {
		return nil
	}
	select {
	case in.queue <- in.waiting:
		in.waiting = nil
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// again reports whether a message was accepted before: it is delivered again after the
// connection to NATS was lost. It is acknowledged at once if its records were delivered,
// else when they are. A stream that was made anew counts from 1 again, but has later times.
func (in *intake) again(m *Message) bool {
	in.mu.Lock()
	if m.Seq > in.lastSeq || m.Time.After(in.lastTime) || in.missed.has(m.Seq) {
		in.mu.Unlock()
		return false
	}
	d := in.open[m.Seq]
	if d != nil {
		d.done[m.Seq] = m.Done
	}
	in.mu.Unlock()
	if d == nil {
		m.Done()
	}
	return true
}

// deliveryOf returns the delivery that a message belongs to, and its decoder.
func (in *intake) deliveryOf(h *entry.Header) (*delivery, *entry.Decoder) {
	if h.Parts == 1 {
		return &delivery{done: map[uint64]func(){}}, &in.decoder
	}
	p := in.begun[h.Agent]
	if h.Part == 0 || p == nil || p.boot != h.Boot || p.seq != h.Seq {
		if p != nil {
			in.drop(h.Agent, p.of) // its end never came
		}
		for agent, old := range in.begun {
			if len(in.begun) < maxBegun {
				break
			}
			in.drop(agent, old.of)
		}
		p = &parts{of: &delivery{done: map[uint64]func(){}}, boot: h.Boot, seq: h.Seq}
		in.begun[h.Agent] = p
	}
	return p.of, &p.decoder
}

// accept records that a message was accepted.
func (in *intake) accept(m *Message, d *delivery) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case m.Seq > in.lastSeq:
		in.missed.add(in.lastSeq+1, m.Seq-1)
		in.lastSeq, in.lastTime = m.Seq, m.Time
	case m.Time.After(in.lastTime): // of a stream that was made anew
		in.missed = nil
		in.missed.add(1, m.Seq-1)
		in.lastSeq, in.lastTime = m.Seq, m.Time
	default:
		in.missed.remove(m.Seq)
	}
	in.open[m.Seq] = d
	d.done[m.Seq] = m.Done
}

// drop gives up a batch that cannot be decoded: its messages are acknowledged.
func (in *intake) drop(agent string, d *delivery) {
	if p := in.begun[agent]; p != nil && p.of == d {
		delete(in.begun, agent)
	}
	in.settle(d)
}

// read decodes the records of a batch, and keeps those that the sink is for.
func (in *intake) read(agent string, decoder *entry.Decoder, d *delivery) error {
	var c cloner
	for {
		r, ok, err := decoder.Next()
		if err != nil || !ok {
			d.left = len(d.records)
			return err
		}
		in.counts.received.Add(1)
		rec := sink.New(agent, r)
		if !in.keep(rec) {
			in.counts.filtered.Add(1)
			continue
		}
		if r.Entry != nil {
			rec.Entry = c.clone(r.Entry, in.fields)
			rec.Resize()
		} else {
			e := *r.Event
			rec.Event = &e
		}
		d.records = append(d.records, rec)
	}
}

// settle acknowledges a delivery whose records all have their fate.
func (in *intake) settle(d *delivery) {
	in.mu.Lock()
	done := make([]func(), 0, len(d.done))
	for seq, f := range d.done {
		delete(in.open, seq)
		done = append(done, f)
	}
	clear(d.done)
	in.mu.Unlock()
	for _, f := range done {
		f()
	}
}

// window returns the batches of an agent that were accepted.
func (in *intake) window(agent string) *window {
	w := in.sent[agent]
	if w == nil {
		if len(in.sent) >= maxAgents {
			clear(in.sent)
		}
		w = new(window)
		in.sent[agent] = w
	}
	return w
}
