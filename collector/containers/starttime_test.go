package containers

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daytwo/daytwo/bench/rig"
)

// early is how much earlier than it was a start may seem: the kernel reports the time of
// boot in whole seconds, and a process's start in hundredths of a second after that.
const early = 1100 * time.Millisecond

// startOf runs a container and returns the start that the Resolver reports of it, after a
// check that it lies between the moments before and after.
func startOf(t *testing.T, r *Resolver, e *rig.Engine) (*rig.Container, time.Time) {
	t.Helper()
	before := time.Now()
	c := e.Run(t, spec)
	after := time.Now()
	id := follow(t, r, c.Cgroup, func(id *Identity) bool { return id.Name == c.Name && id.Started > 0 })
	at := time.Unix(0, id.Started)
	if at.Before(before.Add(-early)) || at.After(after) {
		t.Errorf("started at %v, was run between %v and %v", at, before, after)
	}
	return c, at
}

// inspectedStart returns what the runtime's own command line reports as the start.
func inspectedStart(t *testing.T, e *rig.Engine, id string) time.Time {
	t.Helper()
	out, err := dockerCmd(e, "inspect", "-f", "{{json .State.StartedAt}}", id)
	if err != nil {
		t.Fatal(out, err)
	}
	at, err := time.Parse(`"`+time.RFC3339Nano+`"`, strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestStartDocker(t *testing.T) {
	d := rig.Docker(t)
	o := none()
	o.DockerHost = d.Socket
	r := start(t, o)
	connected(t, r, "docker")
	c, at := startOf(t, r, d)
	if want := inspectedStart(t, d, c.ID); !at.Equal(want) {
		t.Errorf("started at %v, docker inspect says %v", at, want)
	}
	before := time.Now()
	if out, err := dockerCmd(d, "restart", "-t", "0", c.ID); err != nil {
		t.Fatal(out, err)
	}
	within(t, 5*time.Second, "start after a restart", func() bool {
		return time.Unix(0, r.Resolve(c.Cgroup).Started).After(before)
	})
}

func TestStartPodman(t *testing.T) {
	d := rig.Podman(t)
	rig.Serve(t, d)
	o := none()
	o.ContainerHost = "unix://" + d.Socket
	r := start(t, o)
	c, at := startOf(t, r, d)
	if want := inspectedStart(t, d, c.ID); !at.Equal(want) {
		t.Errorf("started at %v, podman inspect says %v", at, want)
	}
}

func TestStartContainerd(t *testing.T) {
	d := rig.Containerd(t)
	o := none()
	o.ContainerdAddress = d.Socket
	r := start(t, o)
	connected(t, r, "containerd")
	c, at := startOf(t, r, d)
	if want := time.Unix(0, procfs("/proc").startedAt(c.PID)); !at.Equal(want) {
		t.Errorf("started at %v, its first process at %v", at, want)
	}
}

func TestStartRunc(t *testing.T) {
	d := rig.Runc(t)
	o := none()
	o.StateDirs = []string{d.RuncRoot}
	r := start(t, o)
	c, at := startOf(t, r, d)
	out, err := dockerCmd(d, "state", c.ID)
	if err != nil {
		t.Fatal(out, err)
	}
	var state struct{ Created time.Time }
	if err := json.Unmarshal([]byte(out), &state); err != nil {
		t.Fatal(err)
	}
	if !at.Equal(state.Created) {
		t.Errorf("started at %v, runc state says %v", at, state.Created)
	}
}

func TestStartCRI(t *testing.T) {
	d := rig.Containerd(t)
	o := none()
	o.CRIEndpoint = "unix://" + d.Socket
	r := start(t, o)
	connected(t, r, "cri")
	const uid = "0d7b6f9e-6a3c-4b1e-8a56-1f4f7d1c9a20"
	parent := "/kubepods/besteffort/pod" + uid
	before := time.Now()
	conn := newGRPC(r, d.Socket)
	pod := rig.RunPod(t, d, uid, parent, "exec sleep 1000")
	sandbox, container := pod.Sandbox, pod.Container
	after := time.Now()
	started := func(id *Identity) bool { return id.Started > 0 }
	for _, id := range []*Identity{follow(t, r, parent+"/"+sandbox, started),
		follow(t, r, parent+"/"+container, started)} {
		if at := time.Unix(0, id.Started); at.Before(before) || at.After(after) {
			t.Errorf("%s: started at %v, was run between %v and %v", id.Name, at, before, after)
		}
	}
	// What the runtime answers about the container itself, field by field.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var created, begun int64
	err := conn.call(ctx, criService+"ContainerStatus", "", appendString(nil, 1, container), func(b []byte) error {
		return fields(b, func(num protowire.Number, v []byte, _ uint64) {
			nested(v, func(field protowire.Number, _ []byte, n uint64) {
				switch {
				case num == 1 && field == 4:
					created = int64(n)
				case num == 1 && field == 5:
					begun = int64(n)
				}
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Resolve(parent + "/" + container).Started; got != begun || created == 0 || begun <= created {
		t.Errorf("started at %d, the runtime says created %d, started %d", got, created, begun)
	}
}

func TestUnixNano(t *testing.T) {
	for text, want := range map[string]int64{
		"2026-11-22T17:46:17.5Z":         time.Date(2026, 11, 22, 17, 46, 17, 5e8, time.UTC).UnixNano(),
		"2026-11-22T18:46:17.5+01:00":    time.Date(2026, 11, 22, 17, 46, 17, 5e8, time.UTC).UnixNano(),
		"0001-01-01T00:00:00Z":           0,
		"9999-01-01T00:00:00Z":           0,
		"":                               0,
		"yesterday":                      0,
		"1970-01-01T00:00:00.000000001Z": 1,
	} {
		if got := unixNano(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestProcessStart(t *testing.T) {
	before := time.Now()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	defer cmd.Wait()
	defer cmd.Process.Kill()
	at := time.Unix(0, procfs("/proc").startedAt(cmd.Process.Pid))
	if at.Before(before.Add(-early)) || at.After(after) {
		t.Errorf("started at %v, was run between %v and %v", at, before, after)
	}
	if got := procfs("/proc").startedAt(1 << 30); got != 0 {
		t.Errorf("start of a process that does not exist: %d", got)
	}
	if got := procfs(t.TempDir()).startedAt(1); got != 0 {
		t.Errorf("start of a process without procfs: %d", got)
	}
}
