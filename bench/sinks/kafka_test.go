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

// broker is one node of Kafka, which can be started again.
type broker struct {
	t       *testing.T
	libs    string
	config  string
	address string
	process *rig.Process
}

func startKafka(t *testing.T) *broker {
	t.Helper()
	libs := rig.Jars(t, "kafka", "org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-simple:1.7.36")
	dir := t.TempDir()
	address, controller := "127.0.0.1:"+port(t), "127.0.0.1:"+port(t)
	config := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`, address, controller, dir)
	b := &broker{t: t, libs: libs, config: filepath.Join(dir, "s.properties"), address: address}
	if err := os.WriteFile(b.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("java", "-Xmx128m", "-cp", libs+"/*", "kafka.tools.StorageTool", "format", "--standalone",
		"-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", b.config).CombinedOutput(); err != nil {
		t.Fatalf("format: %v: %s", err, out)
	}
	b.start()
	return b
}

func (b *broker) start() {
	b.t.Helper()
	b.process = rig.StartProcess(b.t, exec.Command("java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp", b.libs+"/*", "kafka.Kafka", b.config))
	rig.Eventually(b.t, 90*time.Second, func() error {
		c, err := kgo.NewClient(kgo.SeedBrokers(b.address))
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Second)
		defer cancel()
		return c.Ping(ctx)
	})
}

// read returns all records of a topic's partitions, once there are n.
func (b *broker) read(topic string, n int) (all []*kgo.Record) {
	b.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	for len(all) < n && ctx.Err() == nil {
		all = append(all, c.PollFetches(ctx).Records()...)
	}
	return all
}

func TestKafka(t *testing.T) {
	b := startKafka(t)
	c := &kafka.Config{Brokers: sink.StringList{b.address}, Topic: "logs"}
	s := open(t, c)
	if err := s.Test(t.Context()); err == nil || !strings.Contains(err.Error(), "UNKNOWN_TOPIC") {
		t.Errorf("a topic that is missing: %v", err)
	}
	if res := s.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 {
		t.Errorf("a topic that is missing: %+v", res)
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "logs", 3, 1
	create.Topics = append(create.Topics, topic)
	admin, err := kgo.NewClient(kgo.SeedBrokers(b.address))
	if err != nil {
		t.Fatal(err)
	}
	_, err = create.RequestWith(t.Context(), admin)
	admin.Close()
	if err != nil {
		t.Fatal(err)
	}
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

	got := b.read("logs", len(batch))
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
}
