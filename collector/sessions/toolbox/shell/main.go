package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"github.com/daytwo/daytwo/collector/sessions/toolbox/applets"
)

// program returns the program of a name, or nil.
func program(name string) func(args []string) int {
	switch name {
	case "sh":
		return sh
	case "shell":
		return anyShell
	case "help":
		return help
	}
	return applets.Find(name)
}

// Main runs a program with arguments: one of the toolbox, or else one of the container. Without
// arguments it is a shell.
func Main(args []string) int {
	if len(args) == 0 {
		args = []string{"sh"}
	}
	if run := program(args[0]); run != nil {
		return run(args[1:])
	}
	path, err := exec.LookPath(args[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		err = syscall.Exec(path, args, os.Environ())
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "%s: it is neither in the toolbox nor in the container\n", args[0])
		return 127
	}
	fmt.Fprintf(os.Stderr, "%s: it cannot be executed: %v\n", args[0], err)
	return 126
}
