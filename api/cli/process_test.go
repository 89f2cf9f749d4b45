package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// TestMain lets the test binary be the program, for tests that need a process.
func TestMain(m *testing.M) {
	if os.Getenv("CLI_TEST_PROGRAM") == "" {
		os.Exit(rig.Main(m))
	}
	os.Exit(Main(os.Args[1:], Programs{
		Version: "test",
		Relay: func(ctx context.Context, _ Config) error { // ends when asked to
			fmt.Println("running")
			<-ctx.Done()
			fmt.Println("cleaning up")
			return ctx.Err()
		},
		Collector: func(context.Context, Config) error { // never ends by itself
			fmt.Println("running")
			select {}
		},
	}))
}

// daytwo is the program as a process, which is killed if it does not end.
func daytwo(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "CLI_TEST_PROGRAM=1")
	return cmd
}

// The first signal ends a program cleanly, with status 0; the second ends what
// does not end.
func TestSignals(t *testing.T) {
	check := func(name string, signals []os.Signal, wantExit int, wantLast string) {
		t.Helper()
		cmd := daytwo(t, name)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || lines.Text() != "running" {
			t.Fatalf("%s does not run: %q", name, lines.Text())
		}
		for _, s := range signals {
			cmd.Process.Signal(s)
			time.Sleep(50 * time.Millisecond) // two at once would be one
		}
		last := "running"
		for lines.Scan() {
			last = lines.Text()
		}
		cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != wantExit || last != wantLast {
			t.Errorf("%s after %v: exit %d, %q; want %d, %q", name, signals, got, last, wantExit, wantLast)
		}
	}
	check("relay", []os.Signal{syscall.SIGTERM}, 0, "cleaning up")
	check("relay", []os.Signal{os.Interrupt}, 0, "cleaning up")
	check("collector", []os.Signal{os.Interrupt, syscall.SIGTERM}, 128+15, "running")
}

// top works on a real terminal: it draws, takes keys, and gives the terminal
// back.
func TestTopTerminal(t *testing.T) {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		rig.Missing(t, "tmux", err.Error(), "apt-get install tmux")
	}
	serve(t)
	socket := filepath.Join(t.TempDir(), "tmux")
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(tmux, append([]string{"-f", "/dev/null", "-S", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	t.Setenv("CLI_TEST_PROGRAM", "1")
	run("new-session", "-d", "-x", "110", "-y", "24",
		"sh", "-c", `echo before; "$0" top --interval 200ms; echo "exit $?"; exec sleep 60`, os.Args[0])
	defer run("kill-server")
	shows := func(want string, keys ...string) {
		t.Helper()
		if len(keys) > 0 {
			run(append([]string{"send-keys"}, keys...)...)
		}
		var screen string
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if screen = run("capture-pane", "-p"); strings.Contains(screen, want) {
				return
			}
		}
		t.Fatalf("after %q the screen lacks %q:\n%s", keys, want, screen)
	}
	shows("alpha         0.500      -   100MiB")
	shows("filter: web2", "/", "web2")
	shows("filter web2 (esc: none)", "Enter")
	shows("web     ", "Escape") // by itself: with a key at its heels it would be alt
	shows("UPTIME", "a")
	shows("CPU is cores in use", "?")
	shows("exit 0", "x", "q")
	if screen := run("capture-pane", "-p"); !strings.Contains(screen, "before") || strings.Contains(screen, "daytwo top") {
		t.Errorf("the terminal is not as it was:\n%s", screen)
	}
}
