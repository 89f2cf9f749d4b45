package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// Commands run on the node itself where both policy and node allow it, and nowhere else. The
// test is the first process of the node.
func TestNodeExec(t *testing.T) {
	program := rig.Binary(t)
	rig.InNamespaces(t, rig.Mount|rig.PID, func(t *testing.T) {
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			t.Fatal(err)
		}
		nodeExec(t, program)
	})
}

func nodeExec(t *testing.T, program string) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	const rules = `rules:
- {subjects: user:reader, role: viewer}
- {subjects: user:ops, role: viewer}
- {subjects: user:ops, resources: daytwo:node-shell, actions: create, where: {command: 'echo *'}}
`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf", "--statsd", "none", "--journal",
		"none", "--node-exec", "--policy", policy, "--agent-id", "node1"}})
	f := &sessionFixture{T: t, program: program, d: d}
	forever := fmt.Sprint("sleep ", 2_000_000+os.Getpid())
	for _, c := range []struct {
		stdin, out string
		status     int
		args       []string
	}{
		{"", "root root /root /bin/bash /root 0022\n", 0,
			[]string{"sh", "-c", `echo $USER $LOGNAME $HOME $SHELL $PWD $(umask)`}},
		{"", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", 0, []string{"printenv", "PATH"}},
		{"typed\nmore", "typed\nmore", 3, []string{"-i", "node1", "--", "sh", "-c", "cat; exit 3"}},
		{"", "/tmp x\n", 0, []string{"-w", "/tmp", "-e", "A=x", "node1", "sh", "-c", "echo $PWD $A"}},
		{"", "nobody /nonexistent /\n", 0, []string{"-u", "nobody", "node1", "sh", "-c", "echo $(id -un) $HOME $PWD"}},
		{"", "", 128 + 9, []string{"sh", "-c", "kill -9 $$"}},
		{"", "", 127, []string{"nothing-of-this-name"}},
		{"", "ok\n", 0, []string{"sh", "-c", "setsid " + forever + " & echo ok"}},
	} {
		args := append([]string{"node", "exec"}, c.args...)
		if !strings.HasPrefix(c.args[0], "-") {
			args = append([]string{"node", "exec", "node1"}, c.args...)
		}
		out, errs, status := f.run(c.stdin, args...)
		if out != c.out || status != c.status {
			t.Errorf("%q: status %d, %q, %s; want %d, %q", c.args, status, out, errs, c.status, c.out)
		}
	}

	t.Run("cgroup", func(t *testing.T) {
		out, errs, _ := f.run("", "node", "exec", "node1", "cat", "/proc/self/cgroup")
		if !strings.Contains(out, "0::/daytwo-session-") {
			t.Errorf("it has no cgroup of its own: %s%s", out, errs)
		}
		rig.Eventually(t, 10*time.Second, func() error {
			out, err := exec.Command("ps", "axo", "args").Output()
			if left, _ := filepath.Glob("/sys/fs/cgroup/unified/daytwo-session-*"); len(left) > 0 || err != nil ||
				strings.Contains(string(out), forever) {
				return fmt.Errorf("a session is left: %q, %v", left, err)
			}
			return nil
		})
	})

	t.Run("terminal", func(t *testing.T) {
		k := typeInto(t, f.command("node", "shell", "node1"), 24, 80)
		k.keys("tty; echo $-$0; exit 42\n")
		k.ends(42)
		text := k.screen.String()
		if !strings.Contains(text, "/dev/pts/") ||
			!regexp.MustCompile("[a-zA-Z]*i[a-zA-Z]*/bin/bash").MatchString(text) {
			t.Errorf("it is no login shell on a terminal: %q", text)
		}
	})

	t.Run("list", func(t *testing.T) {
		cmd := f.command("node", "exec", "-i", "node1", "cat")
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		rig.Eventually(t, 10*time.Second, func() error {
			if out, errs, _ := f.run("", "session", "list"); !strings.Contains(out, "(node)  node1") {
				return fmt.Errorf("%s%s", out, errs)
			}
			return nil
		})
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})

	t.Run("policy", func(t *testing.T) { f.nodePolicy(t) })
	t.Run("audit", func(t *testing.T) {
		relay, errs, _ := f.run("", "audit", "show", "--data", d.Data, "-o", "json")
		node := readAll(t, filepath.Join(d.Data, "node-audit"))
		for _, want := range []string{"open a session on a node", "node node1 runs cat /proc/self/cgroup",
			`"daytwo:node-shell"`, `"reader"`, "node node1 runs echo of mine"} {
			if !strings.Contains(relay, want) {
				t.Errorf("the relay's log has no %s: %s%s", want, relay, errs)
			}
		}
		for _, want := range []string{"session-open: cat /proc/self/cgroup", "the node itself", `"action":"node"`,
			"session-end: the program ended with code 3"} {
			if !strings.Contains(node, want) {
				t.Errorf("the node's log has no %s: %s", want, node)
			}
		}
		if strings.Contains(node, "reader") {
			t.Error("the node was asked for somebody whom the policy does not allow it")
		}
	})
	d.Stop(t)

	t.Run("off", func(t *testing.T) {
		d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf", "--statsd", "none", "--journal",
			"none", "--agent-id", "node1"}})
		f := &sessionFixture{T: t, program: program, d: d}
		out, errs, status := f.run("", "node", "exec", "node1", "echo", "there")
		if status != 1 || out != "" || !strings.Contains(errs, "--node-exec") {
			t.Errorf("status %d, %q, %s", status, out, errs)
		}
		if node := readAll(t, filepath.Join(d.Data, "node-audit")); !strings.Contains(node, "--node-exec") {
			t.Errorf("the node's log does not have it: %s", node)
		}
		d.Stop(t)
	})
}

// nodePolicy checks what others may do.
func (f *sessionFixture) nodePolicy(t *testing.T) {
	for _, c := range []struct {
		user, errs string
		status     int
		command    []string
	}{
		{"reader", "daytwo:node-shell", 1, []string{"echo", "of reader"}},
		{"ops", "", 0, []string{"echo", "of mine"}},
		{"ops", "daytwo:node-shell", 1, []string{"printf", "x"}},
	} {
		token, err := exec.CommandContext(t.Context(), f.program, "auth", "token", "--data", f.d.Data, "--for",
			c.user).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), f.program, append([]string{"node", "exec", "--url", f.d.Relay.URL, "--token",
			strings.TrimSpace(string(token)), "node1"}, c.command...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		b, _ := cmd.Output()
		if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(stderr.String(), c.errs) ||
			(c.status == 0) != (len(b) > 0) {
			t.Errorf("%s runs %q: status %d, %q, %s", c.user, c.command, got, b, stderr.String())
		}
	}
}

// readAll returns the files of a directory.
func readAll(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return string(all)
}
