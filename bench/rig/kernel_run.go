package rig

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// RunOptions describe what a kernel runs: programs, one after the other.
type RunOptions struct {
	Programs []Program
	Env      []string          // KEY=value, in addition to PATH and HOME
	Files    map[string]string // more files: absolute path in the VM -> path here; directories are copied whole
	Hybrid   bool              // v1 controllers, and v2 at /sys/fs/cgroup/unified; else v2 with every controller
	Memory   int               // MiB, default 1024
	CPUs     int               // default 2
	Timeout  time.Duration     // for the boot and all programs, default 5 minutes
}

// Program is a static program for a VM.
type Program struct {
	Binary string   // on this machine
	Args   []string // its arguments
	Dir    string   // working directory in the VM, default /root
}

// Result is what came of a program.
type Result struct {
	Output string // stdout and stderr
	Exit   int    // status
}

// exitMarker is what /init prints after a program has ended, and startMarker
// before the first one starts.
var exitMarker = regexp.MustCompile(`daytwo-vm-exit (\d+)\r?\n`)

const startMarker = "daytwo-vm-start"

// bootTimeout is how long a VM may take to print its start marker: usually 2 to 5
// seconds, and about 30 on a busy machine.
const bootTimeout = 2 * time.Minute

// Run boots the kernel, runs the programs as root and returns their results in the
// same order. /disk is an empty ext4 of 64 MiB on an NVMe disk, for tests of io. If the
// VM does not finish, the test fails with the last lines of the console.
func (k Kernel) Run(t testing.TB, o RunOptions) []Result {
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
		if results := cutResults(out); len(results) == len(o.Programs) {
			return results
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

// cutResults cuts what a VM printed at the ends of its programs.
func cutResults(out string) (results []Result) {
	for {
		m := exitMarker.FindStringSubmatchIndex(out)
		if m == nil {
			return results
		}
		exit, _ := strconv.Atoi(out[m[2]:m[3]])
		results = append(results, Result{strings.ReplaceAll(out[:m[0]], "\r\n", "\n"), exit})
		out = out[m[1]:]
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
