package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// A container with one program in it, no shell, nothing that may be written and no capability
// can be looked into from elsewhere: with single programs, and by a shell on a terminal.
func TestDebugWithoutShell(t *testing.T) {
	program := rig.Binary(t)
	docker := rig.Docker(t)
	engine := func(stdin []byte, args ...string) string {
		t.Helper()
		cmd := exec.Command(docker.Bin[0], append(docker.Bin[1:len(docker.Bin):len(docker.Bin)], args...)...)
		cmd.Stdin = bytes.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("docker %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	image, name := rig.UniqueName("distroless"), rig.UniqueName("bare")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		rig.Missing(t, "busybox", err.Error(), "apt-get install busybox-static")
	}
	// It is not called by the name of a shell, so it is none.
	layer, err := exec.Command("tar", "-C", strings.TrimSuffix(busybox, "/busybox"), "-c", "busybox").Output()
	if err != nil {
		t.Fatal(err)
	}
	engine(layer, "import", "-", image)
	t.Cleanup(func() { engine(nil, "rmi", "-f", image) })
	engine(nil, "run", "-d", "--name", name, "--network=none", "--read-only", "--cap-drop=all", "--user=1000:1000",
		"--security-opt=no-new-privileges", image, "/busybox", "sleep", "600")
	t.Cleanup(func() { engine(nil, "rm", "-f", name) })
	d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf"},
		Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	f := &sessionFixture{T: t, program: program, container: name, d: d}
	rig.Eventually(t, 20*time.Second, func() error {
		if out, errs, status := f.run("", "task", "exec", "--debug", name, "id"); status != 0 {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})
	for _, c := range []struct {
		stdin, out string
		status     int
		args       []string
	}{
		{"", "uid=1000 gid=1000 groups=1000\n", 0, []string{"--debug", name, "id"}},
		{"", "busybox\n", 0, []string{"--debug", name, "sh", "-c", "ls / | grep busy"}},
		{"a\nb\n", "2\n", 5, []string{"-i", "--debug", name, "sh", "-c", "wc -l; exit 5"}},
		{"", "1\n", 0, []string{"--debug", name, "sh", "-c", "ps | grep -c ' /busybox [s]leep 600'"}},
		{"", "no\n", 0, []string{"--debug", name, "sh", "-c", "(echo x >/x) 2>/dev/null || echo no"}},
		{"", "", 127, []string{name, "sh", "-c", "true"}},
		{"", "", 127, []string{"--debug", name, "nothing"}},
	} {
		out, errs, status := f.run(c.stdin, append([]string{"task", "exec"}, c.args...)...)
		if out != c.out || status != c.status {
			t.Errorf("%q: status %d, %q, %q; want %d, %q", c.args, status, out, errs, c.status, c.out)
		}
	}
	f.debugShell()
	d.Stop(t)
}

// debugShell types into the shell that 'task shell' finds where there is none.
func (f *sessionFixture) debugShell() {
	k := typeInto(f.T, f.command("task", "shell", f.container), 24, 80)
	for _, step := range []struct{ keys, want string }{
		{"", "'help' lists them"}, {"echo o'n'e\n", "one\r\n"}, {"sleep 1000\n", "sleep 1000\r\n"},
		{"\x03", "^C\r\n/ $ "}, {"while :; do :; done\n", "done\r\n"}, {"\x03echo t'w'o\n", "two\r\n"},
		{"for i in x y; do\n", "> "}, {"echo $i$i; done\n", "yy\r\n"}, {"echo drop'p'ed\x03", "ed^C\r\n"},
		{"cat\n", "cat\r\n"}, {"to c'a't\n", "to c'a't\r\nto c'a't\r\n"}, {"\x04", "/ $ "}, {"top\n", "COMMAND"},
		{"qecho th'r'ee\n", "three\r\n"}, {"help\n", "netstat"},
	} {
		k.keys(step.keys)
		k.expect(step.want)
		time.Sleep(50 * time.Millisecond) // the program that was started may have to change the terminal first
	}
	k.keys("exit 42\n")
	k.ends(42)
	if strings.Contains(k.screen.String(), "dropped") {
		f.Errorf("a line was executed that was interrupted: %q", k.screen.String())
	}
}
