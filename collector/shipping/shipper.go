package shipping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
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

// Run reads logs until ctx ends. What fails is tried again, for ever.
func (s *Shipper) Run(ctx context.Context) {
	for wait := s.o.Retry; ctx.Err() == nil; {
		before := s.count.read.Load()
		err := s.follow(ctx)
		if ctx.Err() != nil {
			return
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

// ship puts an entry into the batch, if the rules have it so.
func (s *Shipper) ship(e *entry.Entry) {
	out, v, redacted := s.filter.Finish(e)
	s.count.redacted.Add(uint64(redacted))
	switch v {
	case rules.SampledOut:
		s.count.sampledOut.Add(1)
		return
	case rules.RateLimited:
		s.count.rateLimited.Add(1)
		return
	}
	if s.batch.full() {
		s.seal()
	}
	cut, err := s.batch.add(out, min(maxEntry, s.maxMessage()*maxParts))
	if err != nil {
		s.count.dropped.Add(1)
		s.say.warn("a log entry cannot be shipped", err)
		s.shipEvent(&entry.Event{Kind: entry.ShipperDrops, Time: time.Now().UnixMicro(), Agent: s.o.Agent, Count: 1,
			Message: "An entry cannot be shipped: " + err.Error() + "."})
		return
	}
	if cut {
		s.count.cut.Add(1)
	}
	s.count.entries.Add(1)
}

// maxParts bounds the messages of one entry.
const maxParts = 1024

// shipEvent puts an event into the batch.
func (s *Shipper) shipEvent(e *entry.Event) {
	if s.batch.full() {
		s.seal()
	}
	if err := s.batch.addEvent(e); err == nil {
		s.count.events.Add(1)
	}
}

// maxMessage returns the largest size of a message, in bytes.
func (s *Shipper) maxMessage() int {
	most := defaultMessage
	if n := int(s.o.Conn.MaxPayload()); n > 0 {
		most = n
	}
	if s.limit > 0 {
		most = min(most, s.limit)
	}
	return most
}

// defaultMessage is the largest message that servers take unless they are configured
// otherwise, in bytes.
const defaultMessage = 1 << 20

// seal sends the batch. Once it is stored, reading may go on after what was read, but for
// entries of which the joiner holds lines.
func (s *Shipper) seal() {
	if s.batch.n == 0 {
		return
	}
	s.header.Seq++
	f := s.win.add()
	f.after.set(s.safe())
	f.oldest, f.records = s.batch.oldest, s.batch.n
	s.sealing = f
	if err := s.batch.finish(s.header, s.maxMessage(), s.put); err != nil {
		s.count.dropped.Add(uint64(f.records)) // not reached: entries are cut so that a batch has few enough messages
		s.say.warn("log entries are lost: their batch cannot be encoded", err)
	}
	if f.missing == 0 {
		s.settle()
		return
	}
	s.send()
}

// putMessage adds a message to the batch that is being sealed.
func (s *Shipper) putMessage(message []byte) { s.win.put(s.sealing, message) }

// safe returns the place from which nothing would be left out once the window is stored.
func (s *Shipper) safe() *place {
	if held := s.join.before(); held != nil {
		return held
	}
	return &s.read
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
