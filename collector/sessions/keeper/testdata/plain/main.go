// Plain keeps a session of a program that is in no container: what tests of a keeper start.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/sessions/keeper"
)

type spec struct {
	Config     keeper.Config
	Args       []string
	TTY, Stdin bool
}

func main() {
	var s spec
	if err := json.Unmarshal([]byte(os.Getenv("SPEC")), &s); err != nil {
		panic(err)
	}
	os.Unsetenv("SPEC")
	if err := keeper.Run(s.Config, func() (*keeper.Program, error) { return start(&s) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type notFound struct{ error }

func (notFound) ExitStatus() int { return 127 }

func start(s *spec) (*keeper.Program, error) {
	p := &keeper.Program{Entered: "plain", Master: -1, Stdin: -1, Stdout: -1, Stderr: -1, Kill: killDescendants}
	attr := &syscall.SysProcAttr{Setsid: true}
	var theirs []int
	if s.TTY {
		master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
		unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: s.Config.Rows, Col: s.Config.Cols})
		n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
		if err != nil {
			return nil, err
		}
		slave, err := unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		attr.Setctty = true
		p.Master, p.PTYFrom, theirs = master, "host", []int{slave, slave, slave}
	} else {
		var in, out, err [2]int
		for _, p := range []*[2]int{&in, &out, &err} {
			if e := unix.Pipe2(p[:], unix.O_CLOEXEC); e != nil {
				return nil, e
			}
		}
		theirs = []int{in[0], out[1], err[1]}
		p.Stdin, p.Stdout, p.Stderr = in[1], out[0], err[0]
		if !s.Stdin {
			unix.Close(in[1])
			p.Stdin = -1
		}
	}
	files := []uintptr{uintptr(theirs[0]), uintptr(theirs[1]), uintptr(theirs[2])}
	pid, err := syscall.ForkExec(s.Args[0], s.Args, &syscall.ProcAttr{Env: os.Environ(), Files: files, Sys: attr})
	for i, fd := range theirs {
		if i == 0 || !s.TTY {
			unix.Close(fd)
		}
	}
	if errors.Is(err, syscall.ENOENT) {
		return nil, notFound{err}
	}
	p.PID = pid
	return p, err
}

// killDescendants kills every process below this one, to which orphans are given.
func killDescendants() (left bool) {
	for _, pid := range children(os.Getpid()) {
		var stat []byte
		if stat, _ = os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); len(stat) == 0 {
			continue
		}
		if _, after, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(after, "Z") {
			continue
		}
		left = true
		unix.Kill(pid, unix.SIGKILL)
	}
	return left
}

func children(pid int) (all []int) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		for _, f := range strings.Fields(string(b)) {
			child, _ := strconv.Atoi(f)
			all = append(append(all, child), children(child)...)
		}
	}
	return all
}
