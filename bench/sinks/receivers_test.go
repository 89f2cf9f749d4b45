package sinks

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// receivers are one of each kind, each behind a proxy that makes faults, with what was
// published for them so far.
type receivers struct {
	*stream
	all       []*target
	proxies   map[*target]*rig.Proxy
	kafka     *broker
	elastic   *target
	relay     *rig.Daytwo
	published []*sink.Record
	lines     int // of load
	authority *rig.Authority
	tlsKafka  string // address of Kafka with TLS
}

// Every kind of receiver, the real one, gets logs from a relay by way of NATS: what arrives
// is compared byte by byte, also after faults. They are started once for all tests.
func TestReceivers(t *testing.T) {
	t.Parallel() // it waits most of the time
	r := &receivers{stream: newStream(t), proxies: map[*target]*rig.Proxy{}, authority: rig.NewAuthority(t)}
	r.kafka = kafkaNode(t, func(backend string) string {
		p := rig.NewProxy(t, backend)
		r.proxies[nil] = p
		return p.Address
	}, func(backend string) string {
		r.tlsKafka = rig.NewTLSProxy(t, backend, r.authority.Issue("127.0.0.1", time.Now().Add(time.Hour)), "").Address
		return r.tlsKafka
	})
	r.proxies[r.kafka.target] = r.proxies[nil]
	delete(r.proxies, nil)
	r.elastic = opensearch(t)
	r.all = []*target{r.kafka.target, r.elastic, redisServer(t), rsyslogd(t),
		victoriaLogs(t, "victorialogs", `loki: {url: "http://%s/insert/loki/api/v1/push"}`)}
	for _, g := range collectors(t) {
		r.all = append(r.all, g)
	}
	var work sync.WaitGroup
	for _, g := range r.all {
		if r.proxies[g] == nil {
			r.proxies[g] = rig.NewProxy(t, g.address)
		}
		work.Go(g.start)
	}
	work.Wait()
	r.kafka.create("every")

	var config strings.Builder
	config.WriteString("sinks:\n")
	for _, g := range r.all {
		timeout := "3s"
		if g.name == "hec" { // this one takes seconds for an event of 4 MiB
			timeout = "15s"
		}
		fmt.Fprintf(&config, "  - name: %s\n    timeout: %s\n    retry: {min: 20ms, max: 200ms}\n"+
			"    batch: {records: 200, wait: 20ms}\n", g.name, timeout)
		config.WriteString(indent(fmt.Sprintf(g.config, r.proxies[g].Address), "    "))
	}
	r.relay = r.stream.relay(t, config.String())

	t.Run("LA14", func(t *testing.T) { testLA14OpenSearch(t, "http://"+r.elastic.address) })
	t.Run("LA18", r.testLargeRecord)
	t.Run("Faults", r.testFaults)
	t.Run("TLS", r.testTLS)
	t.Run("Kafka", func(t *testing.T) { testKafka(t, r.kafka) })
}

func (r *receivers) send(records ...*sink.Record) {
	r.publish(records...)
	r.published = append(r.published, records...)
}

// L-A18: a record of 5 MiB among 1,000 small ones, and all those of which others lose some.
// Where the receiver takes it, it is whole, else cut and marked; the others are whole.
func (r *receivers) testLargeRecord(t *testing.T) {
	const largeLine = 2000
	r.send(testlog.Odd()...)
	r.send(testlog.Records(largeLine-500, 500)...)
	large := testlog.Record(largeLine, randomText(5<<20))
	r.send(large)
	r.send(testlog.Records(largeLine+1, 500)...)
	whole := map[string]bool{"opensearch": true, "redis": true, "forward": true}
	for _, g := range r.all {
		t.Run(g.name, func(t *testing.T) {
			r.settled(t, g)
			for _, x := range r.arrived(t, g) {
				if x.id != large.ID {
					continue
				}
				t.Logf("of %d bytes %d arrived", 5<<20, len(x.message))
				if whole[g.name] && (x.cut || len(x.message) != 5<<20) ||
					!whole[g.name] && (!x.cut || !bytes.HasPrefix(large.Message(), x.message) || len(x.message) < 7000) {
					t.Errorf("it has %d bytes, and says that it was cut: %v", len(x.message), x.cut)
				}
			}
		})
	}
}

// settled waits until a sink has delivered all that was published.
func (r *receivers) settled(t *testing.T, g *target) {
	t.Helper()
	until(t, r.relay, g.name, 90*time.Second, func(s v1.Sink) bool {
		return s.State == "running" && int(s.Delivered) >= len(r.published) && len(s.Refused) == 0 && s.DeadLost == 0
	})
}

// arrived returns what a receiver has, without what came again, and fails unless that is all
// that was published, each whole or marked, in order.
func (r *receivers) arrived(t *testing.T, g *target) (first []got) {
	t.Helper()
	want := map[string]*sink.Record{}
	for _, p := range r.published {
		want[p.ID] = p
	}
	var seen map[string]bool
	again := 0
	rig.Eventually(t, 30*time.Second, func() error { // some write what they have a little later
		seen, first, again = map[string]bool{}, nil, 0
		for _, x := range g.read() {
			if seen[x.id] {
				again++
				continue
			}
			seen[x.id] = true
			first = append(first, x)
		}
		if len(first) < len(want) {
			return fmt.Errorf("%d records of %d", len(first), len(want))
		}
		return nil
	})
	if len(first) != len(want) {
		t.Errorf("%d records, want %d", len(first), len(want))
	}
	bad := 0
	for i, x := range first {
		p := want[x.id]
		if p == nil {
			t.Fatalf("%q was never published: %.100q", x.id, x.message)
		}
		if g.orders && p != r.published[i] {
			t.Fatalf("record %d is %.40q, want %.40q", i, p.Text(), r.published[i].Text())
		}
		if !x.cut && !bytes.Equal(x.message, g.expect(p)) {
			if bad++; bad < 5 {
				t.Errorf("%.60q (%d bytes) arrived as %.60q (%d bytes)", p.Text(), len(p.Text()), x.message, len(x.message))
			}
		}
	}
	t.Logf("%d records, %d of them again", len(first), again)
	return first
}

// randomText returns text that does not compress.
func randomText(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + r.IntN(90))
	}
	return string(b)
}

// testFaults delivers under load while networks and receivers fail in every way, and while
// receivers are killed.
func (r *receivers) testFaults(t *testing.T) {
	stop := r.load(t)
	for _, f := range []rig.Fault{rig.Hang, rig.Nonsense, rig.Mute, rig.Slow, rig.Cut} {
		r.each(func(_ *target, p *rig.Proxy) { p.Set(f) })
		time.Sleep(time.Second)
		r.each(func(g *target, _ *rig.Proxy) {
			if f != rig.Slow && f != rig.Cut && !(f == rig.Hang && g.name == "hec") {
				until(t, r.relay, g.name, 30*time.Second, func(s v1.Sink) bool { return s.State == "failing" && s.Error != "" })
			}
		})
		r.each(func(_ *target, p *rig.Proxy) { p.Set(rig.Pass); p.Drop() })
		time.Sleep(time.Second)
	}
	var work sync.WaitGroup
	r.each(func(g *target, _ *rig.Proxy) {
		work.Go(func() {
			g.end()
			until(t, r.relay, g.name, 30*time.Second, func(s v1.Sink) bool { return s.State == "failing" && s.Error != "" })
			g.start()
		})
	})
	work.Wait()
	stop()
	for _, g := range r.all {
		t.Run(g.name, func(t *testing.T) {
			r.settled(t, g)
			r.arrived(t, g)
		})
	}
}

// load publishes a thousand lines a second until the function that it returns is called.
func (r *receivers) load(t *testing.T) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(50 * time.Millisecond):
				r.lines += 50
				r.send(testlog.Records(10_000+r.lines, 50)...)
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(end)
		<-ended
	})
	t.Cleanup(stop)
	return stop
}

// each calls f for each receiver that acknowledges: what another one has under way when it
// fails is lost.
func (r *receivers) each(f func(*target, *rig.Proxy)) {
	for _, g := range r.all {
		if !g.noAcks {
			f(g, r.proxies[g])
		}
	}
}
