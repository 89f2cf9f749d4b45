package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/bench/rig"
)

// slowly is a reader that takes some bytes at a time, with pauses.
type slowly struct {
	io.Writer
	rest, every int
	pause       time.Duration
}

func (s *slowly) Write(p []byte) (int, error) {
	for s.rest -= len(p); s.rest < 0; s.rest += s.every {
		time.Sleep(s.pause)
	}
	return s.Writer.Write(p)
}

func seq(n int, end string) string {
	var b bytes.Buffer
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "%d%s", i, end)
	}
	return b.String()
}

// Every byte reaches a slow reader, then comes the exit code (S-A1).
func TestSlowReader(t *testing.T) {
	for name, c := range map[string]struct {
		s   spec
		end string
	}{"pipes": {sh("seq 1 400000; exit 5"), "\n"}, "terminal": {sh("seq 1 400000; exit 5").tty(), "\r\n"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := start(t, c.s)
			control := k.control(t)
			var out buffer
			session := client.New(client.Options{Dial: k.dial("alice", true), Window: 32 << 10,
				Stdout: &slowly{Writer: &out, every: 100 << 10, pause: 20 * time.Millisecond}})
			exit, err := session.Run(t.Context())
			if err != nil || exit.Code != 5 {
				t.Fatalf("%+v, %v", exit, err)
			}
			if want := seq(400000, c.end); out.String() != want {
				t.Errorf("%d bytes, want %d", len(out.String()), len(want))
			}
			control.exit(t, 5*time.Second)
			k.wait(t, 5*time.Second)
		})
	}
}

// Bulk output arrives in whole, whatever is in it.
func TestBulk(t *testing.T) {
	const size = 100 << 20
	k := start(t, sh(fmt.Sprintf("yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c %d", size)))
	control := k.control(t)
	got, want := sha256.New(), sha256.New()
	line := []byte("0123456789abcdefghijklmnopqrstuvwxyz\n")
	for n := 0; n < size; n += len(line) {
		want.Write(line[:min(len(line), size-n)])
	}
	exit, err := client.New(client.Options{Dial: k.dial("alice", true), Stdout: got}).Run(t.Context())
	if err != nil || !exit.Success() || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("%+v, %v, the same: %v", exit, err, bytes.Equal(got.Sum(nil), want.Sum(nil)))
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
	usage := k.cmd.ProcessState.UserTime() + k.cmd.ProcessState.SystemTime()
	t.Logf("the keeper used %v for %d MB", usage, size>>20)
}

// A megabyte goes in and comes out.
func TestBulkInput(t *testing.T) {
	in := seq(200000, "\n")
	stdout, _, exit := run(t, sh("cat").stdin(), in)
	if stdout != in || !exit.Success() {
		t.Errorf("%d bytes of %d, %+v", len(stdout), len(in), exit)
	}
}

// The output of a command on a terminal that ends at once is never lost (S-A2).
func TestQuickCommands(t *testing.T) {
	for i := range 100 * max(1, rig.SoakRounds()) {
		stdout, _, exit := run(t, sh(fmt.Sprintf("echo %d", i)).tty(), "")
		if want := fmt.Sprintf("%d\r\n", i); stdout != want || !exit.Success() {
			t.Fatalf("run %d: %q, %+v", i, stdout, exit)
		}
	}
	want := seq(100000, "\r\n")
	for i := range 3 * max(1, rig.SoakRounds()) {
		if stdout, _, exit := run(t, sh("seq 1 100000").tty(), ""); stdout != want || !exit.Success() {
			t.Fatalf("run %d: %d bytes, want %d; %+v", i, len(stdout), len(want), exit)
		}
	}
}

// The first program sees the right size; resizes harm no input; the last one wins (S-A7).
func TestWindowSize(t *testing.T) {
	for range 20 * max(1, rig.SoakRounds()) {
		if stdout, _, _ := run(t, sh("stty size").tty(), ""); stdout != "57 203\r\n" {
			t.Fatalf("%q", stdout)
		}
	}
	k := start(t, sh("stty -echo; echo ready; while read x && test $x != end; do echo got $x; done; stty size").tty())
	control := k.control(t)
	var out buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out})
	go func() {
		out.until(t, "ready")
		for i := range 300 {
			c.Resize(uint16(i+1), uint16(2*i+1))
			fmt.Fprintf(c, "line%d\n", i)
		}
		c.Resize(44, 155)
		io.WriteString(c, "end\n")
	}()
	exit, err := c.Run(t.Context())
	if err != nil || !exit.Success() {
		t.Fatalf("%+v, %v", exit, err)
	}
	for i := range 300 {
		if !strings.Contains(out.String(), fmt.Sprintf("got line%d\r\n", i)) {
			t.Errorf("line %d is missing", i)
		}
	}
	if !strings.HasSuffix(out.String(), "44 155\r\n") {
		t.Errorf("at the end the size is %q", out.String()[max(0, len(out.String())-20):])
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
}

// A reader that reads nothing stops the program, and nothing grows; then all goes on.
func TestStalledReader(t *testing.T) {
	k := start(t, sh("seq 1 3000000"))
	control := k.control(t)
	resume := make(chan struct{})
	var out buffer
	stalled := writerFunc(func(p []byte) (int, error) {
		<-resume
		return out.Write(p)
	})
	done := make(chan session.Exit, 1)
	go func() {
		o := client.Options{Dial: k.dial("alice", true), Stdout: stalled, Window: 64 << 10}
		exit, _ := client.New(o).Run(context.Background())
		done <- exit
	}()
	var before int
	rig.Eventually(t, 5*time.Second, func() error {
		n := int(control.state(t).Bytes[1])
		if n == 0 || n != before {
			before = n
			time.Sleep(100 * time.Millisecond)
			return fmt.Errorf("%d bytes", n)
		}
		return nil
	})
	if before > ringSize {
		t.Errorf("%d bytes were read of the program while nobody took them", before)
	}
	close(resume)
	if exit := <-done; !exit.Success() {
		t.Errorf("%+v", exit)
	}
	if want := seq(3000000, "\n"); out.String() != want {
		t.Errorf("%d bytes, want %d", len(out.String()), len(want))
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A client that sends much before it reads on is read from while output waits for it: else both
// would wait for each other.
func TestSendBeforeReading(t *testing.T) {
	k := start(t, sh("yes").stdin())
	control := k.control(t)
	r := client.Resume{Client: "c1"}
	r.Out[wire.Stdout].Window = 1 << 20
	conn, err := k.dial("alice", true)(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // the socket is full of output
	sent := make(chan error, 1)
	go func() {
		for range 5000 { // a socket has room for some hundred messages, however small
			if _, err := conn.Write(wire.Append(nil, &wire.Message{Type: wire.Resize, Rows: 1, Cols: 1})); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	select {
	case err := <-sent:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the keeper does not read")
	}
	if _, err := conn.Write(wire.Append(nil, &wire.Message{Type: wire.Detach})); err != nil { // else it may come back
		t.Error(err)
	}
	conn.Close()
	control.kill(t, session.Killed, "the test")
	control.exit(t, 5*time.Second)
	k.wait(t, 10*time.Second)
}
