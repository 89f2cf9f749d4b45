package logpipe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

const patience = 30 * time.Second

// receiver is a socket that takes entries as journald does, and keeps them.
type receiver struct {
	t    testing.TB
	path string
	fd   int
	done chan struct{}

	mu      sync.Mutex
	entries []map[string]string
	files   int // memfds
	bad     []error
	hold    sync.Mutex // held by a test that lets nothing be received
	rounds  int        // calls of recvmsg, under hold
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{t: t, path: filepath.Join(t.TempDir(), "s")}
	r.start()
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) start() {
	r.t.Helper()
	var err error
	if r.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		r.t.Fatal(err)
	}
	os.Remove(r.path)
	if err := unix.Bind(r.fd, &unix.SockaddrUnix{Name: r.path}); err != nil {
		r.t.Fatal(err)
	}
	r.done = make(chan struct{})
	go r.receive(r.fd, r.done)
}

// stop closes the socket: what was not received is lost.
func (r *receiver) stop() {
	if r.fd >= 0 {
		unix.Shutdown(r.fd, unix.SHUT_RDWR) // ends recvmsg
		<-r.done
		unix.Close(r.fd)
		r.fd = -1
	}
}

func (r *receiver) receive(fd int, done chan struct{}) {
	defer close(done)
	buf, oob := make([]byte, 1<<20), make([]byte, 256)
	for {
		r.hold.Lock()
		r.rounds++
		r.hold.Unlock()
		n, oobn, _, _, err := unix.Recvmsg(fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 && oobn == 0 && r.shut(fd) {
			return
		}
		if n == 0 && oobn == 0 {
			continue // journald ignores it
		}
		b := buf[:n]
		if oobn > 0 {
			b, err = sealed(oob[:oobn])
		}
		var entries []map[string]string
		if err == nil {
			entries, err = parse(b)
		}
		r.mu.Lock()
		if r.entries = append(r.entries, entries...); err != nil {
			r.bad = append(r.bad, err)
		}
		if oobn > 0 {
			r.files++
		}
		r.mu.Unlock()
	}
}

// shut reports whether stop has shut the socket down.
func (r *receiver) shut(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	unix.Poll(p, 0)
	return p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP) != 0
}

// sealed returns what is in a file that was sent, which must be sealed.
func sealed(oob []byte) ([]byte, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fds[0]), "memfd")
	defer f.Close()
	const all = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0); err != nil || seals&all != all {
		return nil, fmt.Errorf("seals %#x, %v", seals, err)
	}
	return io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
}

// parse parses a datagram as journald does (server_process_native_message of systemd).
func parse(b []byte) (entries []map[string]string, err error) {
	e := map[string]string{}
	flush := func() error {
		if len(e) == 0 {
			return errors.New("an empty entry, after which journald takes nothing")
		}
		entries = append(entries, e)
		e = map[string]string{}
		return nil
	}
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			return entries, fmt.Errorf("no line feed at the end: %.50q", b)
		}
		b = rest
		if len(line) == 0 {
			if err := flush(); err != nil {
				return entries, err
			}
			continue
		}
		name, value, text := bytes.Cut(line, []byte("="))
		if !text {
			if len(b) < 8 {
				return entries, errors.New("no length")
			}
			n := binary.LittleEndian.Uint64(b)
			if uint64(len(b)) < 8+n+1 || b[8+n] != '\n' {
				return entries, errors.New("a wrong length")
			}
			value, b = b[8:8+n], b[8+n+1:]
		}
		if _, has := e[string(name)]; has {
			return entries, fmt.Errorf("%s twice", name)
		}
		e[string(name)] = string(value)
	}
	return entries, flush()
}

// wait waits until n entries have come, and returns them.
func (r *receiver) wait(n int) []map[string]string {
	r.t.Helper()
	rig.Eventually(r.t, patience, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.entries) < n && len(r.bad) == 0 {
			return fmt.Errorf("%d entries of %d", len(r.entries), n)
		}
		return nil
	})
	return r.got()
}

func (r *receiver) got() []map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.bad {
		r.t.Error(err)
	}
	return r.entries
}

// running is a pipe that runs.
type running struct {
	t     testing.TB
	in    [2]*os.File // write to these: stdout and stderr
	out   [2]*os.File // their other ends
	stop  func()
	ended chan struct{}
	stats Stats
	err   error
}

// run starts a pipe with a stdout and a stderr.
func run(t testing.TB, o Options) *running {
	t.Helper()
	r := &running{t: t, ended: make(chan struct{})}
	for i, stream := range []string{"STDOUT", "STDERR"} {
		var err error
		if r.out[i], r.in[i], err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		o.Sources = append(o.Sources, Source{FD: int(r.out[i].Fd()), Stream: stream, Priority: 6 - 3*i, Tee: -1})
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() {
		defer close(r.ended)
		r.stats, r.err = Run(ctx, o)
	}()
	t.Cleanup(func() {
		cancel()
		r.end()
	})
	return r
}

func (r *running) write(stream int, text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.in[stream], text); err != nil {
		r.t.Fatal(err)
	}
}

// end closes the task's output, and waits until the pipe has ended.
func (r *running) end() Stats {
	r.t.Helper()
	for _, f := range r.in {
		f.Close()
	}
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.t.Fatal("the pipe does not end")
	}
	for _, f := range r.out {
		f.Close()
	}
	if r.err != nil {
		r.t.Error(r.err)
	}
	return r.stats
}

// sink receives datagrams and forgets them.
func sink(t testing.TB) (path string) {
	t.Helper()
	path = t.TempDir() + "/s"
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<20)
		for stop := false; !stop; {
			n, err := unix.Read(fd, buf)
			stop = err != nil && err != unix.EINTR || n == 1
		}
	}()
	t.Cleanup(func() {
		end := &conn{path: path}
		if err := end.dial(); err == nil {
			unix.SetNonblock(end.fd, false)
			end.send([]byte{0})
			end.close()
		}
		<-done
		unix.Close(fd)
	})
	return path
}
