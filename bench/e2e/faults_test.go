package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// TestUsage expects a clear error and status 2 for an invalid configuration.
func TestUsage(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "c.yaml")
	f := func(want string, args ...string) {
		t.Helper()
		out, err := exec.Command(rig.Binary(t), args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v, want status 2 and %q:\n%s", args, err, want, out)
		}
	}
	f("interval", "up", "--interval", "1ms")
	f("--intervall", "up", "--intervall", "1s")
	f("unknown command", "upp")
	f("listen", "up", "--listen", "nowhere")
	f("loopback", "collector", "--metrics", "0.0.0.0:61091")
	f("agent-id", "up", "--agent-id", "a b")
	os.WriteFile(config, []byte("intervall: 5s\n"), 0o644)
	f("intervall", "up", "--config", config)
	os.WriteFile(config, []byte("interval: [\n"), 0o644)
	f("yaml", "up", "--config", config)
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	taken := strings.TrimPrefix(rig.Up(t, "--no-bpf").Relay.URL, "http://")
	args := []string{"up", "--no-bpf", "--data", t.TempDir(), "--listen", taken, "--metrics", "none", "--statsd", "none"}
	out, err := exec.Command(rig.Binary(t), args...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "--listen") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// TestWithoutRights runs as nobody: the program reads what it can, and names the
// capabilities that it lacks.
func TestWithoutRights(t *testing.T) {
	t.Parallel()
	rig.NeedRoot(t, "running as another user")
	data := t.TempDir()
	for d := data; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	const nobody = 65534
	if err := os.Chown(data, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	d := rig.StartReady(t, rig.Options{Data: data, UserID: nobody})
	body := d.Node.MustGet(t, "/metrics")
	for _, want := range []string{"node_load1", "container_cpu_usage_seconds_total",
		`daytwo_collector_part_reader{part="cpu",reader="files"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s for nobody", want)
		}
	}
	doctor := exec.Command(rig.Binary(t), "doctor", "--data", data)
	doctor.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := doctor.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "CAP_BPF") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	d.Stop(t)
}

func TestWithoutBPF(t *testing.T) {
	t.Parallel()
	body := rig.Up(t, "--no-bpf").Node.MustGet(t, "/metrics")
	if !strings.Contains(body, `daytwo_collector_part_reader{part="memory",reader="files"`) ||
		!strings.Contains(body, `container_memory_usage_bytes{`) {
		t.Error("the files do not serve without BPF")
	}
}

// TestWithoutHierarchy hides the cgroup filesystems: the host is still read.
func TestWithoutHierarchy(t *testing.T) {
	t.Parallel()
	d := rig.StartReady(t, rig.Options{Mounts: "umount -l /sys/fs/cgroup || true"})
	body := d.Node.MustGet(t, "/metrics")
	if !strings.Contains(body, "node_load1") || strings.Contains(body, "container_cpu_usage") {
		t.Error("want the host's metrics and none of cgroups")
	}
	if !strings.Contains(d.Log(), "no cgroup hierarchy") {
		t.Errorf("it did not say so:\n%s", d.Log())
	}
	d.Stop(t)
}

// TestWithoutBTF hides the kernel's types: cgroups are read from files.
func TestWithoutBTF(t *testing.T) {
	t.Parallel()
	d := rig.StartReady(t, rig.Options{Program: "collector", Args: []string{"--nats", "none"},
		Mounts: "mount -t tmpfs none /sys/kernel/btf"})
	rig.Eventually(t, rig.Ready, func() error {
		body, err := d.Node.Get("/metrics")
		if err == nil && !strings.Contains(string(body), `daytwo_collector_part_reader{part="cpu",reader="files",reason="`) {
			err = errors.New("nothing says that files are read, and why")
		}
		return err
	})
	if !strings.Contains(d.Log(), "BTF") {
		t.Errorf("it did not say what it lacks:\n%s", d.Log())
	}
	d.Stop(t)
}

// TestFullDisk fills the disk of --data: the program continues with what is in memory.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	rig.SmallDisk(t, data, "8m")
	d := rig.StartReady(t, rig.Options{Data: data, Args: []string{"--interval", "200ms", "--no-bpf"}})
	relay := d.Relay
	for i, size := 0, 1<<20; size > 0; i++ { // until no byte fits
		if os.WriteFile(filepath.Join(data, "fill"+string(rune('a'+i%26))+strings.Repeat("x", i/26)), make([]byte, size),
			0o644) != nil {
			size /= 2
		}
	}
	// The node's own metrics need no disk, and count what went wrong with it.
	rig.Eventually(t, 20*time.Second, func() error {
		for line := range strings.Lines(d.Node.MustGet(t, "/metrics")) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if (name == "daytwo_collector_publish_errors_total" || name == "daytwo_collector_frames_dropped_total") &&
				value != "0" {
				t.Logf("%s %s", name, value)
				return nil
			}
		}
		return errors.New("neither an error of publishing nor a dropped frame is counted")
	})
	if !d.Running() {
		t.Fatal("a full disk ended it")
	}
	rig.Eventually(t, 20*time.Second, func() error {
		_, err := relay.Get("/readyz")
		if err == nil || !strings.Contains(err.Error(), `{"part":"NATS server","reason":"nothing is stored`) {
			return fmt.Errorf("/readyz: %v, want that NATS stores nothing", err)
		}
		return nil
	})
	before, err := newest(relay)
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(data, "fill*"))
	for _, f := range files {
		os.Remove(f)
	}
	rig.Eventually(t, 30*time.Second, func() error { _, err := relay.Get("/readyz"); return err })
	past(t, relay, before.Seq, 30*time.Second) // with room on the disk ticks arrive again
	if said := d.Log(); !strings.Contains(said, "no space left") && !strings.Contains(said, "insufficient") &&
		!strings.Contains(said, "disk") {
		t.Errorf("nothing was said of the disk:\n%s", said)
	}
	d.Stop(t)
}
