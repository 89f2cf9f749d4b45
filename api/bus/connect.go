package bus

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/api/setting"
)

// ConnectOptions are the address of the NATS server and the credentials for it. The zero
// value of a field means its default.
type ConnectOptions struct {
	URLs        string // comma-separated; default nats.DefaultURL
	Name        string // of this connection, which the server's monitoring shows
	Agent       string // id of a node, which then receives replies in its own inboxes (InboxPrefix)
	Credentials string // file with a user JWT and its NKey seed
	User        string
	Password    string
	Token       string
	CA          string       // file with the certificates to trust; default the system's
	Cert, Key   string       // files with the client certificate and its key
	Insecure    bool         // allow connections over the network without TLS or authentication
	Log         *slog.Logger // default slog.Default()

	// InProcess, if set, is a server in this process. The connection then uses no
	// socket, and ignores URLs.
	InProcess nats.InProcessConnProvider
}

// Connect returns a connection that reconnects without limit. An unreachable server is
// not an error; invalid options are. While disconnected, publishing fails at once, since
// nothing is buffered.
func Connect(o ConnectOptions) (*nats.Conn, error) {
	opts, err := o.options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(o.urls(), opts...)
	if err != nil {
		return nil, fmt.Errorf("nats %s: %w", plaintext.Redacted(o.urls()), err)
	}
	return nc, nil
}

func (o *ConnectOptions) urls() string {
	if o.URLs == "" {
		return nats.DefaultURL
	}
	return o.URLs
}

// Exposures returns what others on the network can do with the connection.
func (o *ConnectOptions) Exposures() ([]plaintext.Exposure, error) {
	if o.InProcess != nil {
		return nil, nil
	}
	return plaintext.Client{URLs: o.urls(), TLS: o.tls(),
		Authenticated: o.Credentials != "" || o.User != "" || o.Token != "" || o.Cert != ""}.Exposures()
}

// tls reports whether the connection has TLS whatever the URLs say.
func (o *ConnectOptions) tls() bool { return o.CA != "" || o.Cert != "" }

// onlyLoopback reports whether all URLs are of this machine, without TLS. Such a server may
// advertise others, which are not, and to which the connection must not go.
func (o *ConnectOptions) onlyLoopback() bool {
	urls, err := plaintext.ParseURLs(o.urls())
	return err == nil && o.InProcess == nil && !o.tls() && !o.Insecure &&
		!slices.ContainsFunc(urls, func(u *url.URL) bool { return u.Scheme == "tls" || !setting.IsLoopback(u.Hostname()) })
}

func (o *ConnectOptions) options() ([]nats.Option, error) {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.IgnoreAuthErrorAbort(), // keep trying: a credential may be corrected on the server
		nats.ReconnectBufSize(-1),
		nats.PingInterval(20 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(nc *nats.Conn) { log.Info("nats connected", "url", nc.ConnectedUrlRedacted()) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("nats reconnected", "url", nc.ConnectedUrlRedacted()) }),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				log.Warn("nats connection lost", "err", err)
			}
		}),
		nats.ReconnectErrHandler(newRepeats(log, "nats cannot be reached").report),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			if s != nil {
				log.Warn("nats error", "subject", s.Subject, "err", err)
			} else {
				log.Warn("nats error", "err", err)
			}
		}),
	}
	exposed, err := o.Exposures()
	if err == nil {
		err = plaintext.Refuse(exposed, o.Insecure)
	}
	if err != nil {
		return nil, err
	}
	if o.onlyLoopback() {
		opts = append(opts, nats.IgnoreDiscoveredServers())
	}
	if o.InProcess != nil {
		opts = append(opts, nats.InProcessServer(o.InProcess))
	}
	if o.Agent != "" {
		opts = append(opts, nats.CustomInboxPrefix(InboxPrefix(o.Agent)))
	}
	if o.Credentials != "" {
		if err := checkSecret(o.Credentials); err != nil {
			return nil, fmt.Errorf("nats credentials: %w", err)
		}
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.Token != "" {
		opts = append(opts, nats.Token(o.Token))
	}
	if o.CA != "" {
		opts = append(opts, nats.RootCAs(o.CA))
	}
	if (o.Cert == "") != (o.Key == "") {
		return nil, fmt.Errorf("nats: a client certificate requires both a certificate file and a key file")
	}
	if o.Cert != "" {
		if _, err := tls.LoadX509KeyPair(o.Cert, o.Key); err != nil {
			return nil, fmt.Errorf("nats client certificate: %w", err)
		}
		if err := checkSecret(o.Key); err != nil {
			return nil, fmt.Errorf("nats client certificate: %w", err)
		}
		opts = append(opts, nats.ClientCert(o.Cert, o.Key))
	}
	return opts, nil
}

// checkSecret returns an error for a file that is not there, or that everybody can read.
func checkSecret(path string) error {
	st, err := os.Stat(path)
	if err == nil && st.Mode().Perm()&0o004 != 0 {
		err = fmt.Errorf("everybody can read %s: chmod 600 %s", path, path)
	}
	return err
}

// repeats logs a recurring error at most once a minute.
type repeats struct {
	log  *slog.Logger
	msg  string
	last time.Time
}

func newRepeats(log *slog.Logger, msg string) *repeats { return &repeats{log: log, msg: msg} }

// report logs err, unless it has logged another within the last minute. Only the
// connection's reconnecting goroutine calls it.
func (r *repeats) report(_ *nats.Conn, err error) {
	if now := time.Now(); now.Sub(r.last) >= time.Minute {
		r.last = now
		r.log.Warn(r.msg, "err", err)
	}
}
