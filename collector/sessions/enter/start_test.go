package enter

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// engines are the runtimes whose containers are entered.
var engines = map[string]func(testing.TB) *rig.Engine{
	"runc": rig.Runc, "docker": rig.Docker, "containerd": rig.Containerd, "podman": rig.Podman,
}

func TestStart(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			c := engine(t).Run(t, rig.Spec{})
			r := run(t, c, Spec{}, "sh", "-c", "echo out; echo err >&2; exit 7")
			if r.out != "out\n" || r.err != "err\n" || r.code != 7 || len(r.Notes) != 0 {
				t.Errorf("with pipes: %+v", r)
			}
			r = run(t, c, Spec{TTY: true, Rows: 57, Cols: 203}, "sh", "-c", "tty; stty size; exit 8")
			if r.out != "/dev/pts/0\r\n57 203\r\n" || r.code != 8 {
				t.Errorf("with a terminal: %+v", r)
			}
			if out := sh(t, c, Spec{}, "cat /proc/1/cmdline"); !strings.HasPrefix(out, "/bin/sleep\x00") {
				t.Errorf("its first process is %q", out)
			}
		})
	}
}
