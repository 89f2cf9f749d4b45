package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for Kafka.
type Config struct {
	Brokers     sink.StringList `yaml:"brokers"` // HOST:PORT
	Topic       string          `yaml:"topic"`
	Key         string          `yaml:"key"`         // "container" (default: else the unit, else the program) or "agent"
	Compression string          `yaml:"compression"` // zstd (default), lz4, snappy, gzip, none
	MaxMessage  sink.Bytes      `yaml:"max_message"` // as the topic's max.message.bytes; default 1000000
	SASL        string          `yaml:"sasl"`        // "", plain, scram-sha-256, scram-sha-512
	User        string          `yaml:"user"`
	Password    sink.File       `yaml:"password_file"`
	TLS         *sink.TLS       `yaml:"tls"`
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if len(c.Brokers) == 0 || c.Topic == "" {
		return errors.New("kafka: give brokers and topic")
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return fmt.Errorf("kafka: brokers: %q is not HOST:PORT: %w", b, err)
		}
	}
	if c.Key == "" {
		c.Key = "container"
	}
	if c.Compression == "" {
		c.Compression = "zstd"
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1_000_000
	}
	if c.Key != "container" && c.Key != "agent" {
		return fmt.Errorf("kafka: key: %q is neither container nor agent", c.Key)
	}
	if c.MaxMessage < 16<<10 || c.MaxMessage > 512<<20 {
		return errors.New("kafka: max_message: give a size between 16KiB and 512MiB")
	}
	if _, ok := codecs[c.Compression]; !ok {
		return fmt.Errorf("kafka: compression: %q is none of zstd, lz4, snappy, gzip, none", c.Compression)
	}
	if c.SASL != "" && c.User == "" {
		return errors.New("kafka: sasl: give user and password_file, too")
	}
	if _, err := c.mechanism(); err != nil {
		return err
	}
	return c.Password.Check("kafka: password_file")
}

var codecs = map[string]kgo.CompressionCodec{
	"zstd": kgo.ZstdCompression(), "lz4": kgo.Lz4Compression(), "snappy": kgo.SnappyCompression(),
	"gzip": kgo.GzipCompression(), "none": kgo.NoCompression(),
}

// Limits implements sinks.Type.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 5000, Bytes: 4 << 20, Wait: 500 * time.Millisecond}
}

// Target implements sinks.Type.
func (c *Config) Target() string { return c.Brokers[0] + " topic " + c.Topic }

// mechanism returns how to authenticate, nil for not at all. The password is read for each
// connection.
func (c *Config) mechanism() (sasl.Mechanism, error) {
	auth := func(context.Context) (scram.Auth, error) {
		password, err := c.Password.Read()
		return scram.Auth{User: c.User, Pass: password}, err
	}
	switch c.SASL {
	case "":
		return nil, nil
	case "plain":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := c.Password.Read()
			return plain.Auth{User: c.User, Pass: password}, err
		}), nil
	case "scram-sha-256":
		return scram.Sha256(auth), nil
	case "scram-sha-512":
		return scram.Sha512(auth), nil
	}
	return nil, fmt.Errorf("kafka: sasl: %q is none of plain, scram-sha-256, scram-sha-512", c.SASL)
}

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID("daytwo"), kgo.DefaultProduceTopic(c.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(codecs[c.Compression]),
		kgo.ProducerBatchMaxBytes(int32(c.MaxMessage)), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.UnknownTopicRetries(1), // RecordDeliveryTimeout counts from a record's own time, which is old
		kgo.MaxBufferedRecords(200_000),
	}
	if c.TLS != nil {
		cfg, err := c.TLS.Config()
		if err != nil {
			return nil, fmt.Errorf("kafka: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(cfg))
	}
	m, err := c.mechanism()
	if err != nil {
		return nil, err
	}
	if m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	dials := new(dials)
	return &topic{cfg: c, opts: append(opts, kgo.WithHooks(dials)), dials: dials}, nil
}

// dials remembers why the last connection to a broker failed: the client only logs it.
type dials struct{ last atomic.Pointer[error] }

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (d *dials) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	d.last.Store(&err)
}

// err returns why the last connection failed, nil if it did not.
func (d *dials) err() error {
	if err := d.last.Load(); err != nil {
		return *err
	}
	return nil
}

// deliverWithin is how long the client tries to deliver a record before Write reports it.
const deliverWithin = 20 * time.Second

// topic is a sink.
type topic struct {
	cfg    *Config
	opts   []kgo.Opt
	dials  *dials
	client *kgo.Client // nil before the first use and after an error
	enc    sink.Encoder
}

func (t *topic) connect() error {
	if t.client != nil {
		return nil
	}
	c, err := kgo.NewClient(t.opts...)
	if err == nil {
		t.client = c
	}
	return err
}

// Close implements sink.Sink.
func (t *topic) Close() error {
	if t.client != nil {
		t.client.Close()
		t.client = nil
	}
	return nil
}

// Test implements sink.Sink: it asks the brokers for the topic.
func (t *topic) Test(ctx context.Context) error {
	probe := &topic{cfg: t.cfg, opts: t.opts}
	if err := probe.connect(); err != nil {
		return err
	}
	defer probe.Close()
	if err := probe.client.Ping(ctx); err != nil {
		return fmt.Errorf("no broker responds: %w", err)
	}
	ask := kmsg.NewPtrMetadataRequest()
	name := kmsg.NewMetadataRequestTopic()
	name.Topic = &t.cfg.Topic
	ask.Topics = append(ask.Topics, name)
	answer, err := ask.RequestWith(ctx, probe.client)
	if err != nil {
		return err
	}
	for _, topic := range answer.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			return fmt.Errorf("topic %s: %w", t.cfg.Topic, err)
		}
	}
	return nil
}

// Write implements sink.Sink.
func (t *topic) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	if err := t.connect(); err != nil {
		return sink.RetryAll(len(batch), err)
	}
	records := make([]*kgo.Record, len(batch))
	for i, r := range batch {
		records[i] = &kgo.Record{
			Key: []byte(t.key(r)), Value: t.enc.Append(nil, r), Timestamp: r.Time(),
			Headers: []kgo.RecordHeader{{Key: "id", Value: []byte(r.ID)}, {Key: "agent", Value: []byte(r.Agent)}},
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	errs := make([]error, len(batch))
	done := make(chan struct{})
	left := make(chan struct{}, len(batch))
	for i := range records {
		t.client.Produce(ctx, records[i], func(_ *kgo.Record, err error) {
			errs[i] = err
			left <- struct{}{}
		})
	}
	go func() {
		for range records {
			<-left
		}
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done(): // records on their way cannot be called back: another client begins anew
		go t.client.Close()
		t.client = nil
		return sink.RetryAll(len(batch), fmt.Errorf("not produced in time: %w", cmp.Or(t.dials.err(), ctx.Err())))
	}
	var res sink.Result
	for i, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
			res.TooLarge = append(res.TooLarge, i)
			res.Err = err
		case errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.CorruptMessage):
			res.Refused = append(res.Refused, sink.Refusal{Index: i, Reason: "invalid_record", Detail: err.Error()})
		default:
			res.Retry = append(res.Retry, i)
			res.Err = err
		}
	}
	if len(res.Retry) > 0 { // an idempotent producer may not go on after some errors
		_ = t.Close()
	}
	return res
}

// key returns the key of a record: records with the same key keep their order.
func (t *topic) key(r *sink.Record) string {
	if t.cfg.Key == "agent" {
		return r.Agent
	}
	for _, name := range []string{r.Container(), r.Unit(), r.Identifier()} {
		if name != "" {
			return r.Agent + "/" + name
		}
	}
	return r.Agent
}
