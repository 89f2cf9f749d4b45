package forward

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// The end goes through in one direction while the other goes on, whoever begins.
func TestHalfClose(t *testing.T) {
	asks := listen(t, "127.0.0.1:0", upper)
	tells := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		io.WriteString(c, "hello")
		c.CloseWrite()
		b, err := io.ReadAll(c)
		if string(b) != "after your end" {
			t.Errorf("the server got %q, %v", b, err)
		}
	})
	f := newFixture(t, asks, tells)
	long := strings.Repeat("some text. ", 200_000)
	for _, request := range []string{"", "x", long} {
		if got, err := f.ask(asks, request); err != nil || got != strings.ToUpper(request) {
			t.Errorf("%d bytes, %v for %d", len(got), err, len(request))
		}
	}
	c := f.dial(tells)
	if b, err := io.ReadAll(c); string(b) != "hello" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	io.WriteString(c, "after your end")
	c.CloseWrite()
	for range 4 {
		if err := <-f.errs; err != nil {
			t.Error(err)
		}
	}
}

// A reset goes through in both directions, and ends that connection alone.
func TestReset(t *testing.T) {
	gone := make(chan error, 1)
	port := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		var b [1]byte
		c.Read(b[:])
		switch b[0] {
		case 'r':
			c.SetLinger(0)
		case 'w':
			_, err := c.Read(b[:])
			gone <- err
		default:
			io.Copy(c, c)
		}
	})
	f := newFixture(t, port)
	other := f.dial(port)
	echo := func() {
		t.Helper()
		other.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(other, "echo"); err != nil {
			t.Fatal(err)
		}
		var b [4]byte
		if _, err := io.ReadFull(other, b[:]); err != nil || string(b[:]) != "echo" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	io.WriteString(other, "e")
	echo()
	c := f.dial(port)
	io.WriteString(c, "r")
	if b, err := io.ReadAll(c); !isReset(err) {
		t.Errorf("the server resets, and the user gets %q, %v", b, err)
	}
	echo()
	c = f.dial(port)
	io.WriteString(c, "w")
	time.Sleep(50 * time.Millisecond)
	c.SetLinger(0)
	c.Close()
	if err := <-gone; !isReset(err) {
		t.Errorf("the user resets, and the server gets %v", err)
	}
	echo()
	if n := f.client.Streams(); n != 1 {
		t.Errorf("%d streams", n)
	}
}

// Hundreds of requests that are aborted midway leave nothing, and hinder nobody.
func TestAborted(t *testing.T) {
	chunk := make([]byte, 100_000)
	var open atomic.Int64
	port := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		open.Add(1)
		defer open.Add(-1)
		var b [1]byte
		if _, err := c.Read(b[:]); err != nil || b[0] != 'x' {
			upper(c)
			return
		}
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	})
	f := newFixture(t, port)
	if _, err := f.ask(port, "-first"); err != nil {
		t.Fatal(err)
	}
	f.quiet(runtime.NumGoroutine())
	before := runtime.NumGoroutine()
	for round := range 3 {
		var work sync.WaitGroup
		for i := range 500 {
			work.Go(func() {
				c := f.dial(port)
				io.WriteString(c, "x")
				if i%5 != 0 { // else at once
					io.ReadFull(c, make([]byte, 1000))
				}
				if i%2 == 0 {
					c.SetLinger(0)
				}
				c.Close()
			})
		}
		work.Wait()
		f.quiet(before)
		if got, err := f.ask(port, "-next"); err != nil || got != "NEXT" {
			t.Fatalf("round %d: %q, %v", round, got, err)
		}
	}
	f.quiet(before)
	if n := open.Load(); n != 0 {
		t.Errorf("%d connections are left at the server", n)
	}
}

// Programs that listen on IPv6 alone are found.
func TestIPv6(t *testing.T) {
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		rig.Missing(t, "IPv6", err.Error(), "a kernel with IPv6 on its loopback interface")
	} else {
		l.Close()
	}
	port := listen(t, "[::1]:0", upper)
	f := newFixture(t, port)
	if got, err := f.ask(port, "six"); err != nil || got != "SIX" {
		t.Errorf("%q, %v", got, err)
	}
}

// What nobody listens on, and what the session is not for, is refused with the reason.
func TestRefused(t *testing.T) {
	var reached atomic.Bool
	other := listen(t, "127.0.0.1:0", func(*net.TCPConn) { reached.Store(true) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	f := newFixture(t, closed)
	for port, want := range map[uint16]string{closed: "connection refused", other: "not for this port"} {
		c := f.dial(port)
		// The answer does not wait for what is sent.
		_, err := io.WriteString(c, strings.Repeat("x", 8<<20))
		if b, err2 := io.ReadAll(c); !isReset(errors.Join(err, err2)) || len(b) > 0 {
			t.Errorf("the user gets %q, %v, %v", b, err, err2)
		}
		var e *RefusedError
		if err := <-f.errs; !errors.As(err, &e) || e.Port != port || !strings.Contains(e.Text, want) {
			t.Errorf("port %d: %v", port, err)
		}
	}
	if reached.Load() {
		t.Error("a port was reached that the session is not for")
	}
	f.quiet(runtime.NumGoroutine())
}

// Who does not read holds up nobody else, and little waits for them.
func TestSlow(t *testing.T) {
	var sent atomic.Int64
	chunk := make([]byte, 64<<10)
	endless := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		c.SetWriteBuffer(64 << 10)
		for {
			n, err := c.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	asks := listen(t, "127.0.0.1:0", upper)
	f := newFixture(t, endless, asks)
	const slow = 20
	for range slow {
		f.dial(endless).SetReadBuffer(64 << 10)
	}
	full := func() (n int64) {
		t.Helper()
		rig.Eventually(t, 20*time.Second, func() error {
			n = sent.Load()
			if time.Sleep(300 * time.Millisecond); n == 0 || sent.Load() != n {
				return errors.New("the server still sends")
			}
			return nil
		})
		return n
	}
	first := full()
	begin := time.Now()
	request := strings.Repeat("some text. ", 100_000)
	if got, err := f.ask(asks, request); err != nil || len(got) != len(request) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("beside connections that are not read it took %v", took)
	}
	if more := full() - first; more > 0 || first > slow*(window+8<<20) {
		t.Errorf("%d bytes were taken from the server, then %d", first, more)
	}
}

// The end of the session resets its connections, and that of one waits for no other.
func TestEnd(t *testing.T) {
	port := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(c, c) })
	f := newFixture(t, port)
	c := f.dial(port)
	io.WriteString(c, "x")
	io.ReadFull(c, make([]byte, 1))
	f.client.Close()
	if _, err := c.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("the user gets %v", err)
	}
	if err := <-f.errs; err == nil {
		t.Error("no error")
	}
	<-f.client.Done()
	if err := f.client.Forward(t.Context(), TCP{f.dial(port)}, port); err == nil {
		t.Error("a connection over a session that has ended")
	}
}
