package rig

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Fuse is a mounted filesystem with one file, by default "file", whose server answers as a
// test wants it to: it stands for a network filesystem whose server is gone.
type Fuse struct {
	Dir string

	name string
	text []byte

	fd   int
	mu   sync.Mutex
	mute map[uint32]bool // opcodes that are not answered
	all  bool            // nothing is answered
	held []uint64        // requests not answered
}

// Opcodes of linux/fuse.h.
const (
	fuseLookup     = 1
	fuseForget     = 2
	fuseGetattr    = 3
	FuseOpen       = 14
	fuseRead       = 15
	fuseStatfs     = 17
	fuseRelease    = 18
	FuseFlush      = 25 // what close(2) sends
	fuseInit       = 26
	FuseOpendir    = 27
	fuseReaddir    = 28
	fuseReleasedir = 29
	fuseInterrupt  = 36
	fuseBatch      = 42 // FUSE_BATCH_FORGET
)

// MountFuse mounts one whose server leaves requests of the opcodes mute
// unanswered. The test's end aborts what waits for it, and unmounts it.
func MountFuse(t testing.TB, mute ...uint32) *Fuse {
	t.Helper()
	return MountFuseFile(t, "file", []byte("a file\n"), mute...)
}

// MountFuseFile is MountFuse with another file.
func MountFuseFile(t testing.TB, name string, text []byte, mute ...uint32) *Fuse {
	t.Helper()
	NeedRoot(t, "mounting a filesystem")
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		Missing(t, "FUSE", err.Error(), "modprobe fuse")
	}
	f := &Fuse{Dir: filepath.Join(t.TempDir(), "fuse"), name: name, text: text, fd: fd, mute: map[uint32]bool{}}
	for _, op := range mute {
		f.mute[op] = true
	}
	err = os.Mkdir(f.Dir, 0o755)
	if err == nil {
		options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
		err = unix.Mount("server:/volume", f.Dir, "fuse.sshfs", unix.MS_NOSUID|unix.MS_NODEV, options)
	}
	if err != nil {
		unix.Close(fd)
		Missing(t, "FUSE", err.Error(), "modprobe fuse")
	}
	served := make(chan struct{})
	go func() { defer close(served); f.serve() }()
	t.Cleanup(func() {
		unix.Unmount(f.Dir, unix.MNT_FORCE) // aborts the connection: whoever waits gets an error
		unix.Unmount(f.Dir, unix.MNT_DETACH)
		<-served
		unix.Close(fd)
	})
	return f
}

// Die leaves every further request unanswered.
func (f *Fuse) Die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = true
}

// Revive answers everything from now on; what waited gets EIO.
func (f *Fuse) Revive() {
	f.mu.Lock()
	held := f.held
	f.held, f.all, f.mute = nil, false, map[uint32]bool{}
	f.mu.Unlock()
	for _, unique := range held {
		f.reply(unique, -int32(unix.EIO), nil)
	}
}

// Waiting is the number of requests that were left unanswered.
func (f *Fuse) Waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.held)
}

func (f *Fuse) serve() {
	buf := make([]byte, 1<<17+4096)
	for {
		n, err := unix.Read(f.fd, buf)
		switch err {
		case nil:
		case unix.EINTR, unix.ENOENT: // ENOENT: the request was taken back
			continue
		default: // ENODEV: unmounted
			return
		}
		word := binary.NativeEndian.Uint64
		op, unique, node := binary.NativeEndian.Uint32(buf[4:]), word(buf[8:]), word(buf[16:])
		f.answer(op, unique, node, buf[40:n])
	}
}

func (f *Fuse) answer(op uint32, unique, node uint64, body []byte) {
	switch op {
	case fuseForget, fuseInterrupt, fuseBatch: // want no answer
		return
	}
	f.mu.Lock()
	hold := f.all || f.mute[op]
	if hold {
		f.held = append(f.held, unique)
	}
	f.mu.Unlock()
	if hold {
		return
	}
	switch op {
	case fuseInit: // struct fuse_init_out: version 7.31
		out := make([]byte, 64)
		binary.NativeEndian.PutUint32(out[0:], 7)
		binary.NativeEndian.PutUint32(out[4:], 31)
		copy(out[8:12], body[8:12])                    // max_readahead
		binary.NativeEndian.PutUint32(out[20:], 1<<17) // max_write
		binary.NativeEndian.PutUint32(out[24:], 1)     // time_gran
		f.reply(unique, 0, out)
	case fuseLookup:
		if string(bytes.TrimRight(body, "\x00")) != f.name {
			f.reply(unique, -int32(unix.ENOENT), nil)
			return
		}
		out := make([]byte, 40) // struct fuse_entry_out, valid for no time: every look-up asks
		binary.NativeEndian.PutUint64(out, 2)
		f.reply(unique, 0, append(out, f.attr(2)...))
	case fuseGetattr:
		f.reply(unique, 0, append(make([]byte, 16), f.attr(node)...))
	case FuseOpen, FuseOpendir:
		f.reply(unique, 0, make([]byte, 16))
	case fuseRead:
		size := uint64(len(f.text))
		from := min(binary.NativeEndian.Uint64(body[8:]), size)
		f.reply(unique, 0, f.text[from:min(from+uint64(binary.NativeEndian.Uint32(body[16:])), size)])
	case fuseReaddir:
		var entry []byte // struct fuse_dirent
		if binary.NativeEndian.Uint64(body[8:]) == 0 {
			entry = binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 2), 1)
			entry = binary.NativeEndian.AppendUint32(entry, uint32(len(f.name)))
			entry = append(binary.NativeEndian.AppendUint32(entry, unix.DT_REG), f.name...)
			entry = append(entry, make([]byte, -len(entry)&7)...)
		}
		f.reply(unique, 0, entry)
	case fuseStatfs:
		f.reply(unique, 0, make([]byte, 80))
	case FuseFlush, fuseRelease, fuseReleasedir:
		f.reply(unique, 0, nil)
	default:
		f.reply(unique, -int32(unix.ENOSYS), nil)
	}
}

// attr is struct fuse_attr.
func (f *Fuse) attr(node uint64) []byte {
	b := make([]byte, 88)
	binary.NativeEndian.PutUint64(b, node)
	mode := uint32(unix.S_IFDIR | 0o755)
	if node != 1 {
		mode = unix.S_IFREG | 0o755
		binary.NativeEndian.PutUint64(b[8:], uint64(len(f.text)))
	}
	binary.NativeEndian.PutUint32(b[60:], mode)
	binary.NativeEndian.PutUint32(b[64:], 1) // nlink
	binary.NativeEndian.PutUint32(b[80:], 4096)
	return b
}

func (f *Fuse) reply(unique uint64, errno int32, body []byte) {
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.NativeEndian.AppendUint32(b, uint32(errno))
	b = binary.NativeEndian.AppendUint64(b, unique)
	unix.Write(f.fd, append(b, body...)) // whoever asked may be gone
}

// HangInExecve builds a program that hangs in execve(2) while a filesystem of
// MountFuse(t, FuseFlush) does not answer: HELPER FILE PROGRAM ARGUMENTS. Whoever
// opens /proc/PID/environ, follows /proc/PID/ns/net or, on some kernels, reads
// /proc/PID/stat of such a process hangs with it.
func HangInExecve(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "execve")
	if err := goBuild(file, module+"/bench/rig/testdata/execve", []string{"CGO_ENABLED=0"}, "build",
		"-trimpath"); err != nil {
		t.Fatal(err)
	}
	return file
}
