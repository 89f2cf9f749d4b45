package ready

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Names of parts.
const (
	Ticks       = "ticks"             // the collector's ticks
	NodeMetrics = "node metrics"      // the collector's HTTP server
	Statsd      = "statsd"            // the collector's StatsD listeners
	Launch      = "launch socket"     // the listener of the launch API
	API         = "HTTP API"          // the relay's HTTP server
	Frames      = "frames"            // NATS, the stream and the relay's consumer
	Keys        = "token keys"        // the keys of issuers of tokens
	NATS        = "NATS server"       // the server in this process
	NodeAtRelay = "this node's ticks" // their arrival at the relay in this process
)

// Parts is the parts of one process that have to be ready: its listeners, its
// connections, its ticks. The process is not ready while it has no parts. Parts is safe
// for concurrent use.
type Parts struct {
	mu   sync.Mutex
	list []*part
}

type part struct {
	name   string
	check  func() error
	vital  bool
	worked atomic.Bool // check has returned nil once
}

// Waiting is a part that is not ready.
type Waiting struct {
	Part   string
	Reason string
}

var errStarting = errors.New("it is starting")

// Expect lists parts as starting until they are added.
func (p *Parts) Expect(names ...string) {
	for _, name := range names {
		p.put(&part{name: name, check: func() error { return errStarting }})
	}
}

// Add adds a part, or replaces the one of this name. check returns nil while the part
// works, else the reason why it does not. It is called often, and must not block.
func (p *Parts) Add(name string, check func() error) {
	p.put(&part{name: name, check: check})
}

// AddVital is Add for a part without which the process is useless: if it stops working,
// only a restart helps. See Stuck.
func (p *Parts) AddVital(name string, check func() error) {
	p.put(&part{name: name, check: check, vital: true})
}

// Up marks a part as ready from now on.
func (p *Parts) Up(name string) { p.Add(name, func() error { return nil }) }

func (p *Parts) put(n *part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.list, func(o *part) bool { return o.name == n.name }); i >= 0 {
		p.list[i] = n
		return
	}
	p.list = append(p.list, n)
}

// parts returns a copy of the list, so that checks are called without the lock.
func (p *Parts) parts() []*part {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.list)
}

// Waiting returns the parts that are not ready, in the order in which they were added.
func (p *Parts) Waiting() (all []Waiting) {
	parts := p.parts()
	if len(parts) == 0 {
		return []Waiting{{"process", errStarting.Error()}}
	}
	for _, n := range parts {
		if err := n.look(); err != nil {
			all = append(all, Waiting{n.name, err.Error()})
		}
	}
	return all
}

// Stuck returns an error if a vital part was ready before and is not ready now.
func (p *Parts) Stuck() error {
	for _, n := range p.parts() {
		if !n.vital {
			continue
		}
		if err := n.look(); err != nil && n.worked.Load() {
			return fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return nil
}

func (n *part) look() error {
	err := n.check()
	if err == nil {
		n.worked.Store(true)
	}
	return err
}

// pollEvery is how often Wait calls the checks.
const pollEvery = 20 * time.Millisecond

// Wait returns nil once all parts are ready, or the error of ctx if that ends first.
func (p *Parts) Wait(ctx context.Context) error {
	for {
		if len(p.Waiting()) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// Text formats parts that are not ready on one line.
func Text(waiting []Waiting) string {
	var b strings.Builder
	for i, w := range waiting {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(w.Part + ": " + w.Reason)
	}
	return b.String()
}
