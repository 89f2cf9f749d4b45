package enter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/sessions/sealed"
)

// The test binary is also the helper of the sessions in its tests.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case "enter-session":
		os.Exit(helper())
	case "enter-notify":
		runtime.LockOSThread() // a filter is that of a thread
		os.Exit(notifyHelper(os.Args[1:]))
	case "enter-apparmor", "enter-apparmor-nnp":
		runtime.LockOSThread() // so is what is executed next
		os.Exit(appArmorHelper(os.Args[1:], os.Args[0] == "enter-apparmor-nnp"))
	}
	if _, err := sealed.Toolbox(); err != nil { // it stays open
		panic(err)
	}
	os.Exit(rig.Main(m))
}

// request is what a test wants of the helper.
type request struct {
	Target  Target
	Spec    Spec
	Without []string // calls that a weakened helper does not make
	Early   bool     // a weakened helper starts the process in the container before it has given up its rights
	Legacy  bool     // the machine has no hierarchy of version 2
	Pause   bool     // the process in the container waits for a second before its next call
}

// change changes the program as a request says.
func (r *request) change(p *program) {
	p.calls = slices.DeleteFunc(p.calls, func(c call) bool { return slices.Contains(r.Without, c.name) })
	i := slices.IndexFunc(p.calls, func(c call) bool { return c.kind == fork })
	if r.Early {
		c := p.calls[i]
		p.calls = slices.Delete(p.calls, i, i+1)
		i = slices.IndexFunc(p.calls, func(c call) bool { return c.nr == unix.SYS_CHROOT })
		p.calls = slices.Insert(p.calls, i, c)
	}
	if r.Pause {
		p.calls = slices.Insert(p.calls, i+1, call{name: "wait", nr: unix.SYS_NANOSLEEP,
			args: [6]uintptr{at(p, unix.Timespec{Sec: 1})}})
	}
}

// reply is what the helper says on descriptor 4.
type reply struct {
	Refusal *Refusal
	Notes   []string
}

// helper starts a session and connects its streams with its own.
func helper() int {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt) // before anybody can see that the session runs
	var in request
	if err := json.NewDecoder(os.NewFile(3, "request")).Decode(&in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	build := programOf
	programOf = func(pl *plan) *program {
		p := build(pl)
		in.change(p)
		return p
	}
	if in.Legacy {
		readMounts = func() ([]cgroupMount, error) {
			all, err := cgroupMounts()
			return slices.DeleteFunc(all, func(m cgroupMount) bool { return m.v2 }), err
		}
	}
	s, err := Start(in.Target, in.Spec)
	var out reply
	if err != nil && !errors.As(err, &out.Refusal) {
		panic(err)
	}
	if err == nil {
		out.Notes = s.Notes
	} else {
		out.Refusal.Text = err.Error()
	}
	json.NewEncoder(os.NewFile(4, "reply")).Encode(out)
	if err != nil {
		return out.Refusal.ExitStatus()
	}
	defer s.Close()
	copied := make(chan struct{}, 2)
	from := func(fd int, to io.Writer) {
		io.Copy(to, os.NewFile(uintptr(fd), "stream"))
		copied <- struct{}{}
	}
	in2 := s.Stdin
	if s.Master >= 0 {
		in2, _ = unix.Dup(s.Master)
		go from(s.Master, os.Stdout)
	} else {
		go from(s.Stdout, os.Stdout)
		go from(s.Stderr, os.Stderr)
	}
	go func() {
		f := os.NewFile(uintptr(in2), "stdin")
		io.Copy(f, os.Stdin)
		f.Close()
	}()
	go func() {
		for range interrupted {
			for s.Kill() {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(s.PID, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	for begin := time.Now(); s.Kill(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > killWithin {
			fmt.Fprintln(os.Stderr, "processes are left")
			return 124
		}
	}
	<-copied
	if s.Master < 0 {
		<-copied
	}
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// result is how a session ended.
type result struct {
	reply
	out, err string
	code     int
}

// session is a session of a test that runs.
type session struct {
	*exec.Cmd
	stdin    io.WriteCloser
	out, err bytes.Buffer
	reply    *os.File
	ended    bool
}

func target(c *rig.Container) Target { return Target{ID: c.Name, PID: c.PID} }

// start starts a session in a container. files are further descriptors of the helper, from
// 5 on.
func start(t testing.TB, r request, files ...*os.File) *session {
	t.Helper()
	return startAs(t, r, nil, files...)
}

// startAs starts a session, with a helper whose process is started in a particular way.
func startAs(t testing.TB, r request, as *syscall.SysProcAttr, files ...*os.File) *session {
	t.Helper()
	if r.Spec.Session == "" {
		r.Spec.Session = rig.UniqueName("s")
	}
	ask, give, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answer, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{Cmd: exec.Command("/proc/self/exe"), reply: answer}
	s.Args[0] = "enter-session"
	s.Cmd.Stdout, s.Cmd.Stderr = &s.out, &s.err
	if s.stdin, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	s.ExtraFiles, s.SysProcAttr = append([]*os.File{ask, say}, files...), as
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	ask.Close()
	say.Close()
	if err := json.NewEncoder(give).Encode(r); err != nil {
		t.Fatal(err)
	}
	give.Close()
	t.Cleanup(func() { s.end(t) })
	return s
}

// end waits for the end of the session.
func (s *session) end(t testing.TB) (r result) {
	t.Helper()
	if s.ended {
		return result{}
	}
	s.ended = true
	s.stdin.Close()
	timer := time.AfterFunc(20*time.Second, func() { s.Process.Kill() })
	defer timer.Stop()
	if err := json.NewDecoder(s.reply).Decode(&r.reply); err != nil {
		t.Errorf("the helper says nothing: %v", err)
	}
	s.reply.Close()
	s.Wait()
	r.out, r.err, r.code = s.out.String(), s.err.String(), s.ProcessState.ExitCode()
	return r
}

// run runs a command in a container, with nothing on its standard input.
func run(t testing.TB, c *rig.Container, s Spec, args ...string) result {
	t.Helper()
	s.Args = args
	return start(t, request{Target: target(c), Spec: s}).end(t)
}

// sh runs a command of the shell, which has to succeed, and returns its output.
func sh(t testing.TB, c *rig.Container, s Spec, script string) string {
	t.Helper()
	r := run(t, c, s, "sh", "-c", script)
	if r.code != 0 || r.Refusal != nil {
		t.Fatalf("%s: exit status %d, %+v\n%s%s", script, r.code, r.Refusal, r.out, r.err)
	}
	return strings.ReplaceAll(r.out, "\r\n", "\n")
}

// rigCommand returns a command without streams.
func rigCommand(argv ...string) *exec.Cmd { return exec.Command(argv[0], argv[1:]...) }
