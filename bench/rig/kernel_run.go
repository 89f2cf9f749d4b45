package rig

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const qemuBinary = "qemu-system-x86_64"

// RunOptions describe the only program that a kernel runs.
type RunOptions struct {
	Binary  string            // static program, on this machine
	Args    []string          // its arguments
	Env     []string          // KEY=value, in addition to PATH and HOME
	Files   map[string]string // more files: absolute path in the VM -> path here; directories are copied whole
	Dir     string            // working directory in the VM, default /root
	Hybrid  bool              // v1 controllers, and v2 at /sys/fs/cgroup/unified; else v2 with every controller
	Memory  int               // MiB, default 1024
	CPUs    int               // default 2
	Timeout time.Duration     // for the boot and the program, default 5 minutes
}

// exitMarker is what /init prints after the program has ended, and startMarker
// before it starts.
var exitMarker = regexp.MustCompile(`(?m)^daytwo-vm-exit (\d+)\r?\n`)

const startMarker = "daytwo-vm-start"

// bootTimeout is how long a VM may take to print its start marker: usually 2 to 5
// seconds, and about 30 on a busy machine.
const bootTimeout = 2 * time.Minute

// Run boots the kernel, runs the program as root and returns what it printed
// (stdout and stderr) and its exit status. /disk is an empty ext4 of 64 MiB on an
// NVMe disk, for tests of io. If the VM does not finish, the test fails with the
// last lines of the console.
func (k Kernel) Run(t testing.TB, o RunOptions) (output string, exit int) {
	t.Helper()
	dir := t.TempDir()
	initrd, disk, console := filepath.Join(dir, "initrd"), filepath.Join(dir, "disk"), filepath.Join(dir, "console")
	if err := writeInitramfs(initrd, requireBusybox(t), o); err != nil {
		t.Fatal(err)
	}
	makeDisk(t, disk)
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	// Emulation works everywhere, unlike nested KVM. But now and then a VM hangs
	// before /init, or faults on an instruction that the kernel patches while the
	// other CPU runs it. Neither is a fault of the program: try again.
	for try := 1; ; try++ {
		out, err := k.boot(t.Context(), o, initrd, disk, console)
		started := strings.HasPrefix(out, startMarker)
		out = strings.TrimLeft(strings.TrimPrefix(out, startMarker), "\r\n")
		if m := exitMarker.FindStringSubmatchIndex(out); m != nil {
			exit, _ = strconv.Atoi(out[m[2]:m[3]])
			return strings.ReplaceAll(out[:m[0]], "\r\n", "\n"), exit
		}
		log, _ := os.ReadFile(console) // empty if it is missing
		if try < 3 && (!started || strings.Contains(string(log), "Oops: int3")) {
			t.Logf("%s: the emulator failed, trying again: started %v, %v\n%s", k.Release, started, err, tail(string(log), 20))
			continue
		}
		t.Fatalf("%s did not finish within %v: %v\nconsole:\n%s\noutput:\n%s", k.Release, o.Timeout, err,
			tail(string(log), 60), tail(out, 60))
	}
}

// boot runs one VM until it ends, or kills it after its timeout.
func (k Kernel) boot(ctx context.Context, o RunOptions, initrd, disk, console string) (output string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, errors.New("it took too long"))
	defer cancel()
	// "panic=-1" with -no-reboot ends a VM that panics. The program has a serial
	// port of its own, so that kernel messages never land in the middle of its lines.
	cmd := exec.CommandContext(ctx, qemuBinary, "-M", "q35", "-accel", "tcg", "-cpu", "max",
		"-m", strconv.Itoa(or(o.Memory, 1024)), "-smp", strconv.Itoa(or(o.CPUs, 2)),
		"-kernel", k.Image, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1",
		"-drive", "file="+disk+",format=raw,if=none,id=disk", "-device", "nvme,drive=disk,serial=daytwo",
		"-display", "none", "-no-reboot", "-nodefaults", "-serial", "file:"+console, "-serial", "stdio")
	var errs strings.Builder
	out := &startWatch{started: time.AfterFunc(bootTimeout, cancel)}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, &errs, 5*time.Second
	// The VM must not outlive a killed test. The parent death signal is bound to the
	// thread that started the process (see onThread).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if text := strings.TrimSpace(errs.String()); text != "" {
		err = errors.Join(err, errors.New(text))
	}
	return out.text.String(), err
}

// startWatch collects what a VM prints. The first byte means that /init runs.
type startWatch struct {
	text    strings.Builder
	started *time.Timer
}

func (w *startWatch) Write(b []byte) (int, error) {
	w.started.Stop()
	return w.text.Write(b)
}

func or(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

func tail(s string, lines int) string {
	l := strings.SplitAfter(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	return strings.Join(l[max(0, len(l)-lines):], "")
}

// requireBusybox returns the path of a static busybox, the only userland of a VM.
func requireBusybox(t testing.TB) string {
	t.Helper()
	p, err := exec.LookPath("busybox")
	if err == nil {
		err = checkStatic(p)
	}
	if err != nil {
		Missing(t, "busybox", err.Error(), "apt-get install busybox-static")
	}
	return p
}

func checkStatic(p string) error {
	f, err := elf.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(s *elf.Prog) bool { return s.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s is not static (CGO_ENABLED=0 makes Go programs so)", p)
	}
	return nil
}

func makeDisk(t testing.TB, p string) {
	t.Helper()
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		Missing(t, "mkfs.ext4", err.Error(), "apt-get install e2fsprogs")
	}
	if err := command("", "mkfs.ext4", "-q", "-F", p, "64M"); err != nil {
		t.Fatal(err)
	}
}

func writeInitramfs(dst, busybox string, o RunOptions) error {
	if err := checkStatic(o.Binary); err != nil {
		return err
	}
	f, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer f.Close()
	c := &cpioWriter{w: f}
	for _, d := range []string{"bin", "dev", "proc", "sys", "run", "tmp", "root", "disk", "etc"} {
		c.dir(d)
	}
	c.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	c.file("etc/mtab", 0o644, nil)
	c.file("init", 0o755, []byte(initScript(o)))
	files := map[string]string{"/bin/busybox": busybox, "/bin/program": o.Binary}
	for to, from := range o.Files {
		files[to] = from
	}
	made := map[string]bool{}
	for to, from := range files {
		if err := addTree(c, made, from, strings.TrimPrefix(path.Clean(to), "/")); err != nil {
			return err
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	return f.Close()
}

// addTree adds a file or a directory and everything below it.
func addTree(c *cpioWriter, made map[string]bool, from, to string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		name := path.Join(to, filepath.ToSlash(rel))
		parents(c, made, path.Dir(name))
		if d.IsDir() {
			return nil // made when a file in it is
		}
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		c.file(name, info.Mode(), data)
		return c.err
	})
}

func parents(c *cpioWriter, made map[string]bool, dir string) {
	if dir == "." || made[dir] {
		return
	}
	made[dir] = true
	parents(c, made, path.Dir(dir))
	c.dir(dir)
}

// initScript returns the script of the VM's first process.
func initScript(o RunOptions) string {
	var b strings.Builder
	b.WriteString(`#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo ` + startMarker + ` >/dev/ttyS1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t ext4 /dev/nvme0n1 /disk
ip link set lo up
`)
	if o.Hybrid {
		b.WriteString(`mount -t tmpfs tmpfs /sys/fs/cgroup
for c in cpu cpuacct cpuset memory devices freezer blkio pids hugetlb; do
	mkdir /sys/fs/cgroup/$c
	mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c || rmdir /sys/fs/cgroup/$c
done
mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
`)
	} else {
		b.WriteString(`mount -t cgroup2 cgroup2 /sys/fs/cgroup
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c > /sys/fs/cgroup/cgroup.subtree_control; done
`)
	}
	for _, e := range o.Env {
		b.WriteString("export " + quote(e) + "\n")
	}
	dir := o.Dir
	if dir == "" {
		dir = "/root"
	}
	b.WriteString("cd " + quote(dir) + "\n/bin/program")
	for _, a := range o.Args {
		b.WriteString(" " + quote(a))
	}
	b.WriteString(` </dev/null >/dev/ttyS1 2>&1
status=$?
printf 'daytwo-vm-exit %d\n' $status >/dev/ttyS1
poweroff -f
`)
	return b.String()
}

// quote quotes s as one word for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
