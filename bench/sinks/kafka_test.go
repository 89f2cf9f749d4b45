package sinks

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/kafka"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// broker is one node of Kafka. Each of its listeners tells clients an address of its own.
type broker struct {
	*target
	faulty    string // listens behind a proxy for faults
	encrypted string // listens behind one with TLS
	sasl      string // wants a user
}

// kafkaNode returns a node that tells of two proxies.
func kafkaNode(t testing.TB, faulty, encrypted func(backend string) string) *broker {
	t.Helper()
	libs := rig.Jars(t, "kafka", "org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-simple:1.7.36")
	dir := t.TempDir()
	b := &broker{faulty: rig.FreePort(t), encrypted: rig.FreePort(t), sasl: rig.FreePort(t)}
	b.target = &target{t: t, name: "kafka", config: "kafka: {brokers: [\"%s\"], topic: every}", address: rig.FreePort(t)}
	config := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=%[2]s
listeners=PLAINTEXT://%[1]s,FAULTY://%[4]s,ENCRYPTED://%[5]s,USERS://%[6]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s,FAULTY://%[7]s,ENCRYPTED://%[8]s,USERS://%[6]s,CONTROLLER://%[2]s
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,FAULTY:PLAINTEXT,ENCRYPTED:PLAINTEXT,\
  USERS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
listener.name.users.sasl.enabled.mechanisms=PLAIN
listener.name.users.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
  user_shipper="hush";
log.dirs=%[3]s/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`, b.address, rig.FreePort(t), dir, b.faulty, b.encrypted, b.sasl, faulty(b.faulty), encrypted(b.encrypted))
	path := filepath.Join(dir, "s.properties")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b.command = func() *exec.Cmd {
		return exec.Command("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
			"-cp", libs+"/*", "kafka.Kafka", path)
	}
	b.ready = func() error {
		c, err := kgo.NewClient(kgo.SeedBrokers(b.address))
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return c.Ping(ctx)
	}
	b.target.read = func() (all []got) {
		for _, r := range b.records("every", time.Second) {
			all = append(all, documents(t, append(r.Value, '\n'))...)
		}
		return all
	}
	if out, err := exec.Command("java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", libs+"/*", "kafka.tools.StorageTool",
		"format", "--standalone", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", path).CombinedOutput(); err != nil {
		t.Fatalf("format: %v: %s", err, out)
	}
	return b
}

// create creates a topic with three partitions.
func (b *broker) create(name string) {
	b.t.Helper()
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 3, 1
	create.Topics = append(create.Topics, topic)
	admin, err := kgo.NewClient(kgo.SeedBrokers(b.address))
	if err != nil {
		b.t.Fatal(err)
	}
	defer admin.Close()
	if _, err := create.RequestWith(b.t.Context(), admin); err != nil {
		b.t.Fatal(err)
	}
}

// records returns all records of a topic: nothing follows for some time.
func (b *broker) records(topic string, quiet time.Duration) (all []*kgo.Record) {
	b.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	for {
		ctx, cancel := context.WithTimeout(b.t.Context(), quiet)
		got := c.PollFetches(ctx).Records()
		cancel()
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

// testKafka is what no other receiver has: topics, keys and partitions, and users.
func testKafka(t *testing.T, b *broker) {
	c := &kafka.Config{Brokers: sink.StringList{b.address}, Topic: "logs"}
	s := open(t, c)
	if err := s.Test(t.Context()); err == nil || !strings.Contains(err.Error(), "UNKNOWN_TOPIC") {
		t.Errorf("a topic that is missing: %v", err)
	}
	if res := s.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 {
		t.Errorf("a topic that is missing: %+v", res)
	}
	b.create("logs")
	rig.Eventually(t, 20*time.Second, func() error { return s.Test(t.Context()) })
	batch := append(testlog.Records(0, 1000), testlog.Odd()...)
	delivered(t, s.Write(t.Context(), batch))
	// L-A18: a record above the broker's limit is told apart from the others.
	large := []*sink.Record{testlog.Record(3000, "a"), testlog.Record(3001, strings.Repeat("0123456789", 300_000)),
		testlog.Record(3002, "b")}
	uncompressed := open(t, &kafka.Config{Brokers: c.Brokers, Topic: "logs", Compression: "none"})
	if res := uncompressed.Write(t.Context(), large); len(res.TooLarge) != 1 || res.TooLarge[0] != 1 ||
		len(res.Retry) > 0 {
		t.Errorf("3 MB: %+v", res)
	}
	batch = append(batch, large[0], large[2])

	b.process.Signal(syscall.SIGSTOP) // it hangs
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	if res := s.Write(ctx, testlog.Records(4000, 3)); len(res.Retry) != 3 {
		t.Errorf("a broker that hangs: %+v", res)
	}
	cancel()
	b.process.Signal(syscall.SIGCONT)
	b.process.Kill()
	b.start()
	rig.Eventually(t, 40*time.Second, func() error { return s.Write(t.Context(), testlog.Records(4000, 3)).Err })
	batch = append(batch, testlog.Records(4000, 3)...)

	got := b.records("logs", 3*time.Second)
	seen, partition, last := map[string]int{}, map[string]int32{}, map[string]int64{}
	for _, r := range got {
		var d struct{ ID string }
		if err := json.Unmarshal(r.Value, &d); err != nil || string(r.Headers[0].Value) != d.ID {
			t.Errorf("%v: %.200s", err, r.Value)
		}
		seen[d.ID]++
		key := string(r.Key)
		if p, ok := partition[key]; ok && p != r.Partition {
			t.Errorf("the key %s is in two partitions", key)
		}
		partition[key] = r.Partition
		if key == "node-1/web-1" && seen[d.ID] == 1 && r.Timestamp.UnixMicro() < last[key] {
			t.Errorf("out of order at offset %d", r.Offset)
		}
		last[key] = r.Timestamp.UnixMicro()
	}
	again := 0
	for _, r := range batch {
		if seen[r.ID] == 0 {
			t.Errorf("%s is missing", r.ID)
		}
		again += seen[r.ID] - 1
	}
	if len(partition) < 2 || again > 3 { // those on their way while the broker hung
		t.Errorf("keys %v, %d records twice", partition, again)
	}
	with := kafka.Config{Brokers: sink.StringList{b.sasl}, Topic: "logs", SASL: "plain", User: "shipper"}
	right, wrong := with, with
	right.Password, wrong.Password = sink.File(secret(t, "hush")), sink.File(secret(t, "other"))
	delivered(t, open(t, &right).Write(t.Context(), testlog.Records(5000, 3)))
	if err := open(t, &wrong).Test(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "SASL_AUTHENTICATION_FAILED") {
		t.Errorf("a wrong password: %v", err)
	}
}
