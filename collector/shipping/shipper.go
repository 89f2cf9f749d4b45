package shipping

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// Shipper sends the log entries of one node. Three goroutines share what mu guards: the
// reader (Run), which makes batches of entries and sends them; the connection's, which
// brings acknowledgements; and one that tends to everything that depends on time.
type Shipper struct {
	o       Options
	subject string
	reply   []byte // reply subject; its last bytes are the number of the batch
	sub     *nats.Subscription
	count   counters
	say     said
	rules   atomic.Pointer[rules.Rules] // that filter is to be replaced by; nil for none

	mu        sync.Mutex
	changed   *sync.Cond // the window has room, or the reader is to stop
	filter    *rules.Filter
	join      joiner
	batch     *batch
	win       window
	limit     int   // largest message that the stream took, bytes; 0: as the server says
	read      place // of the newest entry that was read
	stored    place // everything up to it is stored, or left out
	header    entry.Header
	sealing   *flight
	put       func(message []byte) // putMessage
	stopRead  context.CancelFunc
	startOver bool // the reader is to begin again at stored
	closing   bool

	probing  bool          // send one batch at a time until the stream answers
	retryAt  time.Time     // nothing is sent before
	wait     time.Duration // after the next failure
	creating bool          // the stream is being created

	saver saver
	ctx   context.Context // of what runs besides Run, until Close
	stop  context.CancelFunc
	ended sync.WaitGroup
}

const maxRetry = 30 * time.Second

// New prepares a shipper, which begins at the position that an earlier one has saved in
// o.Dir. A position that cannot be read is an error: shipping without it could repeat or
// leave out any number of entries.
func New(o Options) (*Shipper, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	from, err := readPosition(PositionFile(o.Dir))
	if err != nil {
		return nil, fmt.Errorf("position of log shipping: %w: remove the file to begin anew", err)
	}
	s := &Shipper{
		o: o, subject: bus.Logs(o.Stream.Cluster, o.Agent, o.Shards), say: said{log: o.Log},
		filter: rules.NewFilter(o.Rules), wait: o.Retry,
	}
	s.changed = sync.NewCond(&s.mu)
	s.join.emit, s.join.joined = s.ship, &s.count.joined
	s.batch = newBatch(&s.o)
	s.put = s.putMessage
	s.header = entry.Header{Agent: o.Agent, Boot: uint64(time.Now().UnixNano())}
	if from != nil {
		s.read.set(from)
		s.saver.saved.set(from)
		o.Log.Info("shipping logs", "after", time.UnixMicro(from.realtime).UTC())
	} else {
		s.read.realtime = time.Now().Add(-o.Since).UnixMicro()
		o.Log.Info("shipping logs for the first time", "from", time.UnixMicro(s.read.realtime).UTC())
	}
	s.stored.set(&s.read)
	inbox := o.Conn.NewInbox()
	s.reply = append([]byte(inbox+"."), make([]byte, bus.ReplyNumberSize)...)
	if s.sub, err = o.Conn.Subscribe(inbox+".*", s.answered); err != nil {
		return nil, fmt.Errorf("shipping: %w", err)
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.saver.start(PositionFile(o.Dir), &s.ended)
	s.ended.Go(s.tend)
	return s, nil
}

// SetRules replaces the rules, within a second if NATS takes what was read. Lines that wait
// to be joined are edited by the new ones.
func (s *Shipper) SetRules(r *rules.Rules) {
	s.rules.Store(r)
}

// Close sends what was read, waits for its acknowledgement until ctx ends, or not at all
// if NATS is away, and saves the position. What is not acknowledged is read again at the
// next start. Run has to have ended, or to end now.
func (s *Shipper) Close(ctx context.Context) error {
	for !s.mu.TryLock() { // a server that takes nothing holds whoever publishes, for a minute or more
		select {
		case <-ctx.Done():
			return errors.New("shipping: NATS takes nothing: some entries may be shipped again")
		case <-time.After(lockWait):
		}
	}
	again := s.closing
	if !again && !s.startOver {
		s.join.flush()
		s.tellDrops()
		s.seal()
		s.advance()
	}
	s.closing = true
	s.changed.Broadcast()
	defer context.AfterFunc(ctx, s.changed.Broadcast)()
	for !again && s.win.n > 0 && s.o.Conn.IsConnected() && ctx.Err() == nil {
		s.changed.Wait()
	}
	if !again {
		s.saver.last(&s.stored)
	}
	s.mu.Unlock()
	s.stop()
	ended := make(chan struct{})
	go func() {
		s.ended.Wait()
		close(ended)
	}()
	patience := time.NewTimer(saveWait)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
		return errors.New("shipping: the disk of the position does not respond: some entries may be shipped again")
	}
	if again {
		return nil
	}
	err := s.sub.Unsubscribe()
	if errors.Is(err, nats.ErrConnectionClosed) {
		err = nil
	}
	return errors.Join(err, s.saver.failed)
}

const lockWait = 5 * time.Millisecond

// saveWait is how long Close waits for the disk of the position.
const saveWait = 3 * time.Second
