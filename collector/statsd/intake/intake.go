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

// Policy says what happens when parsing is slower than the arrival of packets.
type Policy uint8

const (
	// ShedNewest waits until a UDP socket's queue is half full, or a unix socket's
	// sender has waited for a millisecond. Then it reads what arrives, counts it by
	// source and line, and discards it.
	ShedNewest Policy = iota
	// LeaveToKernel stops reading. Sockets fill up, and the kernel drops further
	// datagrams. Senders to streams block.
	LeaveToKernel
)

// Options are the options of an intake. Zero values mean the defaults.
type Options struct {
	Workers int    // goroutines that call Handle; default GOMAXPROCS
	Slots   int    // packets that wait between a receiver and the workers, a power of two; default 512
	Policy  Policy // what happens when all slots are in use
	// Handle gets the packets. With one worker, they are in order for each sender.
	// packets and batch are valid until it returns. All workers call it concurrently,
	// each with its own number from 0 on.
	Handle func(worker int, batch []Packet)
	// Shed, if set, is called for packets that were discarded. Receivers call it
	// concurrently from many goroutines. src is valid until it returns.
	Shed func(src *Source, packets, lines, bytes int)
	// Panicked is called for a panic in a receiver, a worker or a connection. Receivers
	// and workers continue; a connection is closed. The deferred function that recovered
	// the panic makes the call. The default logs it with its stack.
	Panicked func(over string, value any)
	Store    *FDStore     // preserves sockets over a restart; nil: they end with the process
	Log      *slog.Logger // default slog.Default()
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
	streams   *ring // shared by all stream listeners
	closed    bool
}

// New starts the workers. Nothing is received until a listener is opened.
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
			o.Log.Error("a panic over "+over, "panic", value, "stack", string(debug.Stack()))
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

// addRing makes the workers serve a ring until the intake is closed.
func (in *Intake) addRing(r *ring) {
	for {
		old := in.rings.Load()
		rings := append((*old)[:len(*old):len(*old)], r)
		if in.rings.CompareAndSwap(old, &rings) {
			return
		}
	}
}

// register assigns a listener its number.
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

// Listeners returns all listeners that were opened, by number.
func (in *Intake) Listeners() []*Listener {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.listeners[:len(in.listeners):len(in.listeners)]
}

// Close closes all listeners and delivers what they have received. It returns when the
// last handler has returned. With a Store, packets in the kernel's queues are left for
// the process that takes the sockets over. Without one, they are received first.
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
