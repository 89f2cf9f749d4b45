package credentials

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/rpc"
)

// A node streams as much as is asked of it, both ways, although its credential allows few
// replies: streams have subjects of its own.
func TestStreamsWithNodeCredential(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	urls := servers(t, c, 1)
	relayConn := connected(t, connect(t, c, urls[0], relay(t, c), ""))
	nodeConn := connected(t, connect(t, c, urls[0], enroll(t, c, "a", time.Hour), "a"))
	node := rpc.NewServer(rpc.ServerOptions{
		Conn: nodeConn, Cluster: cluster, Agent: "a", Log: slog.New(slog.DiscardHandler),
		Handlers: map[string]rpc.Handler{"echo": func(ctx context.Context, _ []byte, s *rpc.Stream) error {
			for {
				p, err := s.Recv(ctx)
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				if err := s.Send(ctx, p); err != nil {
					return err
				}
			}
		}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	client, err := rpc.NewClient(relayConn, cluster)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	eventually(t, "the node answers", func() bool {
		_, err := client.Call(t.Context(), "a", "nothing", nil, 10)
		return rpc.CodeOf(err) == rpc.Invalid
	})
	s, err := client.Open(t.Context(), "a", "echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const chunks = 1000
	chunk := bytes.Repeat([]byte("x"), 10<<10)
	go func() {
		for range chunks {
			if s.Send(t.Context(), chunk) != nil {
				return
			}
		}
		s.CloseSend(nil)
	}()
	total := 0
	for {
		p, err := s.Recv(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
		total += len(p)
	}
	if total != chunks*len(chunk) {
		t.Errorf("%d bytes came back, want %d", total, chunks*len(chunk))
	}
}
