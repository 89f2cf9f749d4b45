package containers

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// none returns Options that use no runtime of this machine.
func none() Options {
	return Options{DockerHost: "-", ContainerHost: "-", ContainerdAddress: "-", CRIEndpoint: "-", StateDirs: []string{},
		Log: slog.New(slog.DiscardHandler)}
}

// start runs a Resolver until the test ends.
func start(t testing.TB, o Options) *Resolver {
	t.Helper()
	r := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// within calls f until it returns true, and fails the test after d.
func within(t testing.TB, d time.Duration, what string, f func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > d {
			t.Fatalf("not within %v: %s", d, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

// follow resolves a path repeatedly, as the collector does, until the identity has a
// name. It fails the test if that takes more than a second.
func follow(t testing.TB, r *Resolver, path string, ok func(*Identity) bool) *Identity {
	t.Helper()
	var id *Identity
	took := within(t, time.Second, "identity of "+path, func() bool {
		id = r.Resolve(path)
		return ok(id)
	})
	t.Logf("%s known after %v", path, took.Round(time.Millisecond))
	return id
}

func connected(t testing.TB, r *Resolver, runtime string) {
	t.Helper()
	within(t, 10*time.Second, runtime+" connected", func() bool {
		for _, s := range r.Status() {
			if s.Runtime == runtime && s.Connected {
				return true
			}
		}
		return false
	})
}

func wantLabels(t testing.TB, id *Identity, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got := id.Label(k); got != v {
			t.Errorf("label %s = %q, want %q", k, got, v)
		}
	}
	for i, l := range id.Labels {
		if l.Value == "" || l.Name == "" || i > 0 && id.Labels[i-1].Name >= l.Name {
			t.Errorf("labels not sorted or one empty: %v", id.Labels)
		}
	}
}

func dockerCmd(d *rig.Engine, args ...string) (string, error) {
	b, err := exec.Command(d.Bin[0], append(d.Bin[1:len(d.Bin):len(d.Bin)], args...)...).CombinedOutput()
	return string(b), err
}
