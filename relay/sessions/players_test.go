package sessions

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/bench/rig"
)

// checkPlayers lets asciinema itself print a recording.
func checkPlayers(t *testing.T, r *relay, i recording.Info, want string) {
	t.Helper()
	python := rig.Python(t, "asciinema==2.4.0")
	path := filepath.Join(r.dir, i.Session+"."+i.Piece+".cast")
	cat := exec.Command(filepath.Join(filepath.Dir(python), "asciinema"), "cat", path)
	cat.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "ASCIINEMA_CONFIG_HOME="+t.TempDir())
	out, err := cat.CombinedOutput()
	if err != nil || strings.ReplaceAll(string(out), "\r\n", "\n") != strings.ReplaceAll(want, "\r\n", "\n") {
		t.Errorf("asciinema: %v: %q, want %q", err, out, want)
	}
}
