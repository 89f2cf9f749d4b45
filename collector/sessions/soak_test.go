package sessions

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/bench/rig"
)

// Many short sessions, several at once: each has the right output and code, and none of them
// leaves a process, a descriptor, a cgroup, a mount, a goroutine or a file.
func TestManyShortSessions(t *testing.T) {
	n := 200
	if rounds := rig.SoakRounds(); rounds > 0 {
		n = 500 * rounds
	}
	f := newFixture(t, false)
	f.run(sh("true"), "") // what the first one opens stays open
	f.nothingLeft()
	before := f.resources()
	var work sync.WaitGroup
	for worker := range 4 {
		work.Go(func() {
			for i := worker; i < n; i += 4 {
				c := sh(fmt.Sprintf("echo %d; (sleep 100 &); exit %d", i, i%200))
				c.TTY, c.Stdin = i%2 == 0, i%2 == 0
				stdout, _, exit := f.run(c, "")
				if strings.TrimSpace(stdout) != fmt.Sprint(i) || exit != (session.Exit{Code: i % 200}) {
					t.Errorf("session %d: %q, %+v", i, stdout, exit)
				}
			}
		})
	}
	work.Wait()
	f.nothingLeft()
	rig.Eventually(t, 10*time.Second, func() error {
		if after := f.resources(); after != before {
			return fmt.Errorf("before: %+v\nafter:  %+v", before, after)
		}
		return nil
	})
	if s := f.manager.Stats(); s.Opened != uint64(n+1) || s.Failed+s.Refused+s.Lost > 0 || s.Sessions > 0 {
		t.Errorf("%+v", s)
	}
}

// resources are what sessions may use, and must give back.
type resources struct {
	descriptors, goroutines, mounts, cgroups, children, inContainer int
}

func (f *fixture) resources() (r resources) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		f.Fatal(err)
	}
	// Other tests mount at the same time: the container's own namespace has only what sessions do.
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", f.container.PID))
	if err != nil {
		f.Fatal(err)
	}
	r.descriptors, r.mounts, r.goroutines = len(fds), strings.Count(string(mounts), "\n"), runtime.NumGoroutine()
	for _, dir := range findHierarchies() {
		out, err := exec.Command("find", dir, "-path", "*"+f.container.ID+"*", "-name", cgroupPrefix+"*").Output()
		if err != nil {
			f.Fatal(err)
		}
		r.cgroups += strings.Count(string(out), "\n")
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	r.children = len(strings.Fields(string(children)))
	r.inContainer = strings.Count(f.container.Exec(f, "ps", "-o", "args"), "sleep 100\n")
	return r
}

// Bulk output through NATS: what it costs, in CPU time of all that is ours.
func TestBulkThroughNATS(t *testing.T) {
	f := newFixture(t, false)
	const size = 64 << 20
	var begun, ended syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &begun)
	at := time.Now()
	stdout, _, exit := f.run(sh(fmt.Sprintf("yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c %d", size)), "")
	took := time.Since(at)
	syscall.Getrusage(syscall.RUSAGE_SELF, &ended)
	if len(stdout) != size || !exit.Success() {
		t.Errorf("%d bytes, %+v", len(stdout), exit)
	}
	cpu := time.Duration(ended.Utime.Nano() + ended.Stime.Nano() - begun.Utime.Nano() - begun.Stime.Nano())
	t.Logf("%d MB in %v; node and client, in this process, used %v", size>>20, took, cpu)
}
