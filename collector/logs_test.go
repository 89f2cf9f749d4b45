package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/logrpc"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/containers"
)

const journalRemote = "/lib/systemd/systemd-journal-remote"

// journalOf writes a journal of lines that a container of Docker printed.
func journalOf(t *testing.T, container string, lines ...string) (dir string) {
	t.Helper()
	if _, err := exec.LookPath(journalRemote); err != nil {
		rig.Missing(t, journalRemote, err.Error(), "apt-get install systemd-journal-remote")
	}
	var export bytes.Buffer
	for i, l := range lines {
		fmt.Fprintf(&export, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\n_UID=0\n"+
			"_SYSTEMD_CGROUP=/docker/%s\nMESSAGE=%s\n\n", time.Now().UnixMicro()+int64(i), i+1, 7, container, l)
	}
	dir = t.TempDir()
	cmd := exec.Command(journalRemote, "--split-mode=none", "-o", filepath.Join(dir, "a.journal"), "-")
	cmd.Stdin = &export
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// The logs of a node come over NATS, with a node's permissions, and over its own HTTP
// routes with the token alone; what was sent is counted.
func TestLogs(t *testing.T) {
	container := strings.Repeat("ab", 32)
	quiet := slog.New(slog.DiscardHandler)
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Log: quiet,
		Users: []*natsserver.User{
			{Username: "node", Password: "node", Permissions: embedded.NodePermissions("default", "n1")},
			{Username: "relay", Password: "relay"},
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	data := t.TempDir()
	n, err := New(Config{DataDir: data, AgentID: "n1", NoBPF: true, Log: quiet,
		Logs: Logs{Dirs: []string{journalOf(t, container, "one", "two", "three")}},
		NATS: bus.ConnectOptions{URLs: srv.URL(), User: "node", Password: "node"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		n.Close(context.Background())
	}()

	conn, err := bus.Connect(bus.ConnectOptions{URLs: srv.URL(), User: "relay", Password: "relay"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, err := rpc.NewClient(conn, "default")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	remote := logrpc.NewNode(client, "n1")
	q := &query.LogQuery{Containers: []string{container[:8]}}
	var got []string
	rig.Eventually(t, time.Minute, func() error {
		got = nil
		r, err := remote.Entries(ctx, q)
		if err != nil {
			return err
		}
		defer r.Close()
		for {
			rec, err := r.Next(ctx)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if rec.Entry != nil {
				m, _ := rec.Entry.Get("MESSAGE")
				got = append(got, string(m)+" of "+rec.Entry.Origin.Tag("container_id")[:4])
			}
		}
	})
	if strings.Join(got, ", ") != "one of abab, two of abab, three of abab" {
		t.Errorf("got %q", got)
	}
	if _, err := remote.Entries(ctx, &query.LogQuery{Tasks: []string{"none"}}); !errors.Is(err, query.ErrNoSuchSource) {
		t.Errorf("a task that is not there gives %v", err)
	}

	h := server.NewNode(server.NodeOptions{Fleet: n.local, Agent: "n1", Logs: n.Logs(), Guard: n.guard()})
	ask := func(token string) (int, string) {
		r := httptest.NewRequest("GET", "http://127.0.0.1/api/v1/logs?grep=t[wh]&format=text", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	token, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := ask(strings.TrimSpace(string(token))); code != 200 || !strings.Contains(text, "two") ||
		!strings.Contains(text, "three") || strings.Contains(text, "one") {
		t.Errorf("%d: %s", code, text)
	}
	if code, _ := ask("x"); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", code)
	}
	rig.Eventually(t, time.Minute, func() (err error) {
		return errors.Join(n.Fleet().View("n1", func(b *frame.Batch) {
			v := b.Table(metric.Collector).Vals
			if v[metric.SelfLogEntries] < 5 || v[metric.SelfLogQueries] < 2 || v[metric.SelfLogStreams] != 0 {
				err = fmt.Errorf("%d entries, %d queries, %d streams are counted",
					v[metric.SelfLogEntries], v[metric.SelfLogQueries], v[metric.SelfLogStreams])
			}
		}), err)
	})
}

// What logs know of a container are its origin tags and the labels of its rows.
func TestLogIdentity(t *testing.T) {
	labels := []frame.Label{{Name: "image", Value: "nginx"}, {Name: "label.team", Value: "shop"},
		{Name: "task_name", Value: "web"}}
	i := logIdentity(&containers.Identity{ContainerID: "0123", Name: "box", Labels: labels})
	if i.Origin.Tag("container_id") != "0123" || i.Origin.Tag("task_name") != "web" || i.Name != "box" ||
		!slices.Equal(i.Labels, labels) {
		t.Errorf("%+v", i)
	}
}
