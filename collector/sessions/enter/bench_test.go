package enter

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// What /bin/true costs in a container of docker, with full parity: time, and CPU time of
// the helper and of what it starts.
func BenchmarkEnter(b *testing.B) {
	c := rig.Docker(b).Run(b, rig.Spec{})
	path := filepath.Join(b.TempDir(), "helper")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "../helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var asks []*os.File
	b.Cleanup(func() {
		for _, f := range asks {
			f.Close()
		}
	})
	measure(b, func() *exec.Cmd {
		ask, give, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		r := request{Target: target(c), Spec: Spec{Session: rig.UniqueName("s"), Args: []string{"/bin/true"}}}
		if err := json.NewEncoder(give).Encode(r); err != nil {
			b.Fatal(err)
		}
		give.Close()
		asks = append(asks, ask)
		return &exec.Cmd{Path: path, Args: []string{"daytwo-session"}, ExtraFiles: []*os.File{ask}}
	})
}

// The same by the runtimes' own tools: this measures the CPU time of the client alone where
// a daemon does the work.
func BenchmarkRuncExec(b *testing.B) {
	c := rig.Runc(b).Run(b, rig.Spec{})
	measure(b, func() *exec.Cmd { return c.Command("/bin/true") })
}

func BenchmarkDockerExec(b *testing.B) {
	c := rig.Docker(b).Run(b, rig.Spec{})
	measure(b, func() *exec.Cmd { return c.Command("/bin/true") })
}

func measure(b *testing.B, command func() *exec.Cmd) {
	var cpu time.Duration
	for b.Loop() {
		cmd := command()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
