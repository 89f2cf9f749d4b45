package enter

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/sessions/sealed"
)

// debug runs a command of the toolbox in a container.
func debug(t testing.TB, c *rig.Container, s Spec, args ...string) result {
	t.Helper()
	f, err := sealed.Toolbox()
	if err != nil {
		t.Fatal(err)
	}
	s.Tool, s.Args = 5, append([]string{"debug"}, args...)
	return start(t, request{Target: target(c), Spec: s}, f).end(t)
}

// distroless gives a container a root directory with one program in it, which is no shell.
func distroless(t *testing.T) func(spec) {
	return func(s spec) {
		full := s.object("root")["path"].(string)
		root := filepath.Dir(full) + "/" + rig.UniqueName("distroless") // which all users can reach
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(root) })
		for _, dir := range []string{"dev", "etc", "proc", "sys"} {
			if err := os.Mkdir(root+"/"+dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(full + "/bin/busybox")
		if err == nil {
			err = os.WriteFile(root+"/busybox", b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		s["root"] = map[string]any{"path": root, "readonly": true}
		p := s.object("process")
		p["args"], p["env"], p["cwd"] = []string{"/busybox", "sleep", "1000"}, []string{"PATH=/bin"}, "/"
	}
}

// A container with no shell, no library and nothing that could be written gets a session with a
// shell, which has the rights of the container's first process.
func TestToolIsInNothing(t *testing.T) {
	for name, change := range map[string]func(spec){
		"read-only": func(spec) {},
		"user namespace": func(s spec) {
			inUserNamespace(s)
		},
		"another user": func(s spec) { s.object("process")["user"] = map[string]any{"uid": 77, "gid": 88} },
		"noexec": func(s spec) {
			s["mounts"] = append(s["mounts"].([]any), map[string]any{"destination": "/tmp", "type": "tmpfs",
				"source": "tmpfs", "options": []string{"noexec", "nosuid", "nodev"}})
			s.object("root")["readonly"] = false
			s.object("process")["cwd"] = "/tmp"
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := bundle(t, func(s spec) { distroless(t)(s); change(s) })
			if r := run(t, c, Spec{}, "sh", "-c", "true"); r.Refusal == nil || r.Refusal.Reason != NotFound {
				t.Fatalf("the container has a shell: %+v", r)
			}
			r := debug(t, c, Spec{}, "sh", "-c", "ls / | cat; cat /dev/null; echo $((6*7)); exit 3")
			if !strings.Contains(r.out, "busybox\n") || !strings.HasSuffix(r.out, "42\n") || r.err != "" || r.code != 3 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A tool has what the container's first process has: the matrix of TestParity holds for it, too.
func TestToolParity(t *testing.T) {
	for name, container := range map[string]func(*testing.T) *rig.Container{
		"distroless": func(t *testing.T) *rig.Container { return bundle(t, distroless(t)) },
		"userns": func(t *testing.T) *rig.Container {
			return bundle(t, func(s spec) { distroless(t)(s); inUserNamespace(s) })
		},
		"hardened": func(t *testing.T) *rig.Container {
			return rig.Docker(t).Run(t, rig.Spec{Args: []string{"--cap-drop=all", "--security-opt=no-new-privileges",
				"--read-only", "--user=1000:2000", "--group-add=1234", "--ulimit=nofile=200:200", "--oom-score-adj=500",
				"--memory=64m", "--pids-limit=50", "--workdir=/tmp"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := container(t)
			marker++
			f, err := sealed.Toolbox()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"debug", "sleep", itoa(marker)}
			s := start(t, request{Target: target(c), Spec: Spec{Tool: 5, Args: args}}, f)
			pid := pidOf(args...)
			if pid == 0 {
				t.Fatalf("no session: %+v", s.end(t))
			}
			session := facts(t, pid)
			if d := "descriptor " + itoa(ToolFD); session[d] != "/toolbox (deleted)" && session[d] != "/toolbox" {
				t.Errorf("%s is %q", d, session[d])
			}
			maps.DeleteFunc(session, func(k, v string) bool { // what Go's runtime opens in the container
				return strings.HasPrefix(k, "descriptor ") && (k == "descriptor "+itoa(ToolFD) || v == "anon_inode" ||
					strings.HasPrefix(v, "/sys/fs/cgroup/"))
			})
			compare(t, c.Engine.Name, "first process", session, facts(t, c.PID))
			s.Process.Signal(os.Interrupt)
			s.end(t)
		})
	}
}

// The container's own shell, which the toolbox becomes where there is one, has nothing of the
// toolbox: no descriptor, no limit, no signal that is another one than of a session without it.
func TestFoundShellParity(t *testing.T) {
	c := bundle(t, nil)
	marker++
	args := []string{"sleep", itoa(marker)}
	s := start(t, request{Target: target(c), Spec: Spec{Tool: 5, Args: []string{"debug", "shell", "-c",
		"exec " + strings.Join(args, " ")}}}, toolFile(t))
	pid := pidOf(args...)
	if pid == 0 {
		t.Fatalf("no session: %+v", s.end(t))
	}
	session := facts(t, pid)
	delete(session, "environ PWD") // which the shell itself sets
	delete(session, "environ SHLVL")
	compare(t, c.Engine.Name, "first process", session, facts(t, c.PID))
	s.Process.Signal(os.Interrupt)
	s.end(t)
}

// Where the container's filter forbids to execute by descriptor, the session is refused, as no
// path in the container leads to the toolbox for certain.
func TestToolIsForbidden(t *testing.T) {
	c := bundle(t, func(s spec) {
		s.object("linux")["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []any{
			map[string]any{"names": []string{"execveat"}, "action": "SCMP_ACT_ERRNO"}}}
	})
	r := debug(t, c, Spec{}, "id")
	if r.Refusal == nil || r.Refusal.Reason != NotRunnable || !strings.Contains(r.Refusal.Text, "execveat") ||
		r.code != 126 {
		t.Errorf("%+v", r)
	}
}

// A container that allows few processes has no room for the toolbox's threads: the session is
// refused, and says why.
func TestToolNeedsThreads(t *testing.T) {
	for _, most := range []int{1 + toolThreads - 1, 1 + toolThreads} {
		c := bundle(t, func(s spec) {
			s.object("linux")["resources"] = map[string]any{"pids": map[string]any{"limit": most}}
		})
		refused := most <= toolThreads
		r := debug(t, c, Spec{}, "id")
		if (r.Refusal != nil && r.Refusal.Reason == Limit) != refused || (r.code == 0) == refused {
			t.Errorf("%d: %+v", most, r)
		}
	}
}
