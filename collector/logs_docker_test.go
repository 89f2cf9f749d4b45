package collector

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// What a container of Docker prints, with its default driver, is found by the container's
// name while it runs, and by a collector that began after it had ended.
func TestLogsOfDocker(t *testing.T) {
	docker := rig.Docker(t)
	t.Setenv("DOCKER_HOST", "unix://"+docker.Socket)
	start := func() (*Node, func()) {
		n, err := New(Config{DataDir: t.TempDir(), AgentID: "n1", NoBPF: true, NoPublish: true,
			Logs: Logs{Dirs: []string{t.TempDir()}}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- n.Run(ctx) }()
		return n, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			n.Close(context.Background())
		}
	}
	find := func(n *Node, name string, want ...string) {
		t.Helper()
		rig.Eventually(t, time.Minute, func() error {
			got, err := messages(t.Context(), n.Logs(), &query.LogQuery{Tasks: []string{name}, Tail: true, Limit: 10})
			if err == nil && !slices.Equal(got, want) {
				err = fmt.Errorf("got %q, want %q", got, want)
			}
			return err
		})
	}
	n, stop := start()
	c := docker.Run(t, rig.Spec{Cmd: []string{"sh", "-c",
		"echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; sleep 1000"}})
	find(n, c.Name, "one", "two", "three")
	stop()
	if err := syscall.Kill(c.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	n, stop = start()
	defer stop()
	find(n, c.Name, "one", "two", "three")
}

// messages returns the messages of a query's entries.
func messages(ctx context.Context, logs query.Logs, q *query.LogQuery) (all []string, err error) {
	r, err := logs.Entries(ctx, q)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		switch {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, err
		case rec.Event != nil:
			return nil, fmt.Errorf("event %+v", rec.Event)
		case rec.Entry != nil:
			m, _ := rec.Entry.Get("MESSAGE")
			all = append(all, string(m))
		}
	}
}
