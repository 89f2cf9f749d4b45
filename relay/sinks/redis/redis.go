package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// The client's own log lines say what the errors of Write say.
func init() { redis.SetLogger(silent{}) }

type silent struct{}

// Printf implements the client's logger.
func (silent) Printf(context.Context, string, ...any) {}

// Config is the configuration of a sink for Redis.
type Config struct {
	Addresses sink.StringList `yaml:"addresses"` // HOST:PORT; several are a cluster, or with master the sentinels
	Master    string          `yaml:"master"`    // name that the sentinels know
	Key       string          `yaml:"key"`       // of the list; default logstash
	DB        int             `yaml:"db"`
	User      string          `yaml:"user"`
	Password  sink.File       `yaml:"password_file"`
	TLS       *sink.TLS       `yaml:"tls"`
	// MaxLength is the number of entries from which on nothing is pushed until the reader
	// of the list has taken some; 0 for no bound.
	MaxLength int64 `yaml:"max_length"`
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if len(c.Addresses) == 0 {
		return errors.New("redis: addresses: give HOST:PORT")
	}
	for _, a := range c.Addresses {
		if !strings.Contains(a, ":") {
			return fmt.Errorf("redis: addresses: %q has no port: give HOST:PORT", a)
		}
	}
	if c.Key == "" {
		c.Key = "logstash"
	}
	if c.MaxLength < 0 || c.DB < 0 {
		return errors.New("redis: max_length and db must not be negative")
	}
	return c.Password.Check("redis: password_file")
}

// Limits implements sinks.Type. A record is one bulk string, which Redis takes up to its
// proto-max-bulk-len, 512 MB by default.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 1000, Bytes: 4 << 20, Record: 64 << 20, Wait: 500 * time.Millisecond}
}

// Target implements sinks.Type.
func (c *Config) Target() string { return strings.Join(c.Addresses, ",") + " list " + c.Key }

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	o := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.Master, DB: c.DB, ClientName: "daytwo",
		// What repeats a pipeline pushes some records twice: Write says which ones failed.
		MaxRetries: -1, DialTimeout: 10 * time.Second, PoolSize: 2,
		ContextTimeoutEnabled: true, DisableIdentity: true,
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			password, err := c.Password.Read()
			return c.User, password, err
		},
	}
	if c.TLS != nil {
		var err error
		if o.TLSConfig, err = c.TLS.Config(); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	return &list{cfg: c, client: redis.NewUniversalClient(o), enc: sink.Encoder{Version: true}}, nil
}

// list is a sink.
type list struct {
	cfg    *Config
	client redis.UniversalClient
	enc    sink.Encoder
}

// Close implements sink.Sink.
func (l *list) Close() error { return l.client.Close() }

// Test implements sink.Sink.
func (l *list) Test(ctx context.Context) error {
	kind, err := l.client.Type(ctx, l.cfg.Key).Result()
	if err == nil && kind != "none" && kind != "list" {
		err = fmt.Errorf("the key %q holds a %s, not a list: give another key", l.cfg.Key, kind)
	}
	return err
}

// Write implements sink.Sink: one push a record in one pipeline, so that each has a fate
// of its own. Whatever Redis answers instead of the list's length (OOM, LOADING, READONLY,
// MISCONF, NOAUTH, …) is about its state and not about the record: it is tried again.
func (l *list) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	if most := l.cfg.MaxLength; most > 0 {
		n, err := l.client.LLen(ctx, l.cfg.Key).Result()
		if err == nil && n >= most {
			err = fmt.Errorf("the list %q has %d entries, its bound is %d (max_length): is it read?", l.cfg.Key, n, most)
		}
		if err != nil {
			return sink.RetryAll(len(batch), err)
		}
	}
	pipe := l.client.Pipeline()
	pushes := make([]*redis.IntCmd, len(batch))
	for i, r := range batch {
		pushes[i] = pipe.RPush(ctx, l.cfg.Key, l.enc.Append(nil, r))
	}
	_, err := pipe.Exec(ctx)
	if err == nil {
		return sink.Result{}
	}
	var res sink.Result
	for i, p := range pushes {
		if p.Err() != nil || p.Val() == 0 { // a push that succeeded has a length
			res.Retry = append(res.Retry, i)
			res.Err = errors.Join(p.Err())
		}
	}
	if res.Err == nil && len(res.Retry) > 0 {
		res.Err = err
	}
	return res
}
