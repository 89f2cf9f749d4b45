package load

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// run does the work in the order of Work's fields.
func (w *Work) run() error {
	for _, dir := range w.Cgroups {
		if err := join(dir); err != nil {
			return err
		}
	}
	if w.CPU > 0 {
		burn(w.CPU)
	}
	for range w.Threads {
		sleepingThread()
	}
	for range w.Fork {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), env+"={}") // has no work, and its standard input ends at once
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("fork: %w", err)
		}
	}
	if w.Anon > 0 {
		if err := anon(w.Anon); err != nil {
			return err
		}
	}
	if w.File != "" {
		if err := w.file(); err != nil {
			return err
		}
	}
	if w.OOM {
		for {
			if err := anon(1 << 20); err != nil {
				return err
			}
		}
	}
	return nil
}

// burn uses CPU time, some of it in the kernel.
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return
	}
	end := ts.Nano() + int64(d)
	x := uint64(1)
	for ts.Nano() < end {
		for range 100_000 {
			x = x*6364136223846793005 + 1442695040888963407
		}
		for range 50 {
			unix.Getppid()
		}
		unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	}
	runtime.KeepAlive(x)
}

// sleepingThread starts one more operating system thread, which sleeps.
func sleepingThread() {
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(started)
		ts := unix.Timespec{Sec: 1 << 20}
		unix.Nanosleep(&ts, nil)
	}()
	<-started
}

// anon maps memory, touches each page and keeps it.
func anon(size int64) error {
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("map %d bytes: %w", size, err)
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	kept = append(kept, b)
	return nil
}

var kept [][]byte

// file writes the file, syncs it, and reads it back from the disk.
func (w *Work) file() error {
	f, err := os.OpenFile(w.File, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i * 7)
	}
	for n := int64(0); n < w.Size; n += int64(len(b)) {
		if _, err := f.Write(b[:min(int64(len(b)), w.Size-n)]); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := w.readDirect(); err != nil {
		return err
	}
	if !w.Cache {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, b)
	return err
}

// readDirect reads the file with O_DIRECT, so that every byte comes from the disk.
// POSIX_FADV_DONTNEED would not do: it keeps pages that another CPU just touched.
func (w *Work) readDirect() error {
	fd, err := unix.Open(w.File, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON) // aligned to a page
	if err != nil {
		return err
	}
	defer unix.Munmap(b)
	for {
		n, err := unix.Read(fd, b)
		if n == 0 || err != nil {
			return err
		}
	}
}
