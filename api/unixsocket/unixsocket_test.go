package unixsocket

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// shortDir is a directory whose path leaves room for long names.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "u")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// pathOf returns a path of so many bytes: in a deep directory, or with a long name.
func pathOf(t *testing.T, size int, deep bool) string {
	t.Helper()
	dir := shortDir(t)
	if deep {
		dir += "/" + strings.Repeat("d", size-len(dir)-len("//s"))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir + "/" + strings.Repeat("s", size-len(dir)-1)
}

func bind(t *testing.T, path string, typ int, mode fs.FileMode) error {
	t.Helper()
	fd, err := Bind(path, typ, mode)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
	}
	return err
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files in the directory, want the socket alone: %v (%v)", len(entries), entries, err)
	}
}

func TestPathLengths(t *testing.T) {
	for _, size := range []int{60, 100, 101, 102, 103, 104, 105, 106, 107} {
		for _, deep := range []bool{false, true} {
			stream := pathOf(t, size, deep)
			l, err := Listen(stream, 0o600)
			if err != nil {
				t.Errorf("%d bytes: %v", size, err)
				continue
			}
			defer l.Close()
			onlyFile(t, stream)
			c, err := net.Dial("unix", stream)
			if err != nil {
				t.Errorf("%d bytes: %v", size, err)
				continue
			}
			c.Close()
			gram := pathOf(t, size, deep)
			if err := bind(t, gram, unix.SOCK_DGRAM, 0o666); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
			if !Answers(gram, unix.SOCK_DGRAM) || !Answers(stream, unix.SOCK_STREAM) || !Answers(gram, unix.SOCK_STREAM) {
				t.Errorf("%d bytes: a socket does not answer", size)
			}
		}
	}
	for _, size := range []int{108, 109, 200} {
		_, err := Listen(pathOf(t, size, false), 0o600)
		want := fmt.Sprintf("has %d bytes, the kernel allows at most 107", size)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestMode(t *testing.T) {
	for _, umask := range []int{0, 0o077} {
		was := unix.Umask(umask)
		defer unix.Umask(was)
		for _, mode := range []fs.FileMode{0o600, 0o660, 0o666} {
			path := shortDir(t) + "/s"
			if err := bind(t, path, unix.SOCK_STREAM, mode); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("umask %o, mode %v: %v (%v)", umask, mode, info.Mode(), err)
			}
		}
	}
}

// Under no name, and at no moment, is the socket open to others than in the end.
func TestModeFromTheFirstMoment(t *testing.T) {
	was := unix.Umask(0)
	defer unix.Umask(was)
	dir := shortDir(t)
	done, wide := make(chan struct{}), make(chan string, 1)
	var watching sync.WaitGroup
	seen := 0
	watching.Go(func() {
		for {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if info, err := e.Info(); err == nil {
					if seen++; info.Mode().Perm()&0o177 != 0 {
						select {
						case wide <- fmt.Sprint(e.Name(), " ", info.Mode()):
						default:
						}
					}
				}
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range 300 {
		fd, err := Bind(fmt.Sprintf("%s/%d", dir, i%4), unix.SOCK_STREAM, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	}
	close(done)
	watching.Wait()
	select {
	case w := <-wide:
		t.Error(w)
	default:
	}
	if seen == 0 {
		t.Error("no socket was seen: the test shows nothing")
	}
}

func TestOnlyWhatIsFreeIsTaken(t *testing.T) {
	dir := shortDir(t)
	path := dir + "/s"
	first, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
		if err := bind(t, path, typ, 0o600); err == nil || !strings.Contains(err.Error(), "another process listens") {
			t.Errorf("a socket in use was replaced: %v", err)
		}
	}
	first.Close()
	if Answers(path, unix.SOCK_STREAM) {
		t.Error("nobody listens, and it answers")
	}
	if err := bind(t, path, unix.SOCK_STREAM, 0o600); err != nil {
		t.Errorf("a socket that was left: %v", err)
	}
	onlyFile(t, path)
	for name, make := range map[string]func(string) error{
		"file":      func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"link":      func(p string) error { return os.Symlink(path, p) },
		"fifo":      func(p string) error { return unix.Mkfifo(p, 0o600) },
	} {
		if err := make(dir + "/" + name); err != nil {
			t.Fatal(err)
		}
		err := bind(t, dir+"/"+name, unix.SOCK_STREAM, 0o600)
		if err == nil || !strings.Contains(err.Error(), "another kind") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := bind(t, dir+"/none/s", unix.SOCK_STREAM, 0o600); err == nil || !strings.Contains(err.Error(), dir+"/none") {
		t.Errorf("%v", err)
	}
	for _, path := range []string{"", "/tmp/a\x00b"} {
		if err := bind(t, path, unix.SOCK_STREAM, 0o600); err == nil {
			t.Errorf("%q is bound", path)
		}
	}
}

// A full backlog is no sign that nobody listens, and nobody waits for it.
func TestFullBacklogIsInUse(t *testing.T) {
	path := shortDir(t) + "/s"
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(c)
		unix.Connect(c, &unix.SockaddrUnix{Name: path})
	}
	if !Answers(path, unix.SOCK_STREAM) {
		t.Error("a full backlog does not answer")
	}
	if err := bind(t, path, unix.SOCK_STREAM, 0o600); err == nil {
		t.Error("a socket in use was replaced")
	}
}

// The kernel's list shows a socket by the name that it was bound to.
func TestBoundTo(t *testing.T) {
	dir := shortDir(t)
	path, other := dir+"/s", dir+"/other"
	if err := bind(t, path, unix.SOCK_DGRAM, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 8 {
			if BoundTo(f[7], path) {
				found++
			}
			if BoundTo(f[7], other) {
				t.Errorf("%s is said to be of %s", f[7], other)
			}
		}
	}
	if found != 1 || !BoundTo(path, path) {
		t.Errorf("%d sockets of %s, want 1", found, path)
	}
}
