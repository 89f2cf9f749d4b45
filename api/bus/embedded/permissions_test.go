package embedded

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
)

// Each node has a credential; none may speak, answer or listen as another.
func TestNodePermissions(t *testing.T) {
	s := start(t, Options{Listen: "127.0.0.1:0", Users: []*server.User{
		{Username: "admin", Password: "pw"},
		{Username: "a", Password: "pw", Permissions: NodePermissions("c", "a")},
		{Username: "b", Password: "pw", Permissions: NodePermissions("c", "b")},
	}})
	admin := connect(t, bus.ConnectOptions{URLs: s.URL(), User: "admin", Password: "pw"})
	streamOf(t, admin, bus.Config{Cluster: "c", MaxBytes: 1 << 20})
	a := connect(t, bus.ConnectOptions{URLs: s.URL(), User: "a", Password: "pw", Agent: "a"})

	publish := func(subject string) error {
		msg, err := a.Request(subject, []byte("x"), 500*time.Millisecond)
		if err == nil && !strings.Contains(string(msg.Data), `"seq"`) {
			t.Errorf("%s: answer %s", subject, msg.Data)
		}
		return err
	}
	if err := publish(bus.Frames("c", "a", 16)); err != nil {
		t.Errorf("publishing as itself: %v", err)
	}
	for _, subject := range []string{
		bus.Frames("c", "b", 16), bus.Frames("d", "a", 16), bus.Logs("c", "b", 16),
		bus.RPC("c", "b", "exec"), "$JS.API.STREAM.NAMES",
	} {
		if err := publish(subject); err == nil {
			t.Errorf("a may publish on %s", subject)
		}
	}

	// It replies to what is asked of it once, streams as much as it likes ...
	if _, err := a.Subscribe(bus.RPC("c", "a", ">"), func(m *nats.Msg) {
		for range 3 {
			_ = m.Respond([]byte("here"))
		}
		for range 100 {
			_ = a.Publish(bus.ToClient("c", "a", "me", "1"), []byte("here"))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	inbox := admin.NewRespInbox()
	answers, err := admin.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := admin.SubscribeSync(bus.ToClient("c", "a", "me", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.PublishRequest(bus.RPC("c", "a", "logs"), inbox, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := stream.NextMsg(2 * time.Second); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if n, _, err := answers.Pending(); err != nil || n != bus.NodeReplies {
		t.Errorf("%d replies, %v; want %d", n, err, bus.NodeReplies)
	}
	// ... and hears nothing that is meant for another.
	for _, subject := range []string{
		bus.RPC("c", "b", ">"), bus.InboxPrefix("b") + ".>", "_INBOX.>", ">", bus.AllFrames("c"),
	} {
		sub, err := a.SubscribeSync(subject)
		if err != nil {
			continue
		}
		if err := a.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{
			bus.RPC("c", "b", "exec"), bus.InboxPrefix("b") + ".x", "_INBOX.x", bus.Frames("c", "b", 16),
		} {
			if err := admin.Publish(to, []byte("secret")); err != nil {
				t.Fatal(err)
			}
		}
		if err := admin.Flush(); err != nil {
			t.Fatal(err)
		}
		if m, err := sub.NextMsg(200 * time.Millisecond); err == nil {
			t.Errorf("a hears %s by subscribing to %s", m.Subject, subject)
		}
	}
}
