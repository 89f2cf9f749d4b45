package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
)

// Handler answers a request on a stream. When it returns, the stream ends, with
// its error if that is not nil.
type Handler func(ctx context.Context, request []byte, s *Stream) error

// ServerOptions of a Server.
type ServerOptions struct {
	Conn       *nats.Conn
	Cluster    string
	Agent      string
	Handlers   map[string]Handler // by verb
	MaxStreams int                // at once; default 4096
	Log        *slog.Logger       // default slog.Default()
}

// Server answers what is asked of a node.
type Server struct {
	o       ServerOptions
	mu      sync.Mutex
	streams map[string]*Stream // by subject
	work    sync.WaitGroup
	opened  atomic.Uint64
	refused atomic.Uint64
	panics  atomic.Uint64
}

// NewServer makes a server; Run makes it answer.
func NewServer(o ServerOptions) *Server {
	if o.MaxStreams == 0 {
		o.MaxStreams = 4096
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o, streams: map[string]*Stream{}}
}

// Run answers until ctx ends, then ends all streams and returns nil. It fails
// if the connection is closed.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	data, err := s.o.Conn.Subscribe(bus.ToNode(s.o.Cluster, s.o.Agent, "*", "*"), s.receive)
	if err != nil {
		return fmt.Errorf("streams to this node: %w", err)
	}
	resyncs := resyncAfterReconnects(s.o.Conn, s.all)
	defer s.o.Conn.RemoveStatusListener(resyncs)
	open, err := s.o.Conn.Subscribe(bus.RPC(s.o.Cluster, s.o.Agent, "*"), func(m *nats.Msg) { s.open(ctx, m) })
	if err != nil {
		return fmt.Errorf("requests to this node: %w", err)
	}
	<-ctx.Done()
	_ = open.Unsubscribe() // fails on a closed connection, which is as good
	s.work.Wait()
	_ = data.Unsubscribe()
	return nil
}

// open begins a stream for a request. A message that is none is dropped: there
// is nobody to tell.
func (s *Server) open(ctx context.Context, m *nats.Msg) {
	verb := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	client, id, ok := bus.ParseToClient(m.Reply, s.o.Cluster, s.o.Agent)
	if !ok {
		s.refused.Add(1)
		return
	}
	publish := func(p []byte) error { return s.o.Conn.Publish(m.Reply, p) }
	refuse := func(err *Error) {
		s.refused.Add(1)
		_ = publish(appendEnd(nil, err)) // the client's silence timer does it otherwise
	}
	h := s.o.Handlers[verb]
	if h == nil {
		refuse(Errorf(Invalid, "this node does not know the request %q", verb))
		return
	}
	subject := bus.ToNode(s.o.Cluster, s.o.Agent, client, id)
	s.mu.Lock()
	full, twice := len(s.streams) >= s.o.MaxStreams, s.streams[subject] != nil
	if full || twice || ctx.Err() != nil {
		s.mu.Unlock()
		refuse(Errorf(Exhausted, "this node serves %d streams, and no more at once", s.o.MaxStreams))
		return
	}
	st := newStream(ctx, publish, func() { s.forget(subject) })
	st.accepted = true
	s.streams[subject] = st
	s.work.Add(1)
	s.mu.Unlock()
	s.opened.Add(1)
	st.mu.Lock()
	_ = st.sayCredit() // the request is accepted
	st.mu.Unlock()
	go s.serve(verb, h, m.Data, st)
}

// serve runs a handler to its end.
func (s *Server) serve(verb string, h Handler, request []byte, st *Stream) {
	defer s.work.Done()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.panics.Add(1)
				s.o.Log.Error("answering a request panicked", "verb", verb, "panic", p, "stack", string(debug.Stack()))
				err = &Error{Internal, "a fault of the node: its log has more"}
			}
		}()
		return h(st.ctx, request, st)
	}()
	if err != nil && st.ctx.Err() != nil && CodeOf(err) == Canceled {
		err = &Error{Unavailable, "the node ends"}
	}
	st.CloseSend(err)
	st.end(&Error{Canceled, "the request is answered"})
}

// all returns the open streams.
func (s *Server) all() []*Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.streams))
}

func (s *Server) forget(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, subject)
}

// receive hands a message to its stream.
func (s *Server) receive(m *nats.Msg) {
	s.mu.Lock()
	st := s.streams[m.Subject]
	s.mu.Unlock()
	if st != nil {
		st.take(m.Data)
		return
	}
	// The stream is of before a restart of this node, or it has ended here: what said so was
	// lost with the connection to NATS.
	if subject, ok := bus.UpToDown(m.Subject, s.o.Cluster, s.o.Agent); ok && wantsAnswer(m.Data) {
		_ = s.o.Conn.Publish(subject, appendEnd(nil, errUnknown))
	}
}

var errUnknown = &Error{Unavailable, "the connection to it was lost for a while, or it was started anew"}

// Stats are figures of a server.
type Stats struct {
	Streams int    // open now
	Opened  uint64 // since the start
	Refused uint64 // requests that were refused, since the start
	Panics  uint64 // of handlers, since the start
}

// Stats reads the figures.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n := len(s.streams)
	s.mu.Unlock()
	return Stats{Streams: n, Opened: s.opened.Load(), Refused: s.refused.Load(), Panics: s.panics.Load()}
}
