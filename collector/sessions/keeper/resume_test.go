package keeper

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/bench/rig"
)

// cutting is a connection that breaks after some bytes in either direction.
type cutting struct {
	client.Conn
	mu   sync.Mutex
	left int
}

func (c *cutting) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	return n
}

func (c *cutting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), 1+rand.IntN(5000))])
	if m := c.take(n); m < n {
		c.Close()
		return m, io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *cutting) Write(p []byte) (int, error) {
	m := c.take(len(p))
	n, err := c.Conn.Write(p[:m])
	if err == nil && m < len(p) {
		c.Close()
		err = io.ErrClosedPipe
	}
	return n, err
}

// Connections that break at any point cost no byte, repeat none, and never make a wrong exit
// code (S-A4).
func TestResume(t *testing.T) {
	const lines = 30000
	for i := range 5 * max(1, rig.SoakRounds()) {
		k := start(t, sh("cat; exit 6").stdin())
		control := k.control(t)
		var out buffer
		cuts, longest := 0, 1000
		dial := k.dial("alice", true)
		c := client.New(client.Options{Stdout: &out, Dial: func(ctx context.Context, r client.Resume) (client.Conn, error) {
			conn, err := dial(ctx, r)
			cuts++
			longest += longest / 8
			return &cutting{Conn: conn, left: rand.IntN(longest)}, err
		}})
		go func() {
			for n := 1; n <= lines; n++ {
				fmt.Fprintln(c, n)
			}
			c.CloseWrite()
		}()
		exit, err := c.Run(t.Context())
		if err != nil || exit.Code != 6 {
			t.Fatalf("round %d: %+v, %v", i, exit, err)
		}
		if out.String() != seq(lines, "\n") {
			t.Fatalf("round %d: %d bytes came back, want %d", i, len(out.String()), len(seq(lines, "\n")))
		}
		t.Logf("%d connections", cuts)
		control.exit(t, 5*time.Second)
		k.wait(t, 10*time.Second)
	}
}

// A client that is away when the program ends still gets the rest of the output and the code.
func TestResumeAfterExit(t *testing.T) {
	k := start(t, sh("echo first; sleep 0.2; echo last; exit 4"))
	control := k.control(t)
	var out buffer
	dial := k.dial("alice", true)
	first := true
	c := client.New(client.Options{Stdout: &out, Dial: func(ctx context.Context, r client.Resume) (client.Conn, error) {
		if !first {
			control.exit(t, 5*time.Second)
		}
		conn, err := dial(ctx, r)
		if first && err == nil {
			first = false
			go func() { out.until(t, "first"); conn.Close() }()
		}
		return conn, err
	}})
	exit, err := c.Run(t.Context())
	if err != nil || exit.Code != 4 || out.String() != "first\nlast\n" {
		t.Errorf("%q, %+v, %v", out.String(), exit, err)
	}
	k.wait(t, 10*time.Second)
}

// After a client has detached the program runs on, and what is no longer kept is a gap.
func TestDetach(t *testing.T) {
	s := sh("echo begin; read x; seq 1 200000; echo done; read x; exit 2").stdin()
	k := start(t, s)
	control := k.control(t)
	var out buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out, Client: "c1"})
	go func() {
		out.until(t, "begin")
		io.WriteString(c, "go\n")
		c.Detach()
	}()
	if _, err := c.Run(t.Context()); err != client.ErrDetached {
		t.Fatal(err)
	}
	want := seq(200000, "\n")
	rig.Eventually(t, 10*time.Second, func() error {
		if n := control.state(t).Bytes[wire.Stdout]; int(n) != len("begin\ndone\n")+len(want) {
			return fmt.Errorf("%d bytes", n)
		}
		return nil
	})
	var rest buffer
	var gap uint64
	c = client.New(client.Options{Dial: k.dial("alice", true), Stdout: &rest, Client: "c1",
		From: [wire.Streams]uint64{wire.Stdout: 6}, Gap: func(s wire.Stream, n uint64) { gap = n }})
	go func() {
		rest.until(t, "done\n")
		c.Claim(false) // it is not the writer any more
		io.WriteString(c, "x\n")
	}()
	exit, err := c.Run(t.Context())
	if err != nil || exit.Code != 2 {
		t.Errorf("%+v, %v", exit, err)
	}
	all := want + "done\n"
	if got := rest.String(); gap == 0 || int(gap)+len(got) != len(all) || !strings.HasSuffix(all, got) {
		t.Errorf("a gap of %d bytes, then %d, of %d", gap, len(got), len(all))
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
}

// Several watch, one writes, and writing is handed over. A watcher that reads nothing stops
// nobody, and is told what it missed.
func TestWatchers(t *testing.T) {
	k := start(t, sh("while read x && test $x != end; do echo got $x; done; seq 1 200000; read x; exit 8").stdin())
	control := k.control(t)
	ctx := t.Context()
	run := func(name string, write bool, o client.Options) (*client.Session, chan session.Exit) {
		o.Dial = k.dial(name, write)
		c, done := client.New(o), make(chan session.Exit, 1)
		go func() {
			exit, err := c.Run(ctx)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			done <- exit
		}()
		return c, done
	}
	var a, b, w buffer
	alice, aliceDone := run("alice", true, client.Options{Stdout: &a})
	io.WriteString(alice, "one\n")
	a.until(t, "got one")
	wrote := make(chan wire.Write, 10)
	bob, bobDone := run("bob", true, client.Options{Stdout: &b, Writer: func(w wire.Write) { wrote <- w }})
	stuck, gap := make(chan struct{}), make(chan uint64, 10000)
	watcher, watcherDone := run("carol", false, client.Options{Window: 8 << 10,
		Gap: func(_ wire.Stream, n uint64) { gap <- n }, Stdout: writerFunc(func(p []byte) (int, error) {
			if strings.Contains(string(p), "100\n") {
				<-stuck
			}
			return w.Write(p)
		})})
	b.until(t, "got one")
	w.until(t, "got one")
	io.WriteString(bob, "mallory\n") // bob does not write: it waits
	watcher.Claim(true)              // who may only watch cannot take the writing
	io.WriteString(watcher, "evil\n")
	io.WriteString(alice, "two\n")
	b.until(t, "got two")
	bob.Claim(false) // alice writes
	io.WriteString(alice, "three\n")
	b.until(t, "got three")
	alice.Yield()
	rig.Eventually(t, 5*time.Second, func() error {
		if name := control.state(t).Writer; name != "" {
			return fmt.Errorf("%s writes", name)
		}
		return nil
	})
	bob.Claim(false)
	writes := func(you bool, name string) { // after what bob was told before
		t.Helper()
		for end := time.After(15 * time.Second); ; {
			select {
			case got := <-wrote:
				if got.You == you && got.Name == name {
					return
				}
			case <-end:
				t.Fatalf("bob does not hear that %s writes", name)
			}
		}
	}
	writes(true, "bob")
	io.WriteString(bob, "four\n")
	a.until(t, "got four")
	alice.Claim(true)
	writes(false, "alice")
	io.WriteString(alice, "end\n")
	a.until(t, "200000\n")
	b.until(t, "200000\n")
	close(stuck)
	if n := <-gap; n == 0 {
		t.Error("no gap")
	}
	io.WriteString(alice, "x\n")
	for _, done := range []chan session.Exit{aliceDone, bobDone, watcherDone} {
		if exit := <-done; exit.Code != 8 {
			t.Errorf("%+v", exit)
		}
	}
	if s := a.String() + w.String(); strings.Contains(s, "evil") || a.String() != b.String() {
		t.Errorf("%d and %d bytes, or input of one who does not write", len(a.String()), len(b.String()))
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
}

// A session ends by itself at its limits, and says why; with every process that it started.
func TestLimits(t *testing.T) {
	const tree = "trap '' HUP TERM; setsid sleep 1000 & (sleep 1000 &); sleep 1000"
	for name, c := range map[string]struct {
		limits  session.Limits
		orphan  time.Duration
		control bool
		client  bool
		reason  session.Reason
	}{
		"total":    {session.Limits{Total: 300 * time.Millisecond}, time.Hour, true, true, session.TimeLimit},
		"idle":     {session.Limits{Idle: 300 * time.Millisecond}, time.Hour, true, true, session.IdleLimit},
		"detached": {session.Limits{Detached: 300 * time.Millisecond}, time.Hour, true, false, session.DetachedLimit},
		"orphaned": {session.Limits{}, 300 * time.Millisecond, false, true, session.Orphaned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sh(tree)
			s.Config.Limits, s.Config.Orphaned = c.limits, c.orphan
			begun := time.Now()
			k := start(t, s)
			var control *controlConn
			if c.control {
				control = k.control(t)
			}
			var exit session.Exit
			if c.client {
				_, exit = attach(t, k, func(*client.Session) {})
			}
			if control != nil {
				exit = control.exit(t, 5*time.Second)
			}
			took := time.Since(begun)
			if exit.Reason != c.reason || exit.Code == 0 || exit.Detail == "" || took > 2500*time.Millisecond {
				t.Errorf("%+v after %v", exit, took)
			}
			k.wait(t, 10*time.Second)
			if control == nil { // the next collector finds how it ended
				b, err := os.ReadFile(filepath.Join(k.dir, ExitFile(k.id)))
				if err != nil {
					t.Fatal(err)
				}
				m, _, err := wire.Parse(b)
				if e, err2 := wire.ParseExit(m.Data); err != nil || err2 != nil || e != exit {
					t.Errorf("the file says %+v, %v, %v", e, err, err2)
				}
			}
		})
	}
}

func TestKill(t *testing.T) {
	k := start(t, sh("trap '' HUP; echo ready; sleep 1000").tty())
	control := k.control(t)
	var out buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out})
	go func() {
		out.until(t, "ready")
		control.kill(t, session.Killed, "by carol")
	}()
	exit, err := c.Run(t.Context())
	want := session.Exit{Code: 137, Signal: 9, Reason: session.Killed, Detail: "by carol"}
	if err != nil || exit != want {
		t.Errorf("%+v, %v", exit, err)
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
}

// A collector that ends leaves the session to the next one, which hears of its end.
func TestTakeUp(t *testing.T) {
	s := sh("echo ready; read x; exit 11").stdin()
	s.Config.Orphaned = 3 * time.Second
	k := start(t, s)
	first := k.control(t)
	var out buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out})
	go func() {
		out.until(t, "ready")
		first.Close()
		time.Sleep(300 * time.Millisecond)
		second := k.control(t)
		io.WriteString(c, "go\n")
		if exit := second.exit(t, 5*time.Second); exit.Code != 11 {
			t.Errorf("%+v", exit)
		}
	}()
	if exit, err := c.Run(t.Context()); err != nil || exit.Code != 11 {
		t.Errorf("%+v, %v", exit, err)
	}
	k.wait(t, 10*time.Second)
}

// Signals reach the program: the foreground of a terminal, and the program's group.
func TestSignals(t *testing.T) {
	for _, s := range []spec{sh("trap 'exit 21' INT; echo ready; while :; do sleep 0.02; done").tty(),
		sh("trap 'exit 21' INT; echo ready; while :; do sleep 0.02; done"),
		sh("trap 'exit 21' USR1; echo ready; while :; do sleep 0.02; done").tty()} {
		k := start(t, s)
		control := k.control(t)
		number := 2
		if strings.Contains(s.Args[2], "USR1") {
			number = 10
		}
		var out buffer
		c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out})
		go func() {
			out.until(t, "ready")
			c.Signal(number)
		}()
		if exit, err := c.Run(t.Context()); err != nil || exit.Code != 21 {
			t.Errorf("%v: %+v, %v", s.Args, exit, err)
		}
		control.exit(t, 5*time.Second)
		k.wait(t, 5*time.Second)
	}
}
