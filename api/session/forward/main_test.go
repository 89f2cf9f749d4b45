package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// fixture is a client and a server, connected by a pair of sockets, and a listener of the
// client's for each port that is asked for.
type fixture struct {
	testing.TB
	client *Client
	served chan error
	errs   chan error // of connections
	work   sync.WaitGroup
}

func newFixture(t testing.TB, ports ...uint16) *fixture {
	t.Helper()
	near, far := socketPair(t)
	f := &fixture{TB: t, served: make(chan error, 1), errs: make(chan error, 4*MaxConns)}
	go func() { f.served <- Serve(far, ports) }()
	var err error
	if f.client, err = NewClient(near); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		f.client.Shutdown(ctx)
		if err := <-f.served; err != nil {
			t.Error(err)
		}
		f.work.Wait()
	})
	return f
}

func socketPair(t testing.TB) (near, far net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		if conns[i], err = net.FileConn(file); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	return conns[0], conns[1]
}

// listen listens as a program in the container, and serves each connection.
func listen(t testing.TB, address string, serve func(*net.TCPConn)) (port uint16) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { serve(c.(*net.TCPConn)); c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); work.Wait() })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// dial returns the user's end of a connection that is forwarded.
func (f *fixture) dial(port uint16) *net.TCPConn {
	f.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	defer l.Close()
	user, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		f.Fatal(err)
	}
	local, err := l.Accept()
	if err != nil {
		f.Fatal(err)
	}
	f.work.Go(func() { f.errs <- f.client.Forward(f.Context(), TCP{local.(*net.TCPConn)}, port) })
	f.Cleanup(func() { user.Close() })
	return user.(*net.TCPConn)
}

// ask sends a request, with its end, and returns the answer.
func (f *fixture) ask(port uint16, request string) (string, error) {
	c := f.dial(port)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	if err := c.CloseWrite(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

// upper answers a whole request in capitals.
func upper(c *net.TCPConn) {
	b, err := io.ReadAll(c)
	if err == nil {
		io.WriteString(c, strings.ToUpper(string(b)))
	}
}

// quiet waits until there is no stream, and no more goroutines than there were.
func (f *fixture) quiet(goroutines int) {
	f.Helper()
	rig.Eventually(f, 20*time.Second, func() error {
		if n := f.client.Streams(); n != 0 {
			return fmt.Errorf("%d streams", n)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			return fmt.Errorf("%d goroutines, %d before", n, goroutines)
		}
		return nil
	})
}

func isReset(err error) bool { return errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) }
