package collector

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/rpc"
)

func TestDoctorLooksAtEverything(t *testing.T) {
	data := t.TempDir()
	checks, err := Doctor(context.Background(), Config{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]rpc.State{}
	for _, c := range checks {
		state[c.Name] = c.State
		if c.State == rpc.Fail && c.Fix == "" {
			t.Errorf("%s fails and nothing is said of what to do: %s", c.Name, c.Detail)
		}
	}
	for _, name := range []string{"agent id", "rights", "kernel", "cgroups", "reading cpu", "reading memory.stat", "open files", "data directory", "runtime docker"} {
		if state[name] == "" {
			t.Errorf("no check of %s", name)
		}
	}
	if left, _ := os.ReadDir(data); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	f := func(c rpc.Check, want rpc.State, detail string) {
		t.Helper()
		if c.State != want || !strings.Contains(c.Detail, detail) || c.Fix == "" {
			t.Errorf("%+v, want %s with %q and a fix", c, want, detail)
		}
	}
	f(checkData("/proc/daytwo"), rpc.Fail, "/proc")
	f(checkAgentID(Config{AgentID: "a b", DataDir: t.TempDir()}), rpc.Fail, "a b")
	f(checkAgentID(Config{AgentID: "a", Interval: 1, DataDir: t.TempDir()}), rpc.Fail, "interval")
}
