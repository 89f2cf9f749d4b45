package enter

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// sessionCgroups lists the cgroups of sessions of this process' tests.
func sessionCgroups() []string {
	all, _ := filepath.Glob("/sys/fs/cgroup/unified/*/daytwo-session-*")
	more, _ := filepath.Glob("/sys/fs/cgroup/unified/*/*/daytwo-session-*")
	var mine []string
	for _, dir := range append(all, more...) {
		if strings.Contains(dir, "-"+itoa(os.Getpid())+"-") {
			mine = append(mine, dir)
		}
	}
	return mine
}

// processesOf lists the processes of a container.
func processesOf(t testing.TB, c *rig.Container) []int {
	t.Helper()
	return processes("/sys/fs/cgroup/unified" + c.Cgroup)
}

// What a session leaves running ends with it, within two seconds, and nothing of the
// container does.
func TestNothingIsLeft(t *testing.T) {
	c := rig.Docker(t).Run(t, rig.Spec{Args: []string{"--pids-limit=200"}})
	before := processesOf(t, c)
	for name, script := range map[string]string{
		"background":  "sleep 1000 & echo ok",
		"setsid":      "setsid sleep 1000 & echo ok",
		"double fork": "(setsid sh -c '(trap \"\" HUP TERM INT; sleep 1000; sleep 1000) &' &); echo ok",
		"nohup":       "nohup sleep 1000 >/dev/null 2>&1 & echo ok",
		"stopped":     "sleep 1000 & kill -STOP $!; echo ok",
		"storm":       "f() { while :; do (sleep 0.01; sleep 1000) & done; }; f 2>/dev/null & sleep 0.3; echo ok",
	} {
		for _, tty := range []bool{false, true} {
			begin := time.Now()
			r := run(t, c, Spec{TTY: tty}, "sh", "-c", script)
			if !strings.Contains(r.out, "ok") || r.code != 0 {
				t.Errorf("%s, terminal %v: %+v", name, tty, r)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s, terminal %v: it took %v", name, tty, took)
			}
			if after := processesOf(t, c); len(after) != len(before) || len(sessionCgroups()) != 0 {
				t.Errorf("%s, terminal %v: processes %v, before %v; cgroups %v", name, tty, after, before, sessionCgroups())
			}
		}
	}
}

// A paused container is refused at once; a session in one that is paused later can be
// ended.
func TestPaused(t *testing.T) {
	e := rig.Docker(t)
	c := e.Run(t, rig.Spec{})
	docker := func(args ...string) {
		t.Helper()
		args = append(e.Bin[1:len(e.Bin):len(e.Bin)], args...)
		if out, err := exec.Command(e.Bin[0], args...).CombinedOutput(); err != nil {
			t.Fatalf("docker %v: %v\n%s", args, err, out)
		}
	}
	marker++
	args := []string{"sleep", itoa(marker)}
	s := start(t, request{Target: target(c), Spec: Spec{Args: args}})
	if pidOf(args...) == 0 {
		t.Fatal("no session")
	}
	docker("pause", c.ID)
	begin := time.Now()
	if r := run(t, c, Spec{}, "true"); r.Refusal == nil || r.Refusal.Reason != Frozen {
		t.Errorf("%+v", r)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the refusal took %v", took)
	}
	s.Process.Signal(os.Interrupt)
	if r := s.end(t); r.code != 128+9 {
		t.Errorf("the session ended with %+v", r)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
	if left := sessionCgroups(); len(left) != 0 {
		t.Errorf("cgroups are left: %v", left)
	}
	if state, _ := os.ReadFile("/sys/fs/cgroup/freezer" + c.Cgroup + "/freezer.state"); string(state) != "FROZEN\n" {
		t.Errorf("the container is %s", state)
	}
	docker("unpause", c.ID)
	sh(t, c, Spec{}, "true")
}

// What a helper that was killed leaves is ended by who finds it, in a paused container,
// too.
func TestLeft(t *testing.T) {
	e := rig.Docker(t)
	for _, paused := range []bool{false, true} {
		c := e.Run(t, rig.Spec{})
		name := rig.UniqueName("left")
		marker++
		args := []string{"sleep", itoa(marker)}
		s := start(t, request{Target: target(c), Spec: Spec{Session: name, Args: []string{"sh", "-c",
			"setsid sleep 1000 & setsid sleep " + itoa(marker) + " & wait"}}})
		if pidOf(args...) == 0 {
			t.Fatal("no session")
		}
		docker := func(verb string) {
			argv := append(e.Bin[:len(e.Bin):len(e.Bin)], verb, c.ID)
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
		if paused {
			docker("pause")
			defer docker("unpause")
		}
		s.Process.Kill()
		s.end(t)
		begin := time.Now()
		if err := EndLeft(name); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > killWithin {
			t.Errorf("paused %v: it took %v", paused, took)
		}
		if n := len(processesOf(t, c)); n != 1 || len(sessionCgroups()) != 0 {
			t.Errorf("paused %v: %d processes, cgroups %v", paused, n, sessionCgroups())
		}
	}
}

// A user is who docker exec says, and so are the groups and HOME.
func TestUsers(t *testing.T) {
	e := rig.Docker(t)
	c := e.Run(t, rig.Spec{Args: []string{"--group-add=1234"}})
	files := `printf 'root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000:Anna:/home/anna:/bin/sh\n' >/etc/passwd
		printf 'root:x:0:\nanna:x:1000:\nwheel:x:10:root,anna\nusers:x:100:bob,anna\n' >/etc/group
		i=0; while [ $i -lt 2000 ]; do echo "u$i:x:$((i+5000)):$((i+5000))::/home/u$i:/bin/sh"; i=$((i+1)); done >/tmp/many
		j=0; while [ $j -lt 60 ]; do cat /tmp/many; j=$((j+1)); done >>/etc/passwd
		echo "last:x:70000:70001::/home/last:/bin/sh" >>/etc/passwd; wc -c </etc/passwd`
	if size := sh(t, c, Spec{}, files); len(strings.TrimSpace(size)) < 7 {
		t.Errorf("/etc/passwd has only %s bytes", size)
	}
	const script = `id -u; id -g; id -G | tr ' ' '\n' | sort; echo $HOME; umask; pwd`
	for _, user := range []string{"", "root", "anna", "1000", "1000:2000", "anna:users", "anna:0", "70000", "last", "4711",
		"4711:4712", "0"} {
		argv := append(e.Bin[:len(e.Bin):len(e.Bin)], "exec")
		if user != "" {
			argv = append(argv, "--user="+user)
		}
		want, err := exec.Command(argv[0], append(argv[1:], c.ID, "sh", "-c", script)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := sh(t, c, Spec{User: user}, script); got != string(want) {
			t.Errorf("user %q: %q, docker exec gives %q", user, got, want)
		}
	}
	for _, user := range []string{"nobody-here", "anna:no-group", ":", "anna:", "-1"} {
		r := run(t, c, Spec{User: user}, "true")
		if r.Refusal == nil || r.Refusal.Reason != NoUser && r.Refusal.Reason != Invalid {
			t.Errorf("user %q: %+v", user, r)
		}
	}
}

// Commands get the environment and the working directory that the runtime was told, not
// what the first process has made of them.
func TestEnvironmentOfRuntime(t *testing.T) {
	for _, engine := range []func(testing.TB) *rig.Engine{rig.Docker, rig.Containerd, rig.Podman} {
		e := engine(t)
		marker++
		c := e.Run(t, rig.Spec{Env: map[string]string{"A": "told"}, Cmd: []string{"/bin/sh", "-c",
			"export A=changed B=added HOME=/x; cd /tmp; exec sleep " + itoa(marker)}})
		pidOf("sleep", itoa(marker))
		const script = `echo "A=$A B=$B HOME=$HOME"; pwd`
		got, want := sh(t, c, Spec{}, script), c.Exec(t, "sh", "-c", script)
		if got != want || !strings.Contains(got, "told") {
			t.Errorf("%s: %q, its exec gives %q", e.Name, got, want)
		}
	}
}

// What the container's seccomp filter denies is denied in a session; a filter that asks a
// supervisor is refused.
func TestSeccomp(t *testing.T) {
	profile := func(action string) string {
		b, err := json.Marshal(map[string]any{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []any{
			map[string]any{"names": []string{"mkdir", "mkdirat"}, "action": action}}})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "profile.json")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	e := rig.Docker(t)
	for _, more := range [][]string{nil, {"--security-opt=no-new-privileges"}} {
		c := e.Run(t, rig.Spec{Args: append([]string{"--security-opt=seccomp=" + profile("SCMP_ACT_ERRNO")}, more...)})
		if r := run(t, c, Spec{}, "mkdir", "/tmp/x"); r.code != 1 || !strings.Contains(r.err, "not permitted") {
			t.Errorf("%v: %+v", more, r)
		}
	}
}

// A filter that would ask a supervisor is recognised in the form in which the kernel gives
// it back.
func TestAsks(t *testing.T) {
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: 6, K: k} }
	for want, code := range map[bool][]unix.SockFilter{
		false: {ret(unix.SECCOMP_RET_ALLOW), ret(unix.SECCOMP_RET_ERRNO | 38), ret(unix.SECCOMP_RET_KILL_PROCESS),
			{Code: 0x20, K: unix.SECCOMP_RET_USER_NOTIF}},
		true: {ret(unix.SECCOMP_RET_ALLOW), ret(unix.SECCOMP_RET_USER_NOTIF)},
	} {
		if got := (filter{code: code}).asks(); got != want {
			t.Errorf("%v", code)
		}
	}
	if !(filter{code: []unix.SockFilter{{Code: 0x16}}}).asks() {
		t.Error("a computed result is taken for harmless")
	}
}

// Commands that cannot run say why, with the exit status of a shell.
func TestCannotRun(t *testing.T) {
	c := rig.Runc(t).Run(t, rig.Spec{})
	for _, x := range []struct {
		spec   Spec
		args   string
		reason Reason
		code   int
	}{
		{Spec{}, "no-such-command", NotFound, 127},
		{Spec{}, "/no/such", NotFound, 127},
		{Spec{}, "/etc/passwd", NotRunnable, 126},
		{Spec{}, "/etc", NotRunnable, 126},
		{Spec{Workdir: "/no-such"}, "true", NoWorkdir, 126},
		{Spec{Workdir: "relative"}, "true", Invalid, 125},
		{Spec{Env: []string{"novalue"}}, "true", Invalid, 125},
		{Spec{Env: []string{"PATH=/nowhere"}}, "true", NotFound, 127},
	} {
		r := run(t, c, x.spec, x.args)
		if r.Refusal == nil || r.Refusal.Reason != x.reason || r.code != x.code {
			t.Errorf("%+v %s: %+v", x.spec, x.args, r)
		}
	}
	if left := sessionCgroups(); len(left) != 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}

// A container that has as many processes as it may gets no session, and says so.
func TestProcessLimit(t *testing.T) {
	c := rig.Docker(t).Run(t, rig.Spec{Args: []string{"--pids-limit=4"}})
	if r := run(t, c, Spec{}, "sh", "-c", "sleep 0; exit 5"); r.code != 5 {
		t.Errorf("%+v", r)
	}
	var all []*session
	defer func() {
		for _, s := range all {
			s.Process.Signal(os.Interrupt)
			s.end(t)
		}
	}()
	for range 2 {
		marker++
		args := []string{"sleep", itoa(marker)}
		s := start(t, request{Target: target(c), Spec: Spec{Args: args}})
		all = append(all, s)
		pidOf(args...)
	}
	if r := run(t, c, Spec{}, "true"); r.Refusal == nil || r.Refusal.Reason != Limit {
		t.Errorf("%+v", r)
	}
}

// Many sessions are opened at once.
func TestManyAtOnce(t *testing.T) {
	c := rig.Docker(t).Run(t, rig.Spec{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var bad []string
	for i := range 40 {
		s := start(t, request{Target: target(c), Spec: Spec{Args: []string{"sh", "-c", "exit " + itoa(i)}}})
		wg.Add(1)
		go func() {
			defer wg.Done()
			if r := s.end(t); r.code != i {
				mu.Lock()
				bad = append(bad, fmt.Sprintf("%d: %+v", i, r))
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if len(bad) > 0 {
		t.Error(strings.Join(bad, "\n"))
	}
	if left := sessionCgroups(); len(left) != 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}
