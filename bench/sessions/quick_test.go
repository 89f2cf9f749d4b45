package sessions

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// Signals that a client was told to ignore do nothing still, as under nohup.
func TestIgnoredSignals(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("ignored")
	f := newFixture(t, name)
	client := f.command("task", "exec", name, "sh", "-c", "echo ready; sleep 2; echo done")
	args := append([]string{"-c", `trap "" INT HUP; exec "$@"`, "sh"}, client.Args...)
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	out := new(rig.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.eventually(func() bool { return strings.Contains(out.String(), "ready\n") }, "the program is ready")
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGINT} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(out.String(), "done\n") {
		t.Errorf("%v, %s", err, out)
	}
}

// numbers returns what seq 1 n prints, with some end of each line.
func numbers(n int, end string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprint(&b, i+1, end)
	}
	return b.String()
}

// burden keeps all processors busy until the test ends.
func burden(t *testing.T) {
	t.Helper()
	for range 2 {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		rig.StartProcess(t, cmd)
	}
}

// A command that ends at once on a terminal has printed everything, however soon its input ends
// and however busy the machine is.
func TestQuickCommandsOnTerminal(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("quick")
	f := newFixture(t, name)
	for i := range max(30, 150*rig.SoakRounds()) {
		text := fmt.Sprint("n", i)
		if out, errs, status := f.run("", "task", "exec", "-t", name, "--", "echo", text); out != text+"\r\n" || status != 0 {
			t.Fatalf("run %d: status %d, %q, %s", i, status, out, errs)
		}
	}
	burden(t)
	count := 100_000
	if rig.SoakRounds() > 0 {
		count = 1_000_000
	}
	want := numbers(count, "\r\n")
	for i := range max(2, 5*rig.SoakRounds()) {
		out, errs, status := f.run("", "task", "exec", "-t", name, "seq", "1", fmt.Sprint(count))
		if out != want || status != 0 {
			t.Fatalf("run %d: status %d, %d of %d bytes, %s", i, status, len(out), len(want), errs)
		}
	}
}

// A process in the background that holds the output open keeps no session open.
func TestBackgroundHoldsOutput(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("background")
	f := newFixture(t, name)
	for i := range 10 {
		for _, c := range []struct {
			flag, out string
		}{{"-t", "ok\r\n"}, {"-i", "ok\n"}} {
			begun := time.Now()
			out, errs, status := f.run("", "task", "exec", c.flag, name, "sh", "-c", "sleep 1000 & echo ok")
			if took := time.Since(begun); out != c.out || status != 0 || took > 10*time.Second {
				t.Errorf("run %d with %s: status %d after %v, %q, %s", i, c.flag, status, took, out, errs)
			}
		}
	}
}

// The first program that runs sees the size of the client's terminal.
func TestFirstSize(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("size")
	f := newFixture(t, name)
	for range max(20, 25*rig.SoakRounds()) {
		s := f.terminal(f.command("task", "exec", "-it", name, "stty", "size"))
		s.end(0)
		s.expect("57 203\r\n")
	}
}

// A slow reader gets every byte, then the exit status, with and without a terminal.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("slow")
	f := newFixture(t, name)
	for _, c := range []struct{ flag, end string }{{"-t", "\r\n"}, {"-i", "\n"}} {
		cmd := f.command("task", "exec", c.flag, name, "sh", "-c", "seq 1 300000; exit 9")
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		buf := make([]byte, 32<<10)
		for err == nil {
			var n int
			n, err = pipe.Read(buf)
			got.Write(buf[:n])
			time.Sleep(20 * time.Millisecond)
		}
		_ = cmd.Wait()
		if want := numbers(300_000, c.end); got.String() != want || cmd.ProcessState.ExitCode() != 9 {
			t.Errorf("%s: status %d, %d of %d bytes", c.flag, cmd.ProcessState.ExitCode(), got.Len(), len(want))
		}
	}
}

// Signals that a client without a terminal of the session gets are the program's, one after the
// other.
func TestSignalsPassedOn(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("signals")
	f := newFixture(t, name)
	const program = `for s in INT TERM HUP QUIT USR1; do trap "echo got $s" $s; done; trap 'exit 11' USR2
		echo ready; while :; do sleep 0.05; done`
	cmd := f.command("task", "exec", name, "sh", "-c", program)
	out := new(rig.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.eventually(func() bool { return strings.Contains(out.String(), "ready\n") }, "the program is ready")
	for _, s := range []struct {
		signal syscall.Signal
		name   string
	}{{syscall.SIGINT, "INT"}, {syscall.SIGTERM, "TERM"}, {syscall.SIGHUP, "HUP"}, {syscall.SIGQUIT, "QUIT"},
		{syscall.SIGUSR1, "USR1"}, {syscall.SIGINT, "INT"}} {
		want := strings.Count(out.String(), "got "+s.name+"\n") + 1
		if err := cmd.Process.Signal(s.signal); err != nil {
			t.Fatal(err)
		}
		f.eventually(func() bool { return strings.Count(out.String(), "got "+s.name+"\n") == want }, "it got "+s.name)
	}
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 11 {
		t.Errorf("status %d: %s", status, out)
	}
}
