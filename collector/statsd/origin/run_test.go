package origin

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// program starts "daytwo run" with the path of a socket.
func program(socket string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{"run", "--socket", socket}, args...)...)
	cmd.Env = append(os.Environ(), programEnv+"=1", "DAYTWO_LOG=none")
	return cmd
}

// groups returns the cgroups of tasks that daytwo run has created.
func groups(tab *Table, ids ...string) (all []string) {
	for h := range tab.trees {
		for _, id := range ids {
			dir := filepath.Join(tab.trees[h].dir, "daytwo", id)
			if _, err := os.Stat(dir); err == nil && tab.trees[h].dir != "" {
				all = append(all, dir)
			}
		}
	}
	return all
}

// A command that daytwo run starts is identified by its endpoint and by its cgroup, also if
// its packet waits until the command has ended. Nothing of it is left when it ends.
func TestKernelRun(t *testing.T) {
	r := newFixture(t, Config{})
	socket := startAPI(t, r.table)
	shared := fmt.Sprint("127.0.0.1:", r.udp.Port())
	var ids []string
	for _, c := range []struct {
		data, address string // "": the task's own
		late          bool
	}{{"own", "", false}, {"shared", shared, false}, {"own late", "", true}, {"shared late", shared, true}} {
		job, _ := json.Marshal(sending{Network: "udp", Address: c.address, Lines: []string{c.data}})
		cmd := program(socket, "--name", "demo", "--label", "framework_name=f", "--", "/proc/self/exe")
		cmd.Env = append(cmd.Env, senderEnv+"="+string(job))
		if c.late {
			r.mu.Lock() // handle waits for it
		}
		out, err := cmd.CombinedOutput()
		if c.late {
			r.table.Containers(nil) // forgets which cgroups it has looked up
			r.mu.Unlock()
		}
		if err != nil || string(out) != "sent\n" {
			t.Fatalf("%v\n%s", err, out)
		}
		info := r.who(t, c.data)
		if info.Name != "demo" || info.Labels["framework_name"] != "f" || info.Cgroup != "/daytwo/"+info.ContainerID {
			t.Errorf("the packet %q is of %+v", c.data, info)
		}
		if info.ContainerID == "" || slices.Contains(ids, info.ContainerID) {
			t.Fatalf("the packet %q is of container %q, the ones before of %q", c.data, info.ContainerID, ids)
		}
		ids = append(ids, info.ContainerID)
	}
	if len(r.table.Endpoints()) != 0 || len(groups(r.table, ids...)) != 0 {
		t.Errorf("left behind: %v %v", r.table.Endpoints(), groups(r.table, ids...))
	}
	for _, id := range ids {
		r.table.Release(r.table.index.Load().byID[id])
	}
	if n := len(r.table.cgroups); n != 0 {
		t.Errorf("%d cgroups are still known after their origins were released", n)
	}
}
