package enter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// spec is runc's configuration of a container.
type spec map[string]any

func (s spec) object(name string) spec { return spec(s[name].(map[string]any)) }

// bundle starts a container of runc whose configuration is runc's default, changed. run is
// "run -d", or "create".
func bundle(t testing.TB, change func(spec), run ...string) *rig.Container {
	t.Helper()
	e := rig.Runc(t)
	id := rig.UniqueName("b")
	dir := filepath.Join(t.TempDir(), id)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	runc := func(args ...string) {
		t.Helper()
		cmd := rigCommand(append(append(e.Bin[:len(e.Bin):len(e.Bin)], "--log", dir+"/log"), args...)...)
		if err := cmd.Run(); err != nil {
			log, _ := os.ReadFile(dir + "/log")
			t.Fatalf("runc %v: %v\n%s", args, err, log)
		}
	}
	runc("spec", "--bundle", dir)
	b, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var s spec
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	s["root"] = map[string]any{"path": e.Dir + "/rootfs"}
	p := s.object("process")
	p["terminal"], p["args"], p["env"] = false, []string{"/bin/sleep", "1000"}, []string{"PATH=/bin"}
	if change != nil {
		change(s)
	}
	if b, err = json.Marshal(s); err == nil {
		err = os.WriteFile(dir+"/config.json", b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(run) == 0 {
		run = []string{"run", "-d"}
	}
	runc(append(run, "--bundle", dir, "--pid-file", dir+"/pid", id)...)
	t.Cleanup(func() {
		runc("delete", "--force", id)
		rig.RemoveCgroup("/" + id)
	})
	pid, err := os.ReadFile(dir + "/pid")
	if err != nil {
		t.Fatal(err)
	}
	c := &rig.Container{ID: id, Name: id, Engine: e, Cgroup: "/" + id}
	if c.PID, err = strconv.Atoi(strings.TrimSpace(string(pid))); err != nil {
		t.Fatal(err)
	}
	return c
}

// inUserNamespace gives a container a user namespace with 65536 ids from 100000 on.
func inUserNamespace(s spec) {
	l := s.object("linux")
	l["namespaces"] = append(l["namespaces"].([]any), map[string]any{"type": "user"})
	m := []any{map[string]any{"containerID": 0, "hostID": 100000, "size": 65536}}
	l["uidMappings"], l["gidMappings"] = m, m
}

// copyRoot gives a container a root directory of its own, and returns it.
func copyRoot(t testing.TB, s spec) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "rootfs")
	if out, err := rigCommand("cp", "-a", s.object("root")["path"].(string), root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s["root"] = map[string]any{"path": root}
	return root
}

func itoa(n int) string { return strconv.Itoa(n) }
