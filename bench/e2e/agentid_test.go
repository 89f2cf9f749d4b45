package e2e

import (
	"testing"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// hideMachineID leaves a program without a machine id (machine-id(5)).
const hideMachineID = `
for f in /etc/machine-id /var/lib/dbus/machine-id; do
	[ ! -e $f ] || mount --bind /dev/null $f
done`

// Where the machine has no id, the node keeps the one that it made for itself, over
// kill -9 too; another data directory gets another one.
func TestAgentIDIsKept(t *testing.T) {
	t.Parallel()
	idOf := func(d *rig.Daytwo) string {
		t.Helper()
		var answer struct{ Agents []v1.Agent }
		d.Relay.MustInto(t, "/api/v1/agents", &answer)
		if len(answer.Agents) != 1 {
			t.Fatalf("%d agents, want 1: %+v", len(answer.Agents), answer.Agents)
		}
		return answer.Agents[0].AgentID
	}
	o := rig.Options{Mounts: hideMachineID, Args: []string{"--no-bpf"}}
	d := rig.StartReady(t, o)
	first := idOf(d)
	d.Kill()
	d.Restart(t)
	if again := idOf(d); again != first {
		t.Errorf("after a restart the agent is %s, was %s", again, first)
	}
	d.Stop(t)
	if other := idOf(rig.StartReady(t, o)); other == first {
		t.Errorf("two data directories have the same agent %s", other)
	}
}
