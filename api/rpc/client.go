package rpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
)

// Client opens streams to the nodes of a cluster. It is safe for concurrent use.
type Client struct {
	conn    *nats.Conn
	cluster string
	id      string // of this client, a token of the subjects of its streams
	sub     *nats.Subscription
	resyncs chan nats.Status

	mu      sync.Mutex
	streams map[string]*Stream // by subject
	last    uint64
}

// NewClient makes a client over a connection, which stays open at its end.
func NewClient(conn *nats.Conn, cluster string) (*Client, error) {
	c := &Client{conn: conn, cluster: cluster, id: strings.ToLower(rand.Text()), streams: map[string]*Stream{}}
	var err error
	if c.sub, err = conn.Subscribe(bus.ToClient(cluster, "*", c.id, "*"), c.receive); err != nil {
		return nil, fmt.Errorf("streams of nodes: %w", err)
	}
	c.resyncs = resyncAfterReconnects(conn, c.all)
	return c, nil
}

// Close ends all streams.
func (c *Client) Close() error {
	err := c.sub.Unsubscribe()
	c.conn.RemoveStatusListener(c.resyncs)
	for _, s := range c.all() {
		s.Close()
	}
	if errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}

// all returns the open streams.
func (c *Client) all() []*Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.streams))
}

// Open asks a node and returns the stream of its answer; close it. That the node
// is away shows as ErrAway when it is used.
func (c *Client) Open(ctx context.Context, agent, verb string, request []byte) (*Stream, error) {
	if !c.conn.IsConnected() { // else the request would wait for the server, and its sender too
		return nil, ErrNoServer
	}
	c.mu.Lock()
	c.last++
	id := strconv.FormatUint(c.last, 36)
	here, there := bus.ToClient(c.cluster, agent, c.id, id), bus.ToNode(c.cluster, agent, c.id, id)
	s := newStream(ctx, func(p []byte) error { return c.conn.Publish(there, p) }, func() { c.forget(here) })
	c.streams[here] = s
	c.mu.Unlock()
	if err := c.conn.PublishRequest(bus.RPC(c.cluster, agent, verb), here, request); err != nil {
		return nil, s.fail(err)
	}
	return s, nil
}

// Call asks a node, and returns its whole answer, of up to limit bytes.
func (c *Client) Call(ctx context.Context, agent, verb string, request []byte, limit int) ([]byte, error) {
	s, err := c.Open(ctx, agent, verb, request)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var answer []byte
	for {
		p, err := s.Recv(ctx)
		if err == io.EOF {
			return answer, nil
		}
		if err != nil {
			return nil, err
		}
		if answer = append(answer, p...); len(answer) > limit {
			return nil, Errorf(Exhausted, "the node's answer has more than %d bytes", limit)
		}
	}
}

func (c *Client) forget(subject string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, subject)
}

// receive hands a message to its stream.
func (c *Client) receive(m *nats.Msg) {
	c.mu.Lock()
	s := c.streams[m.Subject]
	c.mu.Unlock()
	if s == nil { // forgotten, perhaps before the node had accepted the request
		if subject, ok := bus.DownToUp(m.Subject, c.cluster); ok && wantsAnswer(m.Data) {
			_ = c.conn.Publish(subject, []byte{byte(kindStop)}) // the node's silence timer does it otherwise
		}
		return
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" { // nobody has the request's subject
		s.end(ErrAway)
		return
	}
	s.take(m.Data)
}
