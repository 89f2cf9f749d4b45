package sessions

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// tmux is a terminal multiplexer with one window.
type tmux struct {
	*fixture
	socket string
}

func (x *tmux) do(args ...string) string {
	x.Helper()
	out, err := exec.CommandContext(x.Context(), "tmux", append([]string{"-S", x.socket, "-f", "/dev/null"}, args...)...).
		CombinedOutput()
	if err != nil {
		x.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// expect waits until the window shows a text.
func (x *tmux) expect(text string) {
	x.Helper()
	rig.Eventually(x, 30*time.Second, func() error {
		if shown := x.do("capture-pane", "-p", "-t", "w"); !strings.Contains(shown, text) {
			return fmt.Errorf("no %q in %q", text, shown)
		}
		return nil
	})
}

// A session works inside tmux: its size, characters of several bytes, programs that draw the whole
// screen, detaching, and the shell that was there before.
func TestTmux(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tmux"); err != nil {
		rig.Missing(t, "tmux", err.Error(), "apt-get install tmux")
	}
	name := rig.UniqueName("tmux")
	f := newFixture(t, name)
	x := &tmux{f, filepath.Join(t.TempDir(), "tmux")}
	x.do("new-session", "-d", "-s", "w", "-x", "100", "-y", "30", "env", "LC_ALL=C.UTF-8", "PS1=local> ", "sh", "-i")
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", x.socket, "kill-server").Run() })
	keys := func(line string) {
		x.do("send-keys", "-t", "w", "-l", line)
		x.do("send-keys", "-t", "w", "Enter")
	}
	x.expect("local>")
	keys(strings.Join([]string{f.program, "task", "exec", "--url", f.d.Relay.URL, "--token", f.d.Relay.Token, "-it",
		"-e", "PS1='remote> '", name, "sh", "-i"}, " "))
	x.expect("\nremote>")
	keys("clear; stty size; echo TERM=$TERM")
	x.expect("30 100\nTERM=") // of tmux
	x.do("resize-window", "-t", "w", "-x", "77", "-y", "22")
	rig.Eventually(t, 20*time.Second, func() error {
		keys("clear; stty size")
		time.Sleep(200 * time.Millisecond)
		if shown := x.do("capture-pane", "-p", "-t", "w"); !strings.Contains(shown, "22 77") {
			return fmt.Errorf("%q", shown)
		}
		return nil
	})
	// Each of these characters has several bytes, so that some stand across the pieces in which
	// output comes.
	keys(`clear; i=0; while [ $i -lt 4000 ]; do printf 'xß€😀'; i=$((i+1)); done; clear; ` +
		`printf 'a\303'; sleep .3; printf '\244 \342\202'; sleep .3; printf '\254\n'`)
	x.expect("aä €")
	if shown := x.do("capture-pane", "-p", "-t", "w"); strings.Contains(shown, "\ufffd") {
		t.Errorf("%q", shown)
	}
	// The other screen, and back.
	keys(`clear; echo before; printf '\033[?1049h\033[H\033[2Jfull screen'; sleep 1; printf '\033[?1049l'`)
	x.expect("full screen")
	x.expect("before")
	keys("clear")
	x.do("send-keys", "-t", "w", "C-p", "C-q")
	x.expect("detached: 'daytwo session attach ")
	keys("clear; stty -a | tr ' ' '\\n' | grep -c '^-\\(echo\\|icanon\\|isig\\|opost\\)$'")
	x.expect("0\nlocal>")
}
