package credentials

import (
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A node's credential that was stolen can do what that node can, and nothing else.
func TestStolenCredential(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	urls := servers(t, c, 1)
	admin := connected(t, connect(t, c, urls[0], relay(t, c), ""))
	js, err := jetstream.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := bus.EnsureStream(t.Context(), js, bus.Config{Cluster: cluster, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), bus.Frames(cluster, "victim", 16), []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CreateOrUpdateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "relay"}); err != nil {
		t.Fatal(err)
	}
	thief := connected(t, connect(t, c, urls[0], enroll(t, c, "a", 0), "a"))

	t.Run("publishes as itself", func(t *testing.T) {
		for _, subject := range []string{bus.Frames(cluster, "a", 16), bus.Frames(cluster, "a", 7)} {
			if m, err := thief.Request(subject, []byte("x"), 5*time.Second); err != nil ||
				!strings.Contains(string(m.Data), `"seq"`) {
				t.Errorf("%s: %v", subject, err)
			}
		}
	})
	info := func() (uint64, int) {
		i, err := stream.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return i.State.Msgs, i.State.Consumers
	}
	messages, consumers := info()
	name := bus.FramesStream(cluster)
	t.Run("publishes", func(t *testing.T) {
		for _, subject := range []string{
			bus.Frames(cluster, "victim", 16), bus.Frames("other", "a", 16), bus.Logs(cluster, "victim", 16),
			bus.RPC(cluster, "victim", "logs"), bus.RPC(cluster, "a", "logs"), bus.Renew(cluster, "victim"),
			bus.ToNode(cluster, "victim", "c1", "s1"), bus.ToClient(cluster, "victim", "c1", "s1"),
			"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO." + name, "$JS.API.STREAM.PURGE." + name,
			"$JS.API.STREAM.DELETE." + name, "$JS.API.STREAM.MSG.GET." + name, "$JS.API.STREAM.MSG.DELETE." + name,
			"$JS.API.DIRECT.GET." + name, "$JS.API.DIRECT.GET." + name + ".x", "$JS.API.STREAM.UPDATE." + name,
			"$JS.API.STREAM.SNAPSHOT." + name, "$JS.API.STREAM.RESTORE." + name, "$JS.API.STREAM.CREATE.x",
			"$JS.API.CONSUMER.CREATE." + name, "$JS.API.CONSUMER.CREATE." + name + ".x",
			"$JS.API.CONSUMER.DURABLE.CREATE." + name + ".x", "$JS.API.CONSUMER.DELETE." + name + ".relay",
			"$JS.API.CONSUMER.NAMES." + name, "$JS.API.CONSUMER.MSG.NEXT." + name + ".relay",
			"$JS.ACK." + name + ".relay.1.1.1.1.0", "$JS.FC.x", "$KV.x.y", "$O.x",
			"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.INFO.x",
			bus.InboxPrefix("victim") + ".x", "_INBOX.x", ">", "*", "daytwo.v1.>",
		} {
			if m, err := thief.Request(subject, []byte("{}"), 150*time.Millisecond); err == nil {
				t.Errorf("%s is answered: %s", subject, m.Data)
			}
		}
		if m, n := info(); m != messages || n != consumers {
			t.Errorf("%d messages and %d consumers, there were %d and %d", m, n, messages, consumers)
		}
	})
	t.Run("listens", func(t *testing.T) {
		for _, subject := range []string{
			">", "daytwo.>", bus.AllFrames(cluster), bus.AllLogs(cluster), bus.RPC(cluster, "victim", ">"),
			bus.ToNode(cluster, "victim", "*", "*"), bus.ToClient(cluster, "victim", "*", "*"), "_INBOX.>",
			bus.InboxPrefix("victim") + ".>", "$JS.>", "$JS.EVENT.>", "$SYS.>", "$KV.>", "*.>",
		} {
			sub, err := thief.SubscribeSync(subject)
			if err != nil {
				continue
			}
			if err := thief.Flush(); err != nil {
				t.Fatal(err)
			}
			for _, to := range []string{
				bus.Frames(cluster, "victim", 16), bus.Logs(cluster, "victim", 16), bus.RPC(cluster, "victim", "logs"),
				bus.ToNode(cluster, "victim", "c1", "s1"), bus.ToClient(cluster, "victim", "c1", "s1"), "_INBOX.x",
				bus.InboxPrefix("victim") + ".x",
			} {
				if err := admin.Publish(to, []byte("secret")); err != nil {
					t.Fatal(err)
				}
			}
			if err := admin.Flush(); err != nil {
				t.Fatal(err)
			}
			if m, err := sub.NextMsg(150 * time.Millisecond); err == nil {
				t.Errorf("%s is heard by %s", m.Subject, subject)
			}
		}
	})
	t.Run("replies", func(t *testing.T) {
		// It may reply to what it is asked, but not for ever.
		sub, err := thief.Subscribe(bus.RPC(cluster, "a", ">"), func(m *nats.Msg) {
			for range 1000 {
				_ = m.Respond([]byte("x"))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sub.Unsubscribe() }()
		if err := thief.Flush(); err != nil {
			t.Fatal(err)
		}
		inbox := admin.NewRespInbox()
		answers, err := admin.SubscribeSync(inbox)
		if err != nil {
			t.Fatal(err)
		}
		if err := admin.PublishRequest(bus.RPC(cluster, "a", "logs"), inbox, nil); err != nil {
			t.Fatal(err)
		}
		n := 0
		for wait := 5 * time.Second; ; wait = 300 * time.Millisecond {
			if _, err := answers.NextMsg(wait); err != nil {
				break
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d replies to one request", n)
		}
	})
	t.Run("sends too much", func(t *testing.T) {
		if err := thief.Publish(bus.Frames(cluster, "a", 16), make([]byte, nodePayload+1)); err == nil {
			if err := thief.FlushTimeout(5 * time.Second); err == nil && thief.IsConnected() {
				t.Error("a message that is too large is taken")
			}
		}
	})
	t.Run("subscribes without end", func(t *testing.T) {
		many := connected(t, connect(t, c, urls[0], enroll(t, c, "many", 0), "many"))
		for range 2 * nodeSubscriptions {
			if _, err := many.SubscribeSync(bus.InboxPrefix("many") + ".x"); err != nil {
				return
			}
		}
		if err := many.FlushTimeout(5 * time.Second); err == nil && many.LastError() == nil {
			t.Error("subscriptions without bound")
		}
	})
}

// Whoever has no credential, or one of another cluster, does not come in.
func TestStrangers(t *testing.T) {
	t.Parallel()
	c, other := newCluster(t), newCluster(t)
	urls := servers(t, c, 1)
	for name, creds := range map[string][]byte{
		"another cluster's node":  enroll(t, other, "a", 0),
		"another cluster's relay": relay(t, other),
	} {
		nc := connect(t, c, urls[0], creds, "")
		time.Sleep(300 * time.Millisecond)
		if nc.IsConnected() {
			t.Error(name, "comes in")
		}
	}
	if nc, err := nats.Connect(urls[0], nats.RootCAs(c.path(CAFile))); err == nil {
		nc.Close()
		t.Error("one without a credential comes in")
	}
	if nc, err := nats.Connect(strings.Replace(urls[0], "tls://", "nats://", 1),
		nats.RootCAs(other.path(CAFile))); err == nil {
		nc.Close()
		t.Error("another cluster's authority is trusted")
	}
}

// A relay's credential that was stolen adds checkpoints of audit logs, and takes none away.
func TestStolenRelayKeepsCheckpoints(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	urls := servers(t, c, 1)
	thief := connected(t, connect(t, c, urls[0], relay(t, c), ""))
	js, err := jetstream.New(thief)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is there
		if _, err := bus.EnsureAuditStream(t.Context(), js, bus.Config{Cluster: cluster}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Publish(t.Context(), bus.Audit(cluster, "r1"), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	name := bus.AuditStream(cluster)
	for _, subject := range bus.AuditDenied(cluster) {
		if m, err := thief.Request(subject, []byte(`{"name":"`+name+`","seq":1}`), 300*time.Millisecond); err == nil {
			t.Errorf("%s is answered: %s", subject, m.Data)
		}
	}
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages", n)
	}
	// A node publishes none, for whichever relay.
	node := connected(t, connect(t, c, urls[0], enroll(t, c, "a", 0), "a"))
	for _, relay := range []string{"r1", "a"} {
		if m, err := node.Request(bus.Audit(cluster, relay), []byte("{}"), 300*time.Millisecond); err == nil {
			t.Errorf("a node's checkpoint of %s is taken: %s", relay, m.Data)
		}
	}
}
