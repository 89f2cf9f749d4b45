package cli

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/bench/rig"
)

// Where data is kept without --data depends on the user and on the environment.
func TestDefaultData(t *testing.T) {
	const variable = "CLI_TEST_DEFAULT_DATA"
	if os.Getenv(variable) != "" {
		os.Stdout.WriteString("data=" + DefaultData() + "\n")
		return
	}
	rig.NeedRoot(t, "running as another user")
	if got := DefaultData(); got != setting.Data {
		t.Errorf("root: %s", got)
	}
	for want, env := range map[string][]string{
		"/xdg/daytwo":                    {"XDG_DATA_HOME=/xdg", "HOME=/home/me"},
		"/home/me/.local/share/daytwo":   {"XDG_DATA_HOME=", "HOME=/home/me"},
		"/home/them/.local/share/daytwo": {"XDG_DATA_HOME=relative", "HOME=/home/them"},
		setting.Data:                     {"XDG_DATA_HOME=", "HOME="},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestDefaultData$")
		cmd.Env = append(os.Environ(), append(env, variable+"=1")...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "data="+want+"\n") {
			t.Errorf("%v: want %s: %v\n%s", env, want, err, out)
		}
	}
}
