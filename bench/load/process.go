package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// env holds the work of a load process; a test binary that finds it is one.
const env = "DAYTWO_LOAD"

// Work is what a load process does, in the order of the fields. Zero values are
// skipped.
type Work struct {
	Cgroups []string      // directories to join first, one a hierarchy
	CPU     time.Duration // CPU time to use
	Threads int           // number of threads that sleep
	Fork    int           // number of children to start, one after another
	Anon    int64         // bytes of anonymous memory, touched and kept
	File    string        // file to write, sync and read back past the page cache
	Size    int64         // bytes of File
	Cache   bool          // read File once more, into the page cache
	OOM     bool          // take memory until killed
	Orphan  bool          // end the first thread; the others live on
}

// Process is a load process that Start made.
type Process struct {
	Pid    int
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

// Main turns the process into a load process if it was started as one, and does
// not return then. TestMain calls it first.
func Main() {
	job := os.Getenv(env)
	if job == "" {
		return
	}
	os.Unsetenv(env)
	var w Work
	err := json.Unmarshal([]byte(job), &w)
	if err == nil {
		err = w.run()
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	if w.Orphan {
		go serve(firstThreadEnded)
		syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // this thread alone: see init
	}
	serve(func() {})
}

// init keeps the main goroutine of a load process on the first thread.
func init() {
	if os.Getenv(env) != "" {
		runtime.LockOSThread()
	}
}

func serve(wait func()) {
	wait()
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin) // until the test closes it, or ends
	os.Exit(0)
}

func firstThreadEnded() {
	for {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", os.Getpid()))
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Start re-executes this program as a load process.
func Start(w Work) (*Process, error) {
	job, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), env+"="+string(job), "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a load process: %w", err)
	}
	return &Process{Pid: cmd.Process.Pid, cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}, nil
}

// Wait returns when the work is done; the process then sleeps. It returns
// io.EOF if the process was killed first.
func (p *Process) Wait() error {
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return err
	}
	if line = strings.TrimSpace(line); line != "ready" {
		return errors.New(line)
	}
	return nil
}

// Pause stops the process and returns when no thread of it runs any more.
func (p *Process) Pause() error {
	if err := syscall.Kill(p.Pid, syscall.SIGSTOP); err != nil {
		return err
	}
	var info unix.Siginfo
	return unix.Waitid(unix.P_PID, p.Pid, &info, unix.WSTOPPED|unix.WNOWAIT, nil)
}

// Resume undoes Pause.
func (p *Process) Resume() error { return syscall.Kill(p.Pid, syscall.SIGCONT) }

// Stop ends the process and reaps it. It is safe to call more than once.
func (p *Process) Stop() {
	p.stdin.Close()
	p.cmd.Process.Kill() // it may have ended
	p.cmd.Wait()
}

// Killed reports whether a process that Wait returned io.EOF for died of SIGKILL.
func (p *Process) Killed() bool {
	p.cmd.Wait()
	s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// join moves the process into a cgroup.
func join(dir string) error {
	return os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(os.Getpid())), 0)
}
