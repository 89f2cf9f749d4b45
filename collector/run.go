package collector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/server/web"
)

// shutdownTimeout bounds the wait for frames in flight and for scrapes at the end.
const shutdownTimeout = 5 * time.Second

// Run runs the whole daemon: it makes ticks, publishes them and serves the node's
// own /metrics until ctx ends, and then returns nil. It returns an error at once if
// the configuration is invalid or an address is in use.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.defaults(); err != nil {
		return err
	}
	if err := cfg.join(ctx); err != nil {
		return err
	}
	n, err := New(cfg)
	if err != nil {
		return err
	}
	return n.Serve(ctx)
}

// Serve runs the node and its /metrics until ctx ends, then closes the node.
func (n *Node) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	end := func() error {
		patience, done := context.WithTimeout(context.Background(), shutdownTimeout)
		defer done()
		return n.Close(patience)
	}
	if n.cfg.Metrics == "" {
		return errors.Join(n.Run(ctx), end())
	}
	l, err := listenLoopback(n.cfg.Metrics)
	if err != nil {
		return errors.Join(err, end())
	}
	h := server.NewNode(server.NodeOptions{Fleet: n.local, Agent: n.cfg.AgentID, Ready: n.cfg.Ready,
		Logs: n.Logs(), Guard: n.guard(), Log: n.log})
	srv := web.NewHTTPServer(h, n.log)
	served := make(chan error, 1)
	go func() {
		served <- srv.Serve(l)
		cancel()
	}()
	n.cfg.Ready.Up(ready.NodeMetrics)
	n.log.Info("this node's own metrics", "url", "http://"+l.Addr().String()+"/metrics")
	err = n.Run(ctx)
	patience, done := context.WithTimeout(context.Background(), shutdownTimeout)
	defer done()
	if srv.Shutdown(patience) != nil { // a request is still being answered
		srv.Close()
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("node metrics: %w", e))
	}
	return errors.Join(err, end())
}

// listenLoopback listens on a TCP address. It returns an error for an address that is
// not a loopback one, because the node's /metrics asks for no token.
func listenLoopback(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("node metrics: %w; give --metrics another address, or none", err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		l.Close()
		return nil, fmt.Errorf("node metrics: %s is not a loopback address, and this page has no authentication: use "+
			"127.0.0.1:61091, or the relay's /fleet/metrics", address)
	}
	return l, nil
}
