package sessions

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/bench/rig"
)

// Commands run in a container, over NATS, with their streams, sizes and exit codes.
func TestCommands(t *testing.T) {
	f := newFixture(t, false)
	tty := func(c session.Command) session.Command { c.TTY, c.Stdin = true, true; return c }
	stdin := func(c session.Command) session.Command { c.Stdin = true; return c }
	for name, c := range map[string]struct {
		c              session.Command
		in             string
		stdout, stderr string
		exit           session.Exit
	}{
		"true":    {c: sh("true")},
		"code":    {c: sh("exit 42"), exit: session.Exit{Code: 42}},
		"signal":  {c: sh("kill -KILL $$"), exit: session.Exit{Code: 137, Signal: 9}},
		"streams": {c: sh("echo out; echo err >&2"), stdout: "out\n", stderr: "err\n"},
		"echo":    {c: stdin(sh("cat")), in: "hello\n", stdout: "hello\n"},
		"size":    {c: tty(sh("stty size")), stdout: "57 203\r\n"},
		"not found": {c: session.Command{Args: []string{"nothing"}},
			exit: session.Exit{Code: 127, Reason: session.NotStarted}},
		"env": {c: session.Command{Args: []string{"sh", "-c", "echo $A"}, Env: []string{"A=b"}}, stdout: "b\n"},
		"tool": {c: session.Command{Tool: session.ToolDebug, Args: []string{"debug", "sh", "-c", "echo in; cat; exit 4"},
			Stdin: true}, in: "x\n", stdout: "in\nx\n", exit: session.Exit{Code: 4}},
		"no such program": {c: session.Command{Tool: session.ToolDebug, Args: []string{"debug", "nothing"}},
			stderr: "nothing: it is neither in the toolbox nor in the container\n", exit: session.Exit{Code: 127}},
		"workdir": {c: session.Command{Args: []string{"pwd"}, Workdir: "/bin"}, stdout: "/bin\n"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, exit := f.run(c.c, c.in)
			exit.Detail = ""
			if stdout != c.stdout || stderr != c.stderr || exit != c.exit {
				t.Errorf("%q, %q, %+v; want %q, %q, %+v", stdout, stderr, exit, c.stdout, c.stderr, c.exit)
			}
		})
	}
	// It was in the container, and each is in the audit log.
	if host, _, _ := f.run(session.Command{Args: []string{"hostname"}}, ""); host == name(t) {
		t.Errorf("the session has the host's name, %s", host)
	}
	f.nothingLeft()
	f.stop()
	lines := f.auditLines()
	for _, want := range []string{"session-open: /bin/sh -c exit 42", "the program ended with code 42 (code 42)",
		`"object":"container ` + f.container.ID + ` task_id=t1"`, `"from":"10.1.2.3"`} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is not in the audit log:\n%s", want, lines)
		}
	}
	if _, err := audit.Verify(f.Dir + "/audit"); err != nil {
		t.Error(err)
	}
}

func name(t *testing.T) string {
	n, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return n + "\n"
}

func (f *fixture) auditLines() string {
	files, err := os.ReadDir(f.Dir + "/audit")
	if err != nil {
		f.Fatal(err)
	}
	var all strings.Builder
	for _, e := range files {
		b, err := os.ReadFile(f.Dir + "/audit/" + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// A grant that was used, altered, is for another node, another container or something else is
// refused, nothing is started, and the audit log says so.
func TestRefusals(t *testing.T) {
	f := newFixture(t, false)
	open := func(token string) error {
		conn, err := sessionrpc.Open(t.Context(), f.rpc, agent, &sessionrpc.Request{Grant: token, Client: "c"})
		if err == nil {
			conn.Close()
		}
		return err
	}
	used := f.sign(f.exec(sh("exit 0")))
	conn, err := sessionrpc.Open(t.Context(), f.rpc, agent,
		&sessionrpc.Request{Grant: used, Client: "c", Stdout: sessionrpc.Position{Window: 1 << 16}})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(context.Context, client.Resume) (client.Conn, error) { return conn, nil }
	s := client.New(client.Options{Dial: dial})
	if exit, err := s.Run(t.Context()); err != nil || !exit.Success() {
		t.Fatalf("%+v, %v", exit, err)
	}
	restarted, other, list := f.exec(sh("true")), f.exec(sh("true")), grant.Grant{Rights: []session.Right{session.List}}
	restarted.Container.Started++
	other.Container.ID += "x"
	elsewhere := f.exec(sh("true"))
	elsewhere.Agent, elsewhere.Principal = "n2", "alice"
	away, err := f.signer.Sign(elsewhere, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	fresh := f.sign(f.exec(sh("true")))
	for name, c := range map[string]struct {
		token string
		code  rpc.Code
		want  string
	}{
		"replayed":          {used, rpc.Denied, "used before"},
		"altered":           {fresh[:len(fresh)-8] + "AAAAAAAA", rpc.Denied, "altered"},
		"none":              {"", rpc.Denied, "no grant"},
		"another node":      {away, rpc.Denied, `for the node "n2"`},
		"started again":     {f.sign(restarted), rpc.NotFound, "was started again"},
		"another container": {f.sign(other), rpc.NotFound, "no such container"},
		"something else":    {f.sign(list), rpc.Denied, "for something else"},
	} {
		err := open(c.token)
		if rpc.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v (%s), want %q (%s)", name, err, rpc.CodeOf(err), c.want, c.code)
		}
	}
	if got := f.manager.Stats(); got.Opened != 1 || got.Refused != 5 || got.Failed != 2 || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	f.manager.SetKeys()
	if err := open(f.sign(f.exec(sh("true")))); !strings.Contains(fmt.Sprint(err), "--session-keys") {
		t.Errorf("without keys: %v", err)
	}
	f.manager.SetKeys(f.Keys...)
	f.nothingLeft()
	f.stop()
	if n := strings.Count(f.auditLines(), `"decision":"refused"`); n != 5 {
		t.Errorf("%d refusals in the audit log, want 5", n)
	}
}

// Several follow a session, which is listed, handed over and killed; its exit is known afterwards.
func TestAttachListKill(t *testing.T) {
	f := newFixture(t, false)
	g := f.exec(session.Command{Args: []string{"sh", "-c", "echo ready; while read x; do echo got $x; done"}, Stdin: true})
	var a, b buffer
	alice := client.New(client.Options{Dial: f.dial(g, 0, 0), Stdout: &a})
	done := make(chan session.Exit, 2)
	follow := func(c *client.Session) {
		exit, err := c.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- exit
	}
	go follow(alice)
	a.until(t, "ready")
	bob := client.New(client.Options{Stdout: &b,
		Dial: f.dial(grant.Grant{Session: g.Session, Principal: "bob", Rights: []session.Right{session.AttachRead}}, 0, 0)})
	go follow(bob)
	b.until(t, "ready")
	io.WriteString(alice, "one\n")
	bob.Claim(true)
	io.WriteString(bob, "evil\n")
	b.until(t, "got one")
	all, err := f.list()
	if err != nil || len(all) != 1 || all[0].Session != g.Session || all[0].Principal != "alice" || all[0].Exit != nil {
		t.Errorf("%+v, %v", all, err)
	}
	err = sessionrpc.Kill(t.Context(), f.rpc, agent,
		f.sign(grant.Grant{Session: g.Session, Principal: "carol", Rights: []session.Right{session.Kill}}))
	if err != nil {
		t.Error(err)
	}
	for range 2 {
		if exit := <-done; exit.Reason != session.Killed || exit.Detail != "by carol" || exit.Code == 0 {
			t.Errorf("%+v", exit)
		}
	}
	if strings.Contains(a.String(), "evil") {
		t.Error("who may only watch has written")
	}
	rig.Eventually(t, 5*time.Second, func() error {
		if all, err = f.list(); err != nil || len(all) != 1 || all[0].Exit == nil || all[0].Exit.Reason != session.Killed ||
			len(leftovers(f.Dir)) > 0 {
			return fmt.Errorf("%+v, %v", all, err)
		}
		return nil
	})
	// Who comes late is told how it ended.
	late := client.New(client.Options{Dial: f.dial(grant.Grant{Session: g.Session, Principal: "alice",
		Rights: []session.Right{session.AttachWrite}}, 0, 0)})
	if exit, err := late.Run(t.Context()); err != nil || exit.Reason != session.Killed {
		t.Errorf("%+v, %v", exit, err)
	}
}

// A session that is killed ends although a client takes nothing of what it prints.
func TestKillBesideStalledClient(t *testing.T) {
	f := newFixture(t, false)
	g := f.exec(session.Command{Args: []string{"yes"}})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	reading, stalled := io.Pipe()
	defer reading.Close()
	c := client.New(client.Options{Dial: f.dial(g, 0, 0), Stdout: stalled})
	go c.Run(ctx)
	if _, err := reading.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until nothing has room any more
	begun := time.Now()
	err := sessionrpc.Kill(t.Context(), f.rpc, agent,
		f.sign(grant.Grant{Session: g.Session, Principal: "carol", Rights: []session.Right{session.Kill}}))
	if took := time.Since(begun); err != nil || took > startFor {
		t.Errorf("%v after %v", err, took)
	}
}

func TestCollectorKilled(t *testing.T) {
	f := newFixture(t, true, func(f *fixture) { f.Orphaned = 30 * time.Second })
	first := f.spawn()
	command := sh("echo ready; while read x; do echo got $x; done; exit 33")
	command.Stdin = true
	g := f.exec(command)
	var out buffer
	lost := 0
	c := client.New(client.Options{Dial: f.dial(g, 0, 0), Stdout: &out, PingEvery: time.Second,
		Lost: func(error) { lost++ }})
	done := make(chan session.Exit, 1)
	go func() {
		exit, err := c.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- exit
	}()
	out.until(t, "ready")
	const lines = 3000
	go func() {
		for i := range lines {
			fmt.Fprintf(c, "%d\n", i)
			if i%1000 == 500 {
				time.Sleep(200 * time.Millisecond)
			}
		}
	}()
	for range 2 {
		time.Sleep(150 * time.Millisecond)
		if err := first.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		first.Wait()
		first = f.spawn()
	}
	out.until(t, fmt.Sprintf("got %d\n", lines-1))
	c.CloseWrite()
	if exit := <-done; exit.Code != 33 || exit.Reason != session.Exited {
		t.Errorf("%+v", exit)
	}
	var want strings.Builder
	want.WriteString("ready\n")
	for i := range lines {
		fmt.Fprintf(&want, "got %d\n", i)
	}
	if out.String() != want.String() {
		t.Errorf("%d bytes, want %d", len(out.String()), want.Len())
	}
	if lost == 0 {
		t.Error("no connection was lost")
	}
	f.nothingLeft()
	first.Process.Kill()
	first.Wait()
	if lines := f.auditLines(); !strings.Contains(lines, "code 33") {
		t.Errorf("the exit is not in the audit log: %s", lines)
	}
}

// Sessions of a collector that does not come back end by themselves, with all their processes;
// a later one hears how.
func TestNobodyOwns(t *testing.T) {
	f := newFixture(t, true, func(f *fixture) { f.Orphaned = time.Second })
	first := f.spawn()
	g := f.exec(sh("trap '' HUP; setsid sleep 1077 & (sleep 1077 &) ; echo ready; sleep 1077"))
	var out buffer
	go client.New(client.Options{Dial: f.dial(g, 0, 0), Stdout: &out, Patience: time.Millisecond}).Run(t.Context())
	out.until(t, "ready")
	first.Process.Kill()
	first.Wait()
	if n := strings.Count(f.container.Exec(t, "ps", "-o", "args"), "sleep 1077"); n < 3 {
		t.Errorf("%d processes before the end", n)
	}
	rig.Eventually(t, 20*time.Second, func() error {
		if ps := f.container.Exec(t, "ps", "-o", "args"); strings.Contains(ps, "sleep 1077") {
			return fmt.Errorf("left: %s", ps)
		}
		for _, l := range leftovers(f.Dir) {
			if strings.HasPrefix(l, "keeper") {
				return fmt.Errorf("%s is left", l)
			}
		}
		return nil
	})
	if left := findCgroups(cgroupPrefix + g.Session); len(left) > 0 {
		t.Errorf("left: %s", left)
	}
	f.start()
	defer f.stop()
	all, err := f.list()
	if err != nil || len(all) != 1 || all[0].Exit == nil || all[0].Exit.Reason != session.Orphaned {
		t.Errorf("%+v, %v", all, err)
	}
}

// A keeper that is killed leaves no process either, and its session is no success.
func TestKeeperKilled(t *testing.T) {
	f := newFixture(t, false)
	g := f.exec(session.Command{Args: []string{"sh", "-c", "trap '' HUP; setsid sleep 1077 & echo ready; sleep 1077"}})
	var out buffer
	c := client.New(client.Options{Dial: f.dial(g, 0, 0), Stdout: &out})
	done := make(chan session.Exit, 1)
	go func() {
		exit, err := c.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- exit
	}()
	out.until(t, "ready")
	l := f.manager.find(g.Session)
	if err := syscall.Kill(l.rec.Keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := <-done; exit.Reason != session.KeeperLost || exit.Code != session.CodeLost {
		t.Errorf("%+v", exit)
	}
	if ps := f.container.Exec(t, "ps", "-o", "args"); strings.Contains(ps, "sleep 1077") {
		t.Errorf("left: %s", ps)
	}
	if left := findCgroups(cgroupPrefix + g.Session); len(left) > 0 {
		t.Errorf("left: %s", left)
	}
}

// findCgroups returns the directories of a name in these hierarchies.
func findCgroups(name string) (found []string) {
	for _, mount := range findHierarchies() {
		_ = filepath.WalkDir(mount, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || !d.IsDir():
				return nil
			case d.Name() == name:
				found = append(found, path)
				return filepath.SkipDir
			}
			return nil
		})
	}
	return found
}
