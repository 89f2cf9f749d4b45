package origin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/launcher"
)

// If this variable is set, the test binary is a sender.
const senderEnv = "DAYTWO_TEST_SENDER"

// If this variable is set, the test binary is the daytwo program.
const programEnv = "DAYTWO_TEST_PROGRAM"

// sending says what a sender does: join cgroups, send, and wait until its input ends.
type sending struct {
	Cgroups          []string
	Netns            bool // in a network namespace of its own
	Wait             bool // for a byte of input before sending
	Network, Address string
	Lines            []string
	Repeat           int // how often to send all lines; default once
	Segment          int // UDP_SEGMENT (udp(7)): bytes of a datagram
}

func TestMain(m *testing.M) {
	if status, is := launcher.Helper(); is {
		os.Exit(status)
	}
	if os.Getenv(programEnv) != "" {
		os.Unsetenv(programEnv)
		os.Exit(cli.Main(os.Args[1:], cli.Programs{Version: "test",
			Run: func(ctx context.Context, t cli.Task) (int, error) { return launcher.Run(ctx, launcher.Task(t)) }}))
	}
	if job := os.Getenv(senderEnv); job != "" {
		if err := send(job); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("sent")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	code := rig.Main(m)
	for _, dir := range []string{"/sys/fs/cgroup/daytwo", "/sys/fs/cgroup/*/daytwo"} { // of daytwo run; busy ones stay
		found, _ := filepath.Glob(dir)
		for _, d := range found {
			unix.Rmdir(d)
		}
	}
	os.Exit(code)
}

func send(job string) error {
	var s sending
	if err := json.Unmarshal([]byte(job), &s); err != nil {
		return err
	}
	for _, dir := range s.Cgroups {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			return err
		}
	}
	if s.Netns {
		if err := rig.LoopbackUp(); err != nil {
			return err
		}
	}
	if s.Wait {
		fmt.Println("ready")
		os.Stdin.Read(make([]byte, 1))
	}
	if s.Address == "" { // the address that a task gets
		s.Address = net.JoinHostPort(os.Getenv("STATSD_UDP_HOST"), os.Getenv("STATSD_UDP_PORT"))
	}
	conn, err := net.Dial(s.Network, s.Address)
	if err != nil {
		return err
	}
	if s.Segment > 0 {
		const udpSegment = 103
		raw, err := conn.(*net.UDPConn).SyscallConn()
		if err != nil {
			return err
		}
		var opt error
		if err := raw.Control(func(fd uintptr) {
			opt = unix.SetsockoptInt(int(fd), unix.SOL_UDP, udpSegment,
				s.Segment)
		}); err != nil || opt != nil {
			return errors.Join(err, opt)
		}
	}
	for range max(s.Repeat, 1) {
		for _, l := range s.Lines {
			if _, err := conn.Write([]byte(l)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sender is a running sender process.
type sender struct {
	*exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

func startSender(t *testing.T, s sending, attr ...func(*exec.Cmd)) *sender {
	t.Helper()
	job, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &sender{Cmd: exec.Command("/proc/self/exe")}
	p.Env = append(os.Environ(), senderEnv+"="+string(job))
	if s.Netns {
		p.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
	for _, a := range attr {
		a(p.Cmd)
	}
	p.in, _ = p.StdinPipe()
	p.out, _ = p.StdoutPipe()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	if s.Wait {
		p.expect(t, "ready\n")
	} else {
		p.expect(t, "sent\n")
	}
	return p
}

func (p *sender) expect(t *testing.T, want string) {
	t.Helper()
	b := make([]byte, 4096)
	n, err := p.out.Read(b)
	if string(b[:n]) != want {
		t.Fatalf("the sender says %q (%v)", b[:n], err)
	}
}

func (p *sender) stop() {
	p.in.Close()
	p.Process.Kill()
	p.Wait()
}

// makeCgroup makes a cgroup in every hierarchy that a table uses.
func makeCgroup(t *testing.T, tab *Table, path string) (dirs []string) {
	t.Helper()
	for h := range tab.trees {
		if tab.trees[h].dir == "" {
			continue
		}
		dir := filepath.Join(tab.trees[h].dir, path)
		made := ""
		for d := dir; d != tab.trees[h].dir; d = filepath.Dir(d) {
			if _, err := os.Stat(d); err != nil {
				made = d
			}
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for d := dir; made != "" && len(d) >= len(made); d = filepath.Dir(d) {
				unix.Rmdir(d)
			}
		})
		dirs = append(dirs, dir)
	}
	return dirs
}
