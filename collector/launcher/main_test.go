package launcher

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// If the first variable is set, the test binary runs as the program daytwo. The second
// variable is the container id of its task.
const (
	programEnv = "LAUNCHER_TEST_PROGRAM"
	idEnv      = "LAUNCHER_TEST_ID"
)

func TestMain(m *testing.M) {
	if status, is := Helper(); is {
		os.Exit(status)
	}
	if os.Getenv(programEnv) != "" {
		os.Unsetenv(programEnv)
		os.Exit(cli.Main(os.Args[1:], cli.Programs{Version: "test",
			Run: func(ctx context.Context, t cli.Task) (int, error) {
				if id := os.Getenv(idEnv); id != "" {
					return (&order{id, Task(t)}).run(ctx, func() {})
				}
				return Run(ctx, Task(t))
			}}))
	}
	code := rig.Main(m)
	for _, dir := range taskCgroups("") { // Rmdir fails if there are other tasks in dir
		unix.Rmdir(dir)
	}
	os.Exit(code)
}

// taskCgroups returns the directories of a task's cgroups in all hierarchies, or their
// parents for the id "".
func taskCgroups(id string) (all []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/daytwo", "/sys/fs/cgroup/*/daytwo"} {
		found, _ := filepath.Glob(filepath.Join(pattern, id))
		for _, dir := range found {
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				all = append(all, dir)
			}
		}
	}
	return all
}

// api is a collector's launch API; its table holds the endpoints.
type api struct {
	socket string
	table  *origin.Table
	ports  launch.PortRange
}

// startAPI serves a launch API with a port range of its own until the test ends.
func startAPI(t *testing.T) api {
	t.Helper()
	return newAPI(t, rig.Ports(t, 100))
}

func newAPI(t *testing.T, ports launch.PortRange) api {
	t.Helper()
	rig.NeedRoot(t, "making cgroups")
	table, err := origin.New(origin.Config{Ports: ports, NoBPF: true, Open: func(uint16) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.CloseAll() })
	socket := filepath.Join(t.TempDir(), launch.SocketName)
	ln, err := launch.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	s := origin.Server(table, slog.New(slog.DiscardHandler))
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return api{socket, table, ports}
}

// run returns the command "daytwo run" with args, which uses this API.
func (a api) run(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{"run", "--socket", a.socket}, args...)...)
	cmd.Env = append(os.Environ(), programEnv+"=1", "DAYTWO_LOG=none")
	return cmd
}

// nothingLeft fails the test if the collector still has an endpoint.
func (a api) nothingLeft(t *testing.T) {
	t.Helper()
	for _, e := range a.table.Endpoints() {
		t.Errorf("left behind: %+v %v", e, taskCgroups(e.ContainerID))
	}
}
