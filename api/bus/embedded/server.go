package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/lockfile"
)

// Options of a Server. StoreDir is required; the zero value of every other field
// means its default.
type Options struct {
	StoreDir   string         // of JetStream
	Listen     string         // "host:port" (port 0: any); "" = connections in process only
	MaxPayload int            // bytes of a message; default the server's own, 1 MiB
	Users      []*server.User // who may connect; none = everybody, and Listen must then be a loopback address
	Log        *slog.Logger   // default slog.Default()
}

// Server is a NATS server with JetStream inside this process.
type Server struct {
	srv    *server.Server
	js     server.JetStreamConfig
	lock   *lockfile.Lock // of the store: two servers over one damage it
	log    *slog.Logger
	outage atomic.Uint64
	down   atomic.Pointer[error] // why nothing is stored, nil while all is well
	stop   chan struct{}
	done   sync.WaitGroup
}

// Start starts a server, and returns once it accepts connections.
func Start(o Options) (*Server, error) {
	if o.StoreDir == "" {
		return nil, errors.New("nats server: a store directory is needed")
	}
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	opts := &server.Options{
		ServerName:   "daytwo",
		NoSigs:       true, // signals are the program's
		DontListen:   o.Listen == "",
		MaxPayload:   int32(o.MaxPayload),
		JetStream:    true,
		StoreDir:     o.StoreDir,
		SyncInterval: time.Minute,
		Users:        o.Users,
	}
	if o.Listen != "" {
		if err := listenOn(opts, o.Listen, len(o.Users) > 0); err != nil {
			return nil, err
		}
	}
	lock, err := lockfile.Hold(o.StoreDir)
	if errors.Is(err, lockfile.ErrInUse) {
		return nil, fmt.Errorf("nats server: %w", err)
	} // else the server says what is wrong with its directory
	srv, err := server.NewServer(opts)
	if err != nil {
		lock.Release()
		return nil, fmt.Errorf("nats server: %w", err)
	}
	logger := &serverLog{log: log}
	srv.SetLoggerV2(logger, false, false, false)
	s := &Server{srv: srv, lock: lock, log: log, stop: make(chan struct{})}
	srv.Start()
	deadline := time.Now().Add(10 * time.Second)
	ready := false
	for !ready && !logger.failed() && time.Now().Before(deadline) {
		ready = srv.ReadyForConnections(200 * time.Millisecond)
	}
	if !ready || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		lock.Release()
		return nil, fmt.Errorf("nats server: did not start with store %s: %s", o.StoreDir, logger.lastError())
	}
	s.js = *srv.JetStreamConfig()
	s.js.StoreDir = o.StoreDir
	s.done.Go(s.watch)
	return s, nil
}

func listenOn(opts *server.Options, listen string, users bool) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("nats server: listen address %q: %w", listen, err)
	}
	ip := net.ParseIP(host)
	if !users && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("nats server: refusing to listen on %s without users: "+
			"use a loopback address, or a NATS server of your own with authentication", listen)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("nats server: listen address %q: bad port", listen)
	}
	opts.Host, opts.Port = host, int(n)
	if n == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}

// InProcessConn connects to the server without a socket. It makes a Server a
// bus.ConnectOptions.InProcess.
func (s *Server) InProcessConn() (net.Conn, error) { return s.srv.InProcessConn() }

// URL returns where the server listens; "" if in process only.
func (s *Server) URL() string {
	if s.srv.Addr() == nil {
		return ""
	}
	return s.srv.ClientURL()
}

// Outages returns how often JetStream stopped storing since the start, which in
// practice means a full disk.
func (s *Server) Outages() uint64 { return s.outage.Load() }

// Healthy reports whether JetStream stores what it receives.
func (s *Server) Healthy() bool { return s.trouble() == "" }

// Ready returns nil while JetStream stores what it is sent, as of the last second,
// else why it does not.
func (s *Server) Ready() error {
	if err := s.down.Load(); err != nil {
		return *err
	}
	return nil
}

// Close stops the server. What it has acknowledged is on disk.
func (s *Server) Close() {
	close(s.stop)
	s.done.Wait()
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	s.lock.Release()
}
