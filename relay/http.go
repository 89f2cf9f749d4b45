package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/server/web"
)

// shutdown is how long serve waits at its end for requests in flight.
const shutdown = 5 * time.Second

// Run runs a relay and its HTTP API until ctx ends, then returns nil. It returns an
// error at once if the address, the token or the data directory cannot be used.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.defaults(); err != nil {
		return err
	}
	exposed, err := cfg.exposures()
	if err == nil {
		err = plaintext.Refuse(exposed, cfg.Insecure)
	}
	if err != nil {
		return err
	}
	plaintext.Warn(cfg.Log, exposed)
	cfg.Ready.Expect(ready.API, ready.Frames)
	access, err := cfg.openAccess()
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("HTTP API: %w; give --listen another address", err), access.close())
	}
	if access.tls != nil {
		l = tls.NewListener(l, access.tls.Config())
	}
	local, err := cfg.listenLocal()
	if err != nil {
		return errors.Join(fmt.Errorf("HTTP API: %w", err), l.Close(), access.close())
	}
	listeners := []net.Listener{l}
	if local != nil {
		listeners = append(listeners, local)
	}
	r, err := New(cfg)
	if err != nil {
		return errors.Join(err, closeAll(listeners), access.close())
	}
	if access.points != nil {
		if err := access.points.Use(r.conn); err != nil {
			return errors.Join(err, closeAll(listeners), r.Close(), access.close())
		}
	}
	o := server.Options{
		Fleet: r.Fleet(), History: r.History(), Logs: r.Logs(), Gate: access.gate, Policy: access.policy,
		Agent: cfg.Agent, Cluster: cfg.Cluster, Version: cfg.Version,
		Ready: cfg.Ready, Log: cfg.Log,
		Metrics: append([]func(io.Writer){r.WriteMetrics, r.logs.WriteMetrics, access.writeMetrics,
			func(w io.Writer) { plaintext.WriteMetrics(w, exposed) }}, cfg.Metrics...),
	}
	o.OIDC, o.Public = access.oidc, access.public
	if access.signIn != nil {
		o.SignIn, o.Audit, o.Checkpoints = access.signIn, access.record, access.points.Read
	}
	if o.Audit != nil {
		s, err := r.openSessions(o.Audit)
		if err != nil {
			return errors.Join(err, closeAll(listeners), r.Close(), access.close())
		}
		o.Sessions, o.Approvals, o.Metrics = s, s, append(o.Metrics, s.WriteMetrics)
	}
	if r.enrollment != nil {
		o.Enrollment = r.enrollment
	}
	if r.sinks != nil {
		o.Sinks = r.sinks
		o.Metrics = append(o.Metrics, r.sinks.WriteMetrics)
	}
	h, err := server.New(o)
	if err != nil {
		return errors.Join(err, closeAll(listeners), r.Close(), access.close())
	}
	return errors.Join(r.serve(ctx, listeners, h, access), access.close())
}

// exposures returns what others on the network can do with what the relay listens on and connects
// to.
func (c *Config) exposures() ([]plaintext.Exposure, error) {
	all := plaintext.Listen(c.Listen, c.Access.Certificate != "")
	if c.Conn != nil {
		return all, nil
	}
	nats, err := c.NATS.Exposures()
	return append(all, nats...), err
}

// serve runs the relay and its HTTP server. When one of them ends, it ends the other.
func (r *Relay) serve(ctx context.Context, listeners []net.Listener, h http.Handler, a *access) error {
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	a.run(ctx, beside.Go)
	if len(a.remotes) > 0 {
		r.cfg.Ready.Add(ready.Keys, a.ready)
	}
	srv := web.NewHTTPServer(h, r.cfg.Log)
	srv.ConnContext = gate.ConnContext
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() {
			err := srv.Serve(l)
			cancel()
			ended <- err
		}()
	}
	r.cfg.Ready.Up(ready.API)
	r.cfg.Log.Info("HTTP API is up", "address", listeners[0].Addr().String(),
		"relay_id", r.cfg.ID, "cluster", r.cfg.Cluster)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		patience, done := context.WithTimeout(context.Background(), shutdown)
		defer done()
		err := srv.Shutdown(patience)
		if err != nil { // a request is still running
			err = srv.Close()
		}
		stopped <- err
	}()
	r.work(ctx)
	err := <-stopped
	for range listeners {
		if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, fmt.Errorf("HTTP API: %w", end))
		}
	}
	// The log's last checkpoint needs the connection that r closes.
	return errors.Join(err, a.close(), r.Close())
}

func closeAll(listeners []net.Listener) (err error) {
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// guard returns a guard that accepts the API's token, which it reads or creates.
func (c *Config) guard() (*auth.Guard, error) {
	var token string
	var err error
	switch {
	case c.TokenFile != "":
		if st, err := os.Stat(c.TokenFile); err == nil && st.Mode().Perm()&0o004 != 0 {
			return nil, fmt.Errorf("everybody can read the token in %s: chmod 600 it if nobody has, else replace it",
				c.TokenFile)
		}
		token, err = auth.Source{File: c.TokenFile}.Find()
	case c.DataDir != "":
		token, err = auth.EnsureToken(c.DataDir, c.Log)
	default:
		return nil, errors.New("the HTTP API requires a token: give a data directory to keep one in, or a token file")
	}
	if err != nil {
		return nil, err
	}
	g, err := auth.NewGuard(token)
	if err != nil {
		return nil, fmt.Errorf("token in %s: %w", c.tokenPath(), err)
	}
	return g, nil
}

func (c *Config) tokenPath() string {
	if c.TokenFile != "" {
		return c.TokenFile
	}
	return filepath.Join(c.DataDir, auth.TokenFile)
}
