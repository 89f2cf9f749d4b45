package intake

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Policy says what happens when parsing cannot keep up.
type Policy uint8

const (
	// ShedNewest lets a UDP socket fill to the half, and the sender to a unix one
	// wait for a millisecond; then what comes is read, counted by source and line,
	// and given up.
	ShedNewest Policy = iota
	// LeaveToKernel reads no further: sockets fill up, and the kernel drops
	// datagrams without looking at them. Streams stall their senders.
	LeaveToKernel
)

// Options of an intake. Zero values mean the defaults.
type Options struct {
	Workers int    // goroutines that call Handle; default GOMAXPROCS
	Slots   int    // packets that wait between a receiver and the workers, a power of two; default 512
	Policy  Policy // when they are full
	// Handle gets packets, in order for each sender as long as there is one worker.
	// Packets and batch are good until it returns. It is called by all workers at
	// once, each under its own number from 0 on.
	Handle func(worker int, batch []Packet)
	// Shed, if set, is told what was given up. Receivers call it at once from many
	// goroutines; src is good until it returns.
	Shed func(src *Source, packets, lines, bytes int)
	// Panicked is told of a panic of a receiver, a worker or a connection, which goes on
	// (a connection is closed). It is called by the deferred function that recovered it.
	// Default: it is logged, with its stack.
	Panicked func(over string, value any)
	Store    *FDStore // keeps sockets over a restart; nil: they end with the process
	Log      *slog.Logger
}

// Intake receives packets until it is closed.
type Intake struct {
	o        Options
	rings    atomic.Pointer[[]*ring]
	sleeping atomic.Int32
	wake     chan struct{}
	workers  sync.WaitGroup

	mu        sync.Mutex
	listeners []*Listener
	streams   *ring // of all stream listeners
	closed    bool
}

// New starts the workers. Nothing is received before a listener is opened.
func New(o Options) (*Intake, error) {
	if o.Handle == nil {
		return nil, errors.New("an intake needs a handler")
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Slots == 0 {
		o.Slots = 512
	}
	if o.Slots < 2 || o.Slots&(o.Slots-1) != 0 || o.Slots > 1<<16 {
		return nil, fmt.Errorf("%d slots: use a power of two from 2 to 65536", o.Slots)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Panicked == nil {
		o.Panicked = func(over string, value any) {
			o.Log.Error("a panic over "+over, "err", value, "stack", string(debug.Stack()))
		}
	}
	in := &Intake{o: o, wake: make(chan struct{}, o.Workers)}
	in.rings.Store(new([]*ring))
	in.workers.Add(o.Workers)
	for i := range o.Workers {
		w := &worker{in: in, number: i, next: i, batch: make([]Packet, 0, 128)}
		go w.run()
	}
	return in, nil
}

// addRing lets the workers serve a ring. Rings stay until the intake is closed.
func (in *Intake) addRing(r *ring) {
	for {
		old := in.rings.Load()
		rings := append((*old)[:len(*old):len(*old)], r)
		if in.rings.CompareAndSwap(old, &rings) {
			return
		}
	}
}

// register gives a listener its number.
func (in *Intake) register(l *Listener) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return errors.New("the intake is closed")
	}
	l.in, l.Number = in, uint32(len(in.listeners))
	in.listeners = append(in.listeners, l)
	return nil
}

// Listeners are all that were opened, by number.
func (in *Intake) Listeners() []*Listener {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.listeners[:len(in.listeners):len(in.listeners)]
}

// Close ends all listeners, hands on what they have received and returns when
// the last handler has. With a Store, what the kernel still holds is left for the
// process that takes the sockets over; without one it is received first.
func (in *Intake) Close() error {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return nil
	}
	in.closed = true
	in.mu.Unlock()
	for _, l := range in.listeners {
		l.Close()
	}
	close(in.wake)
	in.workers.Wait()
	for _, r := range *in.rings.Load() {
		unix.Munmap(r.mem)
	}
	return nil
}
