package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// A task is followed by its name as soon as 'daytwo run --detach' has started it, although no
// tick has it yet, from its first line to its end.
func TestFollowTaskJustStarted(t *testing.T) {
	t.Parallel()
	program := rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		rig.StartJournald(t, "")
		d := rig.Up(t, "--interval", "2s", "--no-bpf")
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		name := rig.UniqueName("job")
		run := exec.CommandContext(ctx, program, "run", "--socket", filepath.Join(d.Data, launch.SocketName), "--detach",
			"--name", name, "--", "sh", "-c", "sleep 4; echo line")
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		follow := exec.CommandContext(ctx, program, "task", "log", "-f", name, "--url", d.Relay.URL, "--token", d.Relay.Token)
		if out, err := follow.Output(); err != nil || string(out) != "line\n" {
			t.Errorf("%v: %q", err, out)
		}
		d.Stop(t)
	})
}
