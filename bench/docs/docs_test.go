package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/relay/sinks"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// commandTime is how long one command may take.
const commandTime = time.Minute

func TestPages(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		pages, err := filepath.Glob("../../docs/*.md")
		if err != nil {
			t.Fatal(err)
		}
		bin := t.TempDir()
		build := exec.Command("go", "build", "-trimpath", "-o", bin, "github.com/nats-io/nats-server/v2")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := os.Symlink(rig.Binary(t), filepath.Join(bin, "daytwo")); err != nil {
			t.Fatal(err)
		}
		for _, page := range append(pages, "../../README.md") {
			t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, page, bin) })
		}
	})
}

// runPage runs a page's commands one after the other, as root on a machine with
// nothing of daytwo's on it but the program, which runs already.
func runPage(t *testing.T, page, bin string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all, err := commands(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/var/lib", "/etc/daytwo"} {
		hide(t, dir)
	}
	net := rig.NewNetns(t)
	home := t.TempDir()
	o := rig.Options{Data: "/var/lib/daytwo", Netns: net, DefaultPorts: true}
	if filepath.Base(page) == "logs.md" {
		o.Args = append(o.Args, logsSetUp(t)...)
	}
	if filepath.Base(page) == "access.md" {
		// The page replaces the policy, which must be there from the start.
		const policy = "/etc/daytwo/policy.yaml"
		if err := os.MkdirAll(filepath.Dir(policy), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(policy, []byte("rules: [{subjects: user:nobody, role: own}]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		// There is no such provider, without which the relay starts and answers.
		o.Args = append(o.Args, "--policy", policy, "--oidc-issuer", "https://login.example.com/",
			"--oidc-client-id", "daytwo")
	}
	if filepath.Base(page) == "sessions.md" {
		// The page narrows it, and makes it as it was.
		const policy = "/etc/daytwo/sessions.yaml"
		if err := os.MkdirAll(filepath.Dir(policy), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(policy, []byte("rules: [{subjects: 'user:*', role: admin}]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		relays := filepath.Join(filepath.Dir(policy), "policy.yaml")
		if err := os.WriteFile(relays, []byte("rules: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		o.Args = append(o.Args, "--session-policy", policy, "--policy", relays)
	}
	rig.StartReady(t, o)
	for _, c := range all {
		t.Logf("$ %s", c.text)
		cmd := exec.Command("timeout", "--kill-after=5", fmt.Sprint(commandTime.Seconds()), "bash", "-c", "set -e\n"+c.text)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home)
		if _, err := os.Stat(rig.JournaldSocket); err != nil {
			cmd.Env = append(cmd.Env, "DAYTWO_LOG=none") // else 'daytwo run' warns that there is no journald
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		output, err := os.Create(filepath.Join(home, "output"))
		if err != nil {
			t.Fatal(err)
		}
		defer output.Close()
		cmd.Stdout, cmd.Stderr = output, output // a file: what runs in the background may keep it open
		net.Do(func() { err = cmd.Run() })
		t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // what it left in the background
		out, readErr := os.ReadFile(output.Name())
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil {
			t.Errorf("%s:%d: %s: %v\n%s", page, c.line, c.text, err, out)
			continue
		}
		if lines := c.missing(string(out)); len(lines) > 0 {
			t.Errorf("%s:%d: %s: the page shows\n%s\nand these lines are not among what it prints:\n%s",
				page, c.line, c.text, strings.Join(lines, "\n"), out)
		}
	}
	tasksEnd(t)
}

// logsSetUp starts what the page about logs needs of a machine, and returns the flags
// that it says daytwo is started with.
func logsSetUp(t *testing.T) []string {
	t.Helper()
	rig.StartJournald(t, "")
	if _, err := exec.LookPath("redis-server"); err != nil {
		rig.Missing(t, "redis-server", err.Error(), "apt-get install redis-server")
	}
	const sinks = "/var/lib/daytwo/sinks.yaml"
	if err := os.MkdirAll(filepath.Dir(sinks), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sinks, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--ship-logs", "--sinks", sinks}
}

// Each configuration of sinks that a page shows is one.
func TestSinksInPages(t *testing.T) {
	text, err := os.ReadFile("../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, secret := range []string{"es-password", "hec-token", "fluentd-key"} {
		if err := os.WriteFile(filepath.Join(dir, secret), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		f, err := sinks.Parse([]byte(strings.ReplaceAll(block, "/etc/daytwo/", dir+"/")))
		if err != nil {
			t.Errorf("%v in\n%s", err, block)
			continue
		}
		found += len(f.Sinks)
	}
	if found < 8 {
		t.Errorf("%d sinks", found)
	}
}

// tasksEnd waits until the tasks that a page started in the background have ended.
func tasksEnd(t *testing.T) {
	t.Helper()
	rig.Eventually(t, commandTime, func() error {
		tasks, err := launch.NewClient("/var/lib/daytwo/" + launch.SocketName).List(t.Context())
		if err == nil && len(tasks) > 0 {
			err = fmt.Errorf("%d tasks still run", len(tasks))
		}
		return err
	})
}

// hide lets the test find a directory empty, in its own mount namespace.
func hide(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		return
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
}
