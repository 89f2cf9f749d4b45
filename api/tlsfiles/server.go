package tlsfiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/regularfile"
)

// Interval is how often files are read: a replaced certificate is served after this time.
const Interval = 5 * time.Second

// maxFile bounds each file, bytes.
const maxFile = 4 << 20

// Options of NewServer. Certificate and Key are required.
type Options struct {
	Certificate string // file with the chain in PEM, the server's own certificate first
	Key         string // file with its private key in PEM, which only its owner may read
	ClientCA    string // file with the authorities whose client certificates are accepted; "" for none

	Interval time.Duration // default Interval
	Log      *slog.Logger  // default slog.Default()
}

// Server is the TLS side of a listener. It is safe for concurrent use.
type Server struct {
	o Options

	mu      sync.Mutex
	config  *tls.Config
	expiry  time.Time // of the certificate that is served
	sum     [sha256.Size]byte
	err     error // of the last reading that changed something
	reloads uint64
	fails   uint64
}

// NewServer reads the files. It returns an error that says what to do if they cannot be
// used.
func NewServer(o Options) (*Server, error) {
	if o.Interval == 0 {
		o.Interval = Interval
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{o: o}
	f, err := s.read()
	if err != nil {
		return nil, err
	}
	if time.Now().After(f.expiry) {
		return nil, fmt.Errorf("the certificate in %s expired on %s", o.Certificate, f.expiry.UTC().Format(time.DateOnly))
	}
	s.config, s.expiry, s.sum = f.config, f.expiry, f.sum
	return s, nil
}

// Config returns the configuration of a listener. Each handshake uses the newest files.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.config, nil
		},
	}
}

// Run reads the files again at each interval until ctx ends.
func (s *Server) Run(ctx context.Context) {
	t := time.NewTicker(s.o.Interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.reload()
		}
	}
}

// files is what a reading gave.
type files struct {
	config *tls.Config
	expiry time.Time
	sum    [sha256.Size]byte
}

// read reads all files.
func (s *Server) read() (*files, error) {
	certificate, err := regularfile.Read(s.o.Certificate, maxFile)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	key, mode, err := regularfile.ReadMode(s.o.Key, maxFile)
	if err != nil {
		return nil, fmt.Errorf("TLS key: %w", err)
	}
	if mode&0o007 != 0 {
		return nil, fmt.Errorf("TLS key: everybody can read %s: chmod 600 %s", s.o.Key, s.o.Key)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s and key %s: %w", s.o.Certificate, s.o.Key, err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair},
	}
	var authorities []byte
	if s.o.ClientCA != "" {
		if authorities, err = regularfile.Read(s.o.ClientCA, maxFile); err != nil {
			return nil, fmt.Errorf("TLS client authorities: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("TLS client authorities: %s has no certificate in PEM", s.o.ClientCA)
		}
		// Clients without a certificate may have a token instead.
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	sum := sha256.Sum256(bytes.Join([][]byte{certificate, key, authorities}, []byte{0}))
	return &files{config, pair.Leaf.NotAfter, sum}, nil
}

// reload reads the files again, and serves them if they are good and new.
func (s *Server) reload() {
	f, err := s.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if s.err == nil || s.err.Error() != err.Error() {
			s.err = err
			s.fails++
			s.o.Log.Error("cannot use the new TLS files; the certificate of before is still served",
				"err", err, "expires", s.expiry.UTC())
		}
		return
	}
	s.err = nil
	if f.sum == s.sum {
		return
	}
	s.config, s.expiry, s.sum = f.config, f.expiry, f.sum
	s.reloads++
	s.o.Log.Info("serve a new TLS certificate", "path", s.o.Certificate, "expires", s.expiry.UTC())
}

// Err returns why the newest files are not served: nil if they are.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Expiry returns when the certificate that is served expires.
func (s *Server) Expiry() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expiry
}

// WriteMetrics writes the metrics of the files in the text format.
func (s *Server) WriteMetrics(w io.Writer) {
	s.mu.Lock()
	expiry, reloads, fails := s.expiry, s.reloads, s.fails
	s.mu.Unlock()
	// An error means that the client is gone.
	_, _ = fmt.Fprintf(w, "# HELP daytwo_tls_certificate_expiry_seconds When the certificate that is served expires.\n"+
		"# TYPE daytwo_tls_certificate_expiry_seconds gauge\n"+
		"daytwo_tls_certificate_expiry_seconds %d\n"+
		"# HELP daytwo_tls_reloads_total Readings of changed TLS files.\n"+
		"# TYPE daytwo_tls_reloads_total counter\n"+
		"daytwo_tls_reloads_total{result=\"ok\"} %d\n"+
		"daytwo_tls_reloads_total{result=\"error\"} %d\n", expiry.Unix(), reloads, fails)
}
