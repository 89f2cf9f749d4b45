package host

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// fuseMount is a FUSE filesystem whose server is a separate process, so that the test
// can end calls that hang by ending that process.
type fuseMount struct {
	dir    string
	source string
	delay  time.Duration // until the server answers statfs
}

// Delays of filesystems that do not answer.
const (
	never  = -time.Nanosecond // the server reads statfs requests but does not answer them
	absent = -time.Hour       // the server reads no requests
)

const fuseEnv = "DAYTWO_HOST_TEST_FUSE"

func TestMain(m *testing.M) {
	if mounts := os.Getenv(fuseEnv); mounts != "" {
		serveFUSE(mounts)
	}
	os.Exit(rig.Main(m))
}

// mountFUSE mounts filesystems in the mount namespace of the test. The function that it
// returns ends their server, upon which calls that hang fail.
func mountFUSE(t *testing.T, mounts ...fuseMount) (end func()) {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		rig.KernelLacks(t, rig.Filesystem("fuse"), err)
	} else {
		f.Close()
	}
	var env strings.Builder
	for _, m := range mounts {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&env, "%s %s %d\n", m.dir, m.source, m.delay)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Stdin = strings.NewReader(env.String()) // may be too long for an environment variable
	cmd.Env = append(os.Environ(), fuseEnv+"=1")
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	ended := false
	end = func() {
		if !ended {
			ended = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	t.Cleanup(func() {
		end()
		for _, m := range mounts {
			unix.Unmount(m.dir, unix.MNT_DETACH)
		}
	})
	r.SetReadDeadline(time.Now().Add(30 * time.Second))
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
		rig.KernelLacks(t, rig.Filesystem("fuse"), fmt.Errorf("%s%w", line, err))
	}
	return end
}

// serveFUSE mounts and serves until the process is killed.
func serveFUSE(string) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var m fuseMount
		if _, err := fmt.Sscanf(lines.Text(), "%s %s %d", &m.dir, &m.source, &m.delay); err != nil {
			panic(err)
		}
		fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Mount(m.source, m.dir, "fuse.test", unix.MS_NOSUID|unix.MS_NODEV,
				fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd))
		}
		if err != nil {
			fmt.Printf("%s: %v\n", m.dir, err)
			os.Exit(1)
		}
		if m.delay != absent {
			go m.serve(os.NewFile(uintptr(fd), "fuse"))
		}
	}
	fmt.Println("ready")
	for {
		// Without cgo, the Go runtime would report select {} as a deadlock if no goroutine
		// serves.
		time.Sleep(time.Hour)
	}
}

// serve reads and answers requests (struct fuse_in_header of linux/fuse.h).
func (m *fuseMount) serve(dev *os.File) {
	const (
		getattr, statfs, initialise = 3, 17, 26
		forget, interrupt, batch    = 2, 36, 42
	)
	le := binary.LittleEndian
	var answers atomic.Uint64
	buf := make([]byte, 1<<17)
	for {
		n, err := dev.Read(buf)
		if err != nil {
			return
		}
		unique := le.Uint64(buf[8:])
		reply := func(errno int32, body []byte) {
			b := le.AppendUint32(nil, uint32(16+len(body)))
			b = le.AppendUint32(b, uint32(-errno))
			b = le.AppendUint64(b, unique)
			dev.Write(append(b, body...))
		}
		switch le.Uint32(buf[4:n]) {
		case forget, interrupt, batch:
		case initialise:
			body := make([]byte, 64)
			le.PutUint32(body, 7)
			le.PutUint32(body[4:], 31)
			le.PutUint32(body[20:], 4096) // max_write
			reply(0, body)
		case getattr:
			body := make([]byte, 16+88)
			le.PutUint64(body, 3600)
			le.PutUint64(body[16:], 1)
			le.PutUint32(body[16+60:], 0o40755)
			reply(0, body)
		case statfs:
			if m.delay < 0 {
				continue
			}
			time.AfterFunc(m.delay, func() {
				body := make([]byte, 80) // struct fuse_kstatfs
				le.PutUint64(body, 1_000_000)
				le.PutUint64(body[8:], 500_000+answers.Add(1)) // differs in each answer
				le.PutUint64(body[16:], 300_000)
				le.PutUint32(body[40:], 4096)
				le.PutUint32(body[48:], 4096)
				reply(0, body)
			})
		default:
			reply(int32(unix.ENOSYS), nil)
		}
	}
}
