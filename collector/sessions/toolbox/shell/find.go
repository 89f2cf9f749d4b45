package shell

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/daytwo/daytwo/collector/sessions/toolbox/applets"
)

// shells are those of containers, the most comfortable one first.
var shells = []string{"bash", "ash", "sh"}

// anyShell becomes the best shell of the container, or is the toolbox's if none can be executed.
// To try is to become it: nothing of the container runs that was not asked for.
func anyShell(args []string) int {
	for _, name := range shells {
		if path, err := exec.LookPath(name); err == nil {
			// It returns if the shell's library, say, is not there.
			_ = syscall.Exec(path, append([]string{name}, args...), os.Environ())
		}
	}
	return sh(args)
}

// help lists what there is.
func help([]string) int {
	fmt.Println("The shell is a part of the toolbox, as are these programs. Their names come before PATH, a path\n" +
		"(/bin/ls) means the container's own. 'PROGRAM --help' tells more of most.")
	line := " "
	for _, name := range append([]string{"sh", "help"}, applets.Names()...) {
		if len(line)+1+len(name) > 90 {
			fmt.Println(line)
			line = " "
		}
		line += " " + name
	}
	fmt.Println(line)
	return 0
}
