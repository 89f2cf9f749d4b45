package journal

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

const journaldProgram = "/lib/systemd/systemd-journald"

// journaldConfig is of a journald that keeps all and reads nothing of the
// machine's.
const journaldConfig = `[Journal]
Storage=persistent
RateLimitIntervalSec=0
RateLimitBurst=0
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
SyncIntervalSec=1s
SystemMaxFileSize=1M
SystemMaxUse=4G
SystemKeepFree=0
SystemMaxFiles=10000
RuntimeMaxUse=1G
RuntimeKeepFree=0
RuntimeMaxFiles=10000
`

// journald is a real one, in a mount and a PID namespace of the test, with a /run
// and a /var/log of its own.
type journald struct {
	t         testing.TB
	namespace string // of journald's own, "" for the default
	program   string // another one than journaldProgram
	process   *rig.Process
}

// withJournald runs body where a journald can be started, and its process seen.
func withJournald(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	withUnseenJournald(t, func(t *testing.T) {
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			t.Fatal(err)
		}
		body(t)
	})
}

// withUnseenJournald runs body where a journald can be started, whose process cannot be
// seen: /proc is of another PID namespace.
func withUnseenJournald(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	rig.InNamespaces(t, rig.Mount|rig.PID, func(t *testing.T) {
		if _, err := exec.LookPath(journaldProgram); err != nil {
			rig.Missing(t, journaldProgram, err.Error(), "apt-get install systemd")
		}
		for _, dir := range []string{"/run", "/var/log"} {
			rig.SmallDisk(t, dir, "8G")
		}
		for _, name := range []string{"journald", "journald@shop"} {
			dir := "/run/systemd/" + name + ".conf.d"
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/90-test.conf", []byte(journaldConfig))
		}
		body(t)
	})
}

// startJournald starts a journald that writes to /var, and waits until it listens.
func startJournald(t testing.TB, namespace string) *journald {
	t.Helper()
	d := &journald{t: t, namespace: namespace}
	if err := os.MkdirAll("/run/systemd/journal", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "/run/systemd/journal/flushed", nil)
	d.start()
	return d
}

func (d *journald) start() {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.socket()), 0o755); err != nil {
		d.t.Fatal(err)
	}
	var args []string
	if d.namespace != "" {
		args = append(args, d.namespace)
	}
	d.process = rig.StartProcess(d.t, exec.Command(cmp.Or(d.program, journaldProgram), args...))
	waitFor(d.t, "journald listens", 20*time.Second, func() bool {
		c, err := net.Dial("unixgram", d.socket())
		if err == nil {
			c.Close()
			_, err = os.Stat(filepath.Join(filepath.Dir(d.socket()), "io.systemd.journal")) // that of journalctl --sync
		}
		return err == nil
	})
}

func (d *journald) socket() string {
	if d.namespace != "" {
		return "/run/systemd/journal." + d.namespace + "/socket"
	}
	return "/run/systemd/journal/socket"
}

func (d *journald) rotate() { d.process.Signal(syscall.SIGUSR2) }

// sync waits until journald has handled what it was sent, and has its files
// closed properly.
func (d *journald) sync() {
	d.t.Helper()
	args := []string{"--sync"}
	if d.namespace != "" {
		args = append(args, "--namespace="+d.namespace)
	}
	if out, err := exec.Command("journalctl", args...).CombinedOutput(); err != nil {
		d.t.Fatalf("journalctl --sync: %v\n%s", err, out)
	}
}

// writer writes numbered entries as a user.
type writer struct {
	t    testing.TB
	d    *journald
	uid  uint32
	name string
	fd   int // a socket, 0 for none
	n    int
}

func (d *journald) writer(name string, uid uint32) *writer {
	w := &writer{t: d.t, d: d, uid: uid, name: name}
	d.t.Cleanup(w.close)
	return w
}

func (w *writer) close() {
	if w.fd != 0 {
		unix.Close(w.fd)
		w.fd = 0
	}
}

// send sends the next entry; it waits until journald takes it.
func (w *writer) send() error {
	if w.fd == 0 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		w.fd = fd
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: w.d.socket()}); err != nil {
			return err
		}
	}
	credentials := unix.UnixCredentials(&unix.Ucred{Pid: int32(os.Getpid()), Uid: w.uid, Gid: w.uid})
	text := fmt.Sprintf("WRITER=%s\nNUMBER=%d\nSENT=%d\nMESSAGE=line %d of %s\n",
		w.name, w.n+1, time.Now().UnixNano(), w.n+1, w.name)
	if err := unix.Sendmsg(w.fd, []byte(text), credentials, nil, 0); err != nil {
		return err
	}
	w.n++
	return nil
}

func (w *writer) sendAll(n int) {
	w.t.Helper()
	for range n {
		if err := w.send(); err != nil {
			w.t.Error(err)
			return
		}
	}
}

// line is an entry of a writer.
type line struct {
	writer        string
	number        int
	sent, arrived int64 // nanoseconds since 1970
	namespace     string
	cursor        string
}

// follower follows a journal and keeps what it sees.
type follower struct {
	t      testing.TB
	j      *Journal
	mu     sync.Mutex
	lines  []line
	errs   []error
	cursor Cursor
	stop   func()
}

// runJournal opens directories and runs the journal until the test ends.
func runJournal(t testing.TB, dirs ...string) *Journal {
	t.Helper()
	j := Open(Options{Dirs: dirs, Log: discard})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// follow follows what comes from now on, or from a cursor on.
func follow(t testing.TB, j *Journal, m Match, from *Cursor) *follower {
	t.Helper()
	f := &follower{t: t, j: j}
	r := j.Reader(m)
	if from == nil {
		r.SeekTail()
		r.isNews() // goes there now
	} else {
		r.SeekAfter(*from)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var once sync.Once
	f.stop = func() {
		once.Do(func() {
			cancel()
			<-ended
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(f.stop)
	go func() {
		defer close(ended)
		for r.Wait(ctx) == nil {
			for ctx.Err() == nil && r.Next() {
				f.take(r)
			}
			f.mu.Lock()
			f.errs = append(f.errs, r.Errors()...)
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) take(r *Reader) {
	l := line{arrived: time.Now().UnixNano()}
	err := r.Fields(func(name, value []byte) error {
		switch v := string(value); string(name) {
		case "WRITER":
			l.writer = v
		case "NUMBER":
			l.number, _ = strconv.Atoi(v)
		case "SENT":
			l.sent, _ = strconv.ParseInt(v, 10, 64)
		case "_NAMESPACE":
			l.namespace = v
		}
		return nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = r.Cursor()
	l.cursor = f.cursor.String()
	if err != nil {
		f.errs = append(f.errs, err)
	}
	if l.writer != "" {
		f.lines = append(f.lines, l)
	}
}

func (f *follower) got() []line {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lines)
}

func (f *follower) errors() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errs)
}

// wantAll checks that each writer's numbers are there once each and in order.
func wantAll(t testing.TB, got []line, want map[string]int) {
	t.Helper()
	last := map[string]int{}
	wrong := 0
	for _, l := range got {
		if l.number != last[l.writer]+1 {
			if wrong++; wrong < 10 {
				t.Errorf("writer %s: %d came after %d (%s)", l.writer, l.number, last[l.writer], l.cursor)
			}
		}
		last[l.writer] = l.number
	}
	for w, n := range want {
		if last[w] != n {
			t.Errorf("writer %s: the last is %d, want %d", w, last[w], n)
		}
	}
}

// mapsOfDeleted are deleted journals that the process has open or mapped.
func mapsOfDeleted(t testing.TB) (found []string) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines(b) {
		if strings.Contains(l, ".journal") && strings.HasSuffix(l, "(deleted)") {
			found = append(found, l)
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.Contains(to, ".journal") {
			found = append(found, to)
		}
	}
	return found
}

// cpuOf is how much of a core the process takes over a time.
func cpuOf(t testing.TB, over time.Duration) float64 {
	t.Helper()
	used := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	time.Sleep(over)
	return float64(used()-before) / float64(over)
}
