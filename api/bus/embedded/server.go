package embedded

import (
	"crypto/tls"
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
	"github.com/daytwo/daytwo/api/plaintext"
)

// Options of a Server. StoreDir is required; the zero value of every other field
// means its default.
type Options struct {
	StoreDir   string         // JetStream's directory
	Listen     string         // "host:port" (port 0: any free port); "" for connections in this process only
	MaxPayload int            // largest message, bytes; default the server's own, 1 MiB
	Users      []*server.User // who may connect; if empty, everybody
	TLS        *tls.Config    // of Listen, nil for none
	Insecure   bool           // Listen need not be a loopback address without Users and TLS
	Log        *slog.Logger   // default slog.Default()

	// Config is a configuration in NATS' own form, such as credentials.ServerConfig: of who may
	// connect and how. The fields above go before it.
	Config string
}

// Server is a NATS server with JetStream in this process.
type Server struct {
	srv  *server.Server
	js   server.JetStreamConfig
	lock *lockfile.Lock // of the store, which two servers would damage
	log  *slog.Logger
	down atomic.Pointer[error] // the reason why JetStream stores nothing, nil while it does
	stop chan struct{}
	done sync.WaitGroup
}

// Start starts a server, and returns once it accepts connections.
func Start(o Options) (*Server, error) {
	if o.StoreDir == "" {
		return nil, errors.New("nats server: a store directory is required")
	}
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	opts := new(server.Options)
	if o.Config != "" {
		if err := opts.ProcessConfigString(o.Config); err != nil {
			return nil, fmt.Errorf("nats server: %w", err)
		}
	}
	opts.ServerName = "daytwo"
	opts.NoSigs = true // the program handles signals
	opts.DontListen = o.Listen == ""
	opts.MaxPayload = int32(o.MaxPayload)
	opts.JetStream, opts.StoreDir, opts.SyncInterval = true, o.StoreDir, time.Minute
	opts.Users = o.Users
	if o.Listen != "" {
		users, overTLS := len(o.Users) > 0 || len(opts.TrustedOperators) > 0, o.TLS != nil || opts.TLSConfig != nil
		err := plaintext.Refuse(plaintext.NATSListener(o.Listen, overTLS, users), o.Insecure)
		if err == nil {
			err = listenOn(opts, &o)
		}
		if err != nil {
			return nil, err
		}
	}
	lock, err := lockfile.Hold(o.StoreDir)
	if errors.Is(err, lockfile.ErrInUse) {
		return nil, fmt.Errorf("nats server: %w", err)
	} // other errors are left to the server, which reports what is wrong with its directory
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

// tlsTimeout is how long the server waits for a client's part of the handshake.
const tlsTimeout = 5 * time.Second

// listenOn sets the address on which the server listens.
func listenOn(opts *server.Options, o *Options) error {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("nats server: listen address %q: %w", o.Listen, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("nats server: listen address %q: bad port", o.Listen)
	}
	opts.Host, opts.Port = host, int(n)
	if o.TLS != nil {
		opts.TLS, opts.TLSConfig, opts.TLSTimeout = true, o.TLS, tlsTimeout.Seconds()
	}
	if n == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}

// InProcessConn connects to the server without a socket, for
// bus.ConnectOptions.InProcess.
func (s *Server) InProcessConn() (net.Conn, error) { return s.srv.InProcessConn() }

// URL returns the URL on which the server listens; "" if it accepts connections in this
// process only.
func (s *Server) URL() string {
	if s.srv.Addr() == nil {
		return ""
	}
	return s.srv.ClientURL()
}

// Ready returns nil while JetStream stores messages, else the reason why it does not. The
// state is up to a second old.
func (s *Server) Ready() error {
	if err := s.down.Load(); err != nil {
		return *err
	}
	return nil
}

// Close stops the server. All messages that it has acknowledged are on disk.
func (s *Server) Close() {
	close(s.stop)
	s.done.Wait()
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	s.lock.Release()
}
