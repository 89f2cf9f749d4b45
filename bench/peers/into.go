package main

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	sdjournal "github.com/coreos/go-systemd/v22/journal"

	"github.com/daytwo/daytwo/collector/journal"
)

const (
	intoLines    = 300_000
	sendArgument = "journal-send" // of this program: send lines by go-systemd's journal.Send
)

// init makes this program one that sends its input to journald when it is started so.
func init() {
	if len(os.Args) == 2 && os.Args[1] == sendArgument {
		lines := bufio.NewScanner(os.Stdin)
		fields := map[string]string{}
		for _, f := range taskFields {
			name, value, _ := strings.Cut(f, "=")
			fields[strings.ToUpper(name)] = value
		}
		fields["SYSLOG_IDENTIFIER"] = "bench"
		for lines.Scan() {
			if err := sdjournal.Send(lines.Text(), sdjournal.PriInfo, fields); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(0)
	}
}

// taskFields are what DC/OS had with every line of a task.
var taskFields = []string{"agent_id=8f1c8a51-6a3c-4c39-9a0f-6a5b3a1d3f05-S1",
	"container_id=0b6f5a3e-6f0e-4e35-8f8b-0e3c3a0f9d11",
	"executor_id=web.0b6f5a3e", "framework_id=8f1c8a51-6a3c-4c39-9a0f-6a5b3a1d3f05-0001", "framework_name=marathon",
	"task_id=web.0b6f5a3e-6f0e-4e35", "task_name=web"}

// intoWay is a way of lines into the journal. The command prints them, or has them as input.
type intoWay struct {
	name    string
	command func(d *realJournald, file string) *exec.Cmd
	beside  func() time.Duration // CPU time of who takes part and is no child
}

// benchInto writes lines to a journald, and asks the kernel what all took that took part.
func benchInto(r *report) error {
	if daytwoBinary == "" {
		return errors.New("no binary: build daytwo and give -daytwo")
	}
	program, err := filepath.Abs(daytwoBinary)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	labels := []string{"log-pipe", "-t", "bench"}
	for _, f := range taskFields {
		labels = append(labels, "--label", f)
	}
	ways := []intoWay{
		{name: "daytwo log-pipe, the 7 fields of a DC/OS task", command: piped(program, labels...)},
		{name: "daytwo log-pipe, no such fields", command: piped(program, "log-pipe", "-t", "bench")},
		{name: "systemd-cat, which can add no fields", command: func(d *realJournald, file string) *exec.Cmd {
			return d.command("systemd-cat", "-t", "bench", "cat", file)
		}},
		{name: "go-systemd's journal.Send, the 7 fields", command: piped(self, sendArgument)},
	}
	r.printf("%d lines of 100 bytes, which `cat` prints, until journald has written the last one. CPU in seconds for 1 "+
		"million lines: of the one who prints with the one who logs, and of journald, which is most of every way.\n\n"+
		"| way | lines/s | print and log | journald | all | entries |\n|---|---:|---:|---:|---:|---:|\n", intoLines)
	for _, w := range ways {
		if err := withJournald(func(d *realJournald) error { return r.into(d, &w) }); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	if err := withJournald(func(d *realJournald) error {
		return withDocker(d, func(w *intoWay) error { return r.into(d, w) })
	}); err != nil {
		r.printf("| docker's journald driver | failed: %v | | | | |\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// piped makes the command that has a program read a file from a pipe.
func piped(program string, args ...string) func(*realJournald, string) *exec.Cmd {
	return func(d *realJournald, file string) *exec.Cmd {
		return d.command("sh", append([]string{"-c", `file=$1; shift; cat "$file" | "$@"`, "sh", file, program}, args...)...)
	}
}

// into writes the lines one way, and prints what that took.
func (r *report) into(d *realJournald, w *intoWay) error {
	file, err := linesFile()
	if err != nil {
		return err
	}
	defer os.Remove(file)
	cmd := w.command(d, file)
	var errs strings.Builder
	cmd.Stderr = &errs
	beside := func() time.Duration { return 0 }
	if w.beside != nil {
		beside = w.beside
	}
	runtime.GC() // its CPU time is this process's, which is not counted, but it shares the cores
	of, journald, start := beside(), d.cpu(), time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	if err := d.sync(); err != nil {
		return err
	}
	took, spent := time.Since(start), d.cpu()-journald
	logging := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + beside() - of
	n, err := d.count("benchmark line")
	if err != nil {
		return err
	}
	million := func(d time.Duration) float64 { return d.Seconds() * 1e6 / intoLines }
	r.printf("| %s | %.0f | %.2f | %.2f | %.2f | %d |\n", w.name, intoLines/took.Seconds(), million(logging),
		million(spent), million(logging+spent), n)
	return nil
}

// linesFile makes a file of lines, each another one.
func linesFile() (string, error) {
	f, err := os.CreateTemp("", "daytwo-peers-lines-")
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	for i := range intoLines {
		fmt.Fprintf(w, "benchmark line %07d of a service that says what it does, to whom, how long it took, and why %06d\n",
			i, i%977)
	}
	return f.Name(), errors.Join(w.Flush(), f.Close())
}

// count returns how many entries have a message that begins with a text.
func (d *realJournald) count(text string) (n int, err error) {
	dirs, err := filepath.Glob(d.path("/var/log/journal/*"))
	if err != nil {
		return 0, err
	}
	j := journal.Open(journal.Options{Dirs: dirs, Log: slog.New(slog.DiscardHandler)})
	defer j.Close()
	reader := j.Reader(journal.Match{})
	defer reader.Close()
	for reader.Next() {
		if _, err := reader.Value("MESSAGE", func(v []byte) {
			if strings.HasPrefix(string(v), text) {
				n++
			}
		}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// withDocker starts a docker in the namespace of a journald, and calls body with the way of
// its journald driver.
func withDocker(d *realJournald, body func(*intoWay) error) error {
	dir, err := os.MkdirTemp("", "d2d")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	docker := func(args ...string) *exec.Cmd {
		return d.command("docker", append([]string{"-H", "unix://" + dir + "/s"}, args...)...)
	}
	daemon := d.command("dockerd", "--data-root", dir+"/d", "--exec-root", dir+"/x", "--pidfile", dir+"/pid",
		"-H", "unix://"+dir+"/s", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs")
	if err := daemon.Start(); err != nil {
		return err
	}
	defer func() {
		daemon.Process.Signal(syscall.SIGTERM)
		daemon.Wait()
	}()
	for i := 0; docker("info").Run() != nil; i++ {
		if i == 100 {
			return errors.New("dockerd did not come up")
		}
		time.Sleep(200 * time.Millisecond)
	}
	root := dir + "/root/bin"
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err == nil {
		err = os.WriteFile(root+"/cat", busybox, 0o755)
	}
	if err != nil {
		return err
	}
	load := d.command("sh", "-c", "tar -C "+dir+"/root -c . | docker -H unix://"+dir+"/s import - bench")
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("docker import: %w: %s", err, out)
	}
	way := &intoWay{name: "docker's journald driver, its own fields"}
	way.command = func(_ *realJournald, file string) *exec.Cmd {
		return docker("run", "--rm", "--network=none", "--log-driver=journald", "-v", file+":/lines:ro", "bench",
			"/bin/cat", "/lines")
	}
	way.beside = func() time.Duration { return cpuOfTree(daemon.Process.Pid) }
	return body(way)
}

// cpuOfTree returns the CPU time of a process and of all that it started and that live, and of
// those that have ended and were waited for.
func cpuOfTree(pid int) time.Duration {
	d := cpuOfProcess(pid) + cpuOfChildren(pid)
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, c := range children {
		list, _ := os.ReadFile(c)
		for _, child := range strings.Fields(string(list)) {
			if n, err := strconv.Atoi(child); err == nil {
				d += cpuOfTree(n)
			}
		}
	}
	return d
}

// cpuOfChildren returns the CPU time of children of a process that it has waited for.
func cpuOfChildren(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.Atoi(fields[13])
	system, _ := strconv.Atoi(fields[14])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ
}
