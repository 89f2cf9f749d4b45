package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Conn carries messages of a session. Each Write has whole messages; Read may return any part.
type Conn = io.ReadWriteCloser

// Resume says where output goes on: what a request for a connection has to say.
type Resume struct {
	Client string                                        // a name that stays the same
	Out    [wire.Streams]struct{ Offset, Window uint64 } // of Stdout and Stderr, as in wire.Hello
	Again  bool                                          // it is not the first connection
}

// Options of a session.
type Options struct {
	// Dial opens a connection, at first and after one was lost. An error that is not a
	// *FinalError is tried again, until Patience is over.
	Dial     func(ctx context.Context, r Resume) (Conn, error)
	Patience time.Duration // after a connection was lost; default 1 minute

	Stdout, Stderr io.Writer        // they may block, which stops the program; nil discards
	Started        func(wire.Start) // called for each connection
	Writer         func(wire.Write) // called when somebody else writes, or this client again
	Gap            func(s wire.Stream, bytes uint64)
	Watched        func(auditors uint64, name string) // how many watch, and who has come last, if one has
	Lost           func(err error)                    // a connection was lost, another one is opened

	// Claim asks for the writing whenever nobody who is connected has it; Take takes it, at first, from
	// whoever has it. Who opens a session has it.
	Claim, Take bool

	Client string               // name of this client; default a new one
	From   [wire.Streams]uint64 // where Stdout and Stderr begin: 0, an offset, wire.FromOldest or wire.FromNow
	Window int                  // bytes of an output on their way; default 1 MiB

	PingEvery time.Duration // default 15 s; a connection that is silent for twice that is lost
}

// FinalError is an error of Dial that is not tried again.
type FinalError struct{ Err error }

func (e *FinalError) Error() string { return e.Err.Error() }
func (e *FinalError) Unwrap() error { return e.Err }

// ErrLost says that the connection was lost and no other one could be opened in time. How the
// session ended is not known.
var ErrLost = errors.New("the connection to the session was lost")

// ErrDetached is that this client has detached: the session goes on.
var ErrDetached = errors.New("detached")

// Session is a session as its client sees it. Its methods may be called at any time while Run
// runs: input and the size of the terminal are sent as soon as they can be.
type Session struct {
	o Options

	mu       sync.Mutex
	changed  chan struct{} // closed when anything below changes
	conn     Conn          // nil while there is none
	started  bool          // the keeper has said who writes
	writes   bool
	told     bool // Writer was called
	wrote    bool // it has been the one that writes
	claimed  time.Time
	out      [wire.Streams]outPosition
	in       []byte // input that has not arrived; a part of inBuf
	inBuf    []byte
	inFrom   uint64 // offset of its first byte
	inRoom   uint64 // offset up to which there is room
	inSent   uint64 // offset up to which it was sent over this connection
	arrived  uint64 // offset up to which input had arrived when the connection began
	inEnd    bool
	endSent  bool
	size     [2]uint16
	detach   bool
	closed   bool
	heard    time.Time
	stalled  bool // output waits for who takes it here, and nothing is read from the connection
	buf      []byte
	lastPing uint64
}

type outPosition struct{ taken, told uint64 }

const maxInput = 512 << 10 // bytes of input that are kept

// New makes a session; Run opens it.
func New(o Options) *Session {
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Window == 0 {
		o.Window = 1 << 20
	}
	if o.PingEvery == 0 {
		o.PingEvery = 15 * time.Second
	}
	if o.Client == "" {
		o.Client = session.NewID()
	}
	s := &Session{o: o, changed: make(chan struct{})}
	s.out[wire.Stdout].taken, s.out[wire.Stderr].taken = o.From[wire.Stdout], o.From[wire.Stderr]
	return s
}

// Run opens the session and passes output on until it ends. It returns how the session ended, or
// with an error an Exit that is no success.
func (s *Session) Run(ctx context.Context) (session.Exit, error) {
	lost := session.Exit{Code: session.CodeLost, Reason: session.NodeLost}
	defer s.finish()
	var since time.Time // when the connection was lost
	wait := 20 * time.Millisecond
	for again := false; ; {
		conn, err := s.o.Dial(ctx, s.resume(again))
		if err == nil {
			var exit *session.Exit
			var progress bool
			exit, progress, err = s.serve(ctx, conn)
			conn.Close()
			switch {
			case exit != nil:
				return *exit, nil
			case s.detached():
				return session.Exit{}, ErrDetached
			case progress:
				since, wait = time.Time{}, 20*time.Millisecond
			}
			again = true
		}
		var final *FinalError
		if errors.As(err, &final) {
			return lost, final.Err
		}
		if ctx.Err() != nil {
			return lost, context.Cause(ctx)
		}
		if s.o.Lost != nil && since.IsZero() {
			s.o.Lost(err)
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) >= s.o.Patience {
			return lost, fmt.Errorf("%w: %w", ErrLost, err)
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, 2*time.Second)
		case <-ctx.Done():
		}
	}
}

// resume returns where output goes on.
func (s *Session) resume(again bool) Resume {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Resume{Client: s.o.Client, Again: again}
	for i := wire.Stdout; i < wire.Streams; i++ {
		r.Out[i].Offset, r.Out[i].Window = s.out[i].taken, uint64(s.o.Window)
		s.out[i].told = s.out[i].taken
	}
	return r
}

// finish makes those who wait give up.
func (s *Session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.conn = true, nil
	s.wake()
}

// wake wakes those who wait. The caller holds the lock.
func (s *Session) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Session) detached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.detach
}
