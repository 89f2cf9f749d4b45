package origin

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// A command that daytwo run starts is identified by its endpoint and by its cgroup.
// Nothing of it is left when it ends.
func TestKernelRun(t *testing.T) {
	r := newFixture(t, Config{})
	socket := startAPI(t, r.table)
	job, _ := json.Marshal(sending{Network: "udp", Lines: []string{"own"}})
	shared, _ := json.Marshal(sending{Network: "udp", Address: fmt.Sprint("127.0.0.1:", r.udp.Port()),
		Lines: []string{"shared"}})
	var ids [2]string
	for i, job := range [][]byte{job, shared} {
		cmd := program(socket, "--name", "demo", "--label", "framework_name=f", "--", "/proc/self/exe")
		cmd.Env = append(cmd.Env, senderEnv+"="+string(job))
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "sent\n" {
			t.Fatalf("%v\n%s", err, out)
		}
		info := r.who(t, []string{"own", "shared"}[i])
		if info.Name != "demo" || info.Labels["framework_name"] != "f" || info.Cgroup != "/daytwo/"+info.ContainerID {
			t.Errorf("packet %d is of %+v", i, info)
		}
		if ids[i] = info.ContainerID; ids[i] == "" {
			t.Fatal("no container id")
		}
	}
	if ids[0] == ids[1] || len(r.table.Endpoints()) != 0 || len(groups(r.table, ids[:]...)) != 0 {
		t.Errorf("left behind: %v %v (%v)", r.table.Endpoints(), groups(r.table, ids[:]...), ids)
	}
}
