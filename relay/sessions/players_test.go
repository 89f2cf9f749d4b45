package sessions

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/recording"
)

// checkPlayers lets asciinema itself print a recording.
func checkPlayers(t *testing.T, r *relay, i recording.Info, want string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("without python3 asciinema does not read the recording")
		return
	}
	venv := filepath.Join(t.TempDir(), "venv")
	for _, cmd := range [][]string{{python, "-m", "venv", venv},
		{filepath.Join(venv, "bin", "pip"), "install", "--no-deps", "--quiet", "asciinema==2.4.0"}} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			t.Logf("asciinema does not read the recording, as it cannot be installed: %v: %s", err, out)
			return
		}
	}
	path := filepath.Join(r.dir, i.Session+"."+i.Piece+".cast")
	cat := exec.Command(filepath.Join(venv, "bin", "asciinema"), "cat", path)
	cat.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "ASCIINEMA_CONFIG_HOME="+t.TempDir())
	out, err := cat.CombinedOutput()
	if err != nil || strings.ReplaceAll(string(out), "\r\n", "\n") != strings.ReplaceAll(want, "\r\n", "\n") {
		t.Errorf("asciinema: %v: %q, want %q", err, out, want)
	}
}
