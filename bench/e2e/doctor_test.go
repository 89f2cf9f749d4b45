package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// withoutMachineID runs a command where the machine has no id and /run is empty. It
// lists $1, /run and the pinned BPF objects, with inodes, modes and times, into
// $2/before and $2/after.
const withoutMachineID = `
mount --make-rprivate / && mount -t tmpfs none /run || exit 99
for f in /etc/machine-id /var/lib/dbus/machine-id; do
	[ ! -e $f ] || mount --bind /dev/null $f || exit 99
done
dir=$1 lists=$2
shift 2
list() { find "$dir" /run /sys/fs/bpf -printf '%p %i %y %m %s %T@\n' | sort; }
list >"$lists/before"
"$@"
code=$?
list >"$lists/after"
exit $code
`

// Where nothing was ever run, doctor leaves everything as it was.
func TestDoctorLeavesNothingBehind(t *testing.T) {
	rig.NeedRoot(t, "hiding the machine id")
	for name, dirs := range map[string]string{"no data": "", "data": "data/history"} {
		t.Run(name, func(t *testing.T) {
			top, lists := t.TempDir(), t.TempDir()
			data := filepath.Join(top, "data")
			if err := os.MkdirAll(filepath.Join(top, dirs), 0o755); err != nil {
				t.Fatal(err)
			}
			checks := map[string]health.Check{}
			leftNoCgroup(t, func() {
				cmd := exec.Command("unshare", "--mount", "sh", "-c", withoutMachineID, "sh", top, lists, rig.Binary(t), "doctor",
					"-o", "json",
					"--data", data, "--listen", rig.FreePort(t), "--metrics", rig.FreePort(t),
					"--statsd", "unixgram://"+data+"/gram,"+rig.FreePort(t))
				out, err := cmd.Output()
				var list []health.Check
				if json.Unmarshal(out, &list) != nil || len(list) == 0 {
					t.Fatalf("%v: %s%s", err, out, stderrOf(err))
				}
				for _, c := range list {
					checks[c.Name] = c
				}
			})
			if c := checks["agent id"]; c.State != health.OK || !strings.Contains(c.Detail, "none yet") {
				t.Errorf("the machine id was not hidden: %+v", c)
			}
			if c := checks["data directory"]; c.State == health.Fail {
				t.Errorf("%+v", c)
			}
			before, after := lines(t, lists+"/before"), lines(t, lists+"/after")
			for _, l := range after {
				if !slices.Contains(before, l) {
					t.Errorf("doctor left %s", l)
				}
			}
			if len(before) != len(after) {
				t.Errorf("%d files before, %d after", len(before), len(after))
			}
		})
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		t.Fatalf("%s is empty", path)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// leftNoCgroup runs f and fails if it leaves a cgroup. Others of this machine may
// make cgroups meanwhile: what is left behind is there after every run.
func leftNoCgroup(t *testing.T, f func()) {
	t.Helper()
	var left []string
	for range 4 {
		before := cgroupDirs(t)
		f()
		left = left[:0]
		for dir := range cgroupDirs(t) {
			if !before[dir] {
				left = append(left, dir)
			}
		}
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("cgroups are left: %q", left)
}

func cgroupDirs(t *testing.T) map[string]bool {
	t.Helper()
	dirs := map[string]bool{}
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went meanwhile
		}
		if err == nil && d.IsDir() {
			dirs[path] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// doctor finds the daytwo that runs with its settings, takes nothing away from it,
// and fails nothing.
func TestDoctorBesideTheRunning(t *testing.T) {
	t.Parallel()
	ports := rig.PortsFlag(t, 100)
	d := rig.Up(t, ports)
	settings := []string{ports, "--data", d.Data, "--statsd", d.Statsd,
		"--listen", strings.TrimPrefix(d.Relay.URL, "http://"), "--metrics", strings.TrimPrefix(d.Node.URL, "http://")}
	before, err := newest(d.Relay)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := exec.Command(rig.Binary(t), append([]string{"doctor"}, settings...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		for _, want := range []string{"a collector runs, process " + fmt.Sprint(d.Cmd.Process.Pid),
			"the collector that runs has it", "daytwo answers"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("no %q:\n%s", want, out)
			}
		}
	}
	out, err := exec.Command(rig.Binary(t), "run", "--socket", filepath.Join(d.Data, launch.SocketName), "--",
		"true").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	after := past(t, d.Relay, before.Seq+3, 20*time.Second)
	if after.Missing != before.Missing || after.Boot != before.Boot {
		t.Errorf("before %+v, after %+v", before, after)
	}
	d.Stop(t)
}

// doctor comes to an end, and says what hangs, where a process hangs in execve, a
// mount does not answer, and the data directory is on one that does not. Programs of other
// tests, which could not end beside that mount, do not see it.
func TestDoctorBesideWhatHangs(t *testing.T) { rig.InNamespaces(t, rig.Mount, doctorBesideWhatHangs) }

func doctorBesideWhatHangs(t *testing.T) {
	helper := rig.HangInExecve(t)
	flush, dead := rig.MountFuse(t, rig.FuseFlush), rig.MountFuse(t)
	hung := rig.StartProcess(t, exec.Command(helper, flush.Dir+"/file", "/bin/sleep", "1000"))
	t.Cleanup(flush.Revive) // a process that hangs so cannot be killed
	t.Cleanup(dead.Revive)
	rig.Eventually(t, 10*time.Second, func() error {
		if flush.Waiting() == 0 {
			return fmt.Errorf("process %d does not hang", hung.Cmd.Process.Pid)
		}
		return nil
	})
	dead.Die()
	doctors := []struct {
		*rig.Process
		fails []string
		found []health.Check
	}{
		{Process: doctorFor(t, t.TempDir())},
		{Process: doctorFor(t, dead.Dir+"/data"),
			fails: []string{"statsd", "publish", "data directory", "relay token", "relay access"}},
	}
	for i := range doctors { // both at once, as each waits for what hangs
		d := &doctors[i]
		rig.Eventually(t, time.Minute, func() error { return json.Unmarshal([]byte(d.Log()), &d.found) })
	}
	dead.Revive() // no process ends before the kernel has its answer
	for i := range doctors {
		d := &doctors[i]
		d.Wait(t, 10*time.Second)
		if len(d.found) < 20 {
			t.Errorf("doctor says %s", d.Log())
		}
		for _, c := range d.found {
			hangs := c.State == health.Fail && strings.Contains(c.Detail, "no answer")
			if hangs != slices.Contains(d.fails, c.Name) {
				t.Errorf("%+v", c)
			}
		}
	}
}

// doctorFor starts the doctor of a data directory, without StatsD.
func doctorFor(t *testing.T, data string) *rig.Process {
	t.Helper()
	return rig.StartProcess(t, exec.Command(rig.Binary(t), "doctor", "-o", "json", "--data", data, "--statsd", "none"))
}

// stderrOf returns what a command wrote to stderr before it failed.
func stderrOf(err error) []byte {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}
