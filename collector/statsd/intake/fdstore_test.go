package intake

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// If this variable is set, the test binary runs a collector's intake under a service
// manager and prints what it receives. Its value is "UDP-ADDRESS DIRECTORY".
const serviceEnv = "DAYTWO_TEST_SERVICE"

func TestMain(m *testing.M) {
	if at := os.Getenv(serviceEnv); at != "" {
		if err := serve(at); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(rig.Main(m))
}

func serve(at string) error {
	address, dir, _ := strings.Cut(at, " ")
	store := OpenFDStore()
	var mu sync.Mutex
	in, err := New(Options{Store: store, Workers: 1, Handle: func(_ int, b []Packet) {
		mu.Lock()
		defer mu.Unlock()
		for _, p := range b {
			fmt.Printf("%s\n", p.Data)
		}
	}})
	if err != nil {
		return err
	}
	if _, err := in.ListenUDP(UDP{Address: netip.MustParseAddrPort(address), Sockets: 2}); err != nil {
		return err
	}
	if _, err := in.ListenUnixgram(Unix{Path: dir + "/gram"}); err != nil {
		return err
	}
	if _, err := in.ListenUnixStream(Unix{Path: dir + "/stream"}); err != nil {
		return err
	}
	if err := store.Forget(); err != nil {
		return err
	}
	fmt.Println("serving")
	io.Copy(io.Discard, os.Stdin)
	return in.Close()
}

// manager implements the descriptor store of a service manager.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
	mu   sync.Mutex
	name []string
	fds  []int
}

func newManager(t *testing.T) *manager {
	m := &manager{t: t, path: filepath.Join(t.TempDir(), "notify")}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: m.path}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			b, oob := make([]byte, 4096), make([]byte, 4096)
			n, k, _, _, err := m.conn.ReadMsgUnix(b, oob)
			if err != nil {
				return
			}
			m.take(string(b[:n]), oob[:k])
		}
	}()
	t.Cleanup(func() {
		m.conn.Close()
		<-done
		for _, fd := range m.fds {
			unix.Close(fd)
		}
	})
	return m
}

func (m *manager) take(state string, oob []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := ""
	for line := range strings.Lines(state) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "FDNAME="); ok {
			name = v
		}
	}
	if strings.Contains(state, "FDSTOREREMOVE=1") {
		for i := len(m.fds) - 1; i >= 0; i-- {
			if m.name[i] == name {
				unix.Close(m.fds[i])
				m.fds, m.name = slices.Delete(m.fds, i, i+1), slices.Delete(m.name, i, i+1)
			}
		}
		return
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || !strings.Contains(state, "FDSTORE=1") || len(msgs) != 1 {
		m.t.Errorf("the service says %q with %d messages (%v)", state, len(msgs), err)
		return
	}
	fds, _ := unix.ParseUnixRights(&msgs[0])
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		m.fds, m.name = append(m.fds, fd), append(m.name, name)
	}
}

// start runs the service and passes it the descriptors in the store.
func (m *manager) start(at string) (cmd *exec.Cmd, out *bufferedLines, stop io.Closer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	exe, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	// LISTEN_PID is the service's pid, which is only known once it runs.
	cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, exe)
	cmd.Env = append(os.Environ(), serviceEnv+"="+at, "NOTIFY_SOCKET="+m.path, fmt.Sprint("LISTEN_FDS=", len(m.fds)),
		"LISTEN_FDNAMES="+strings.Join(m.name, ":"))
	for _, fd := range m.fds {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			m.t.Fatal(err)
		}
		f := os.NewFile(uintptr(dup), "stored")
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	stop, _ = cmd.StdinPipe()
	pipe, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	out = &bufferedLines{}
	go out.read(pipe)
	out.wait(m.t, "serving")
	return cmd, out, stop
}

// bufferedLines collects lines of a pipe.
type bufferedLines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *bufferedLines) read(r io.Reader) {
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		l.mu.Lock()
		l.b.Write(b[:n])
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (l *bufferedLines) wait(t *testing.T, want ...string) {
	t.Helper()
	var have string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		have = l.b.String()
		l.mu.Unlock()
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains("\n"+have, "\n"+w+"\n") }) {
			return
		}
	}
	t.Fatalf("the service prints %.2000q, want %.200q in it", have, want)
}

// Packets that are sent while the process restarts, after it was killed or ended, are
// received by the next process. Clients of unix sockets notice nothing.
func TestRestart(t *testing.T) {
	m := newManager(t)
	dir := t.TempDir()
	probe, err := net.ListenPacket("udp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	at := probe.LocalAddr().String()
	probe.Close()

	cmd, out, stop := m.start(at + " " + dir)
	udp, gram := dial(t, "udp", at), dial(t, "unixgram", dir+"/gram")
	udp.Write([]byte("udp-first"))
	gram.Write([]byte("gram-first"))
	out.wait(t, "udp-first", "gram-first")
	for i := range 3 {
		if i%2 == 0 {
			cmd.Process.Kill()
		} else {
			stop.Close()
		}
		cmd.Wait()
		var want []string
		for j := range 200 {
			for name, c := range map[string]net.Conn{"udp": udp, "gram": gram} {
				if name == "gram" && j >= 5 {
					continue // net.unix.max_dgram_qlen, 10 by default
				}
				w := fmt.Sprintf("%s-%d-%d", name, i, j)
				if _, err := c.Write([]byte(w)); err != nil && !errors.Is(err, io.EOF) {
					t.Fatalf("%s: %v", w, err)
				}
				want = append(want, w)
			}
		}
		stream := dial(t, "unix", dir+"/stream") // waits in the backlog
		w := fmt.Sprintf("stream-%d", i)
		stream.Write([]byte(w + "\n"))
		want = append(want, w)
		cmd, out, stop = m.start(at + " " + dir)
		out.wait(t, want...)
		stream.Close()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.fds) != 4 {
		t.Errorf("the store holds %q", m.name)
	}
}

// If a service manager hangs, messages to it succeed until its socket's queue is full.
// The next one fails soon, and further ones at once.
func TestManagerHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &FDStore{notify: path}
	began := time.Now()
	for i := 0; ; i++ {
		if err := s.Remove("x"); err != nil {
			break
		}
		if i == 10_000 {
			t.Fatal("its socket holds any number of messages")
		}
	}
	for range 100 {
		if err := s.Put("x", 0); err == nil {
			t.Error("it takes a message")
		}
	}
	if took := time.Since(began); took > 5*sendWait {
		t.Errorf("it took %v", took)
	}
}
