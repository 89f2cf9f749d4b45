package e2e

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// Files are copied into a docker container that has no program but the one that runs, and out of
// it again, as they were.
func TestTaskCopy(t *testing.T) {
	program := rig.Binary(t)
	docker := rig.Docker(t)
	d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf"},
		Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	name := rig.UniqueName("copy")
	c := docker.Run(t, rig.Spec{Name: name, Cmd: []string{"/bin/sleep", "600"}})
	c.Exec(t, "rm", "-rf", "/bin", "/usr", "/sbin") // the last thing that its shell does
	f := &sessionFixture{T: t, program: program, container: name, d: d}
	dir := t.TempDir()
	rig.Eventually(t, 20*time.Second, func() error {
		if out, errs, status := f.run("", "task", "cp", name+":/etc/passwd", dir); status != 0 {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})
	for name, test := range map[string]func(f *sessionFixture, dir string){
		"tree": (*sessionFixture).copyTree, "rules": (*sessionFixture).copyRules, "stream": (*sessionFixture).copyStream,
		"running": (*sessionFixture).copyRunning, "interrupted": (*sessionFixture).copyInterrupted,
		"cut": (*sessionFixture).copyCut,
	} {
		t.Run(name, func(t *testing.T) {
			g := *f
			g.T = t
			test(&g, t.TempDir())
		})
	}
	hard := docker.Run(t, rig.Spec{Name: rig.UniqueName("hard"), Cmd: []string{"/bin/sleep", "600"},
		Args: []string{"--user", "1234", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}})
	t.Run("hardened", func(t *testing.T) {
		g := *f
		g.T, g.container = t, hard.Name
		g.copyHardened(t.TempDir())
	})
	hard.Stop()
	c.Stop()
	d.Stop(t)
}

// A tool has the rights of the container's own process, and what they do not allow is said.
func (f *sessionFixture) copyHardened(dir string) {
	task := f.container + ":"
	f.shell(dir, "echo x >f; chown 4321:4321 f; chmod 4755 f")
	rig.Eventually(f, 20*time.Second, func() error {
		if _, errs, status := f.run("", "task", "cp", task+"/etc/passwd", dir); status != 0 {
			return errors.New(errs)
		}
		return nil
	})
	if _, errs := f.cp("", 1, dir+"/f", task+"/f"); !strings.Contains(errs, "read-only file system") {
		f.Errorf("into a read-only file system: %q", errs)
	}
	f.cp("", 0, dir+"/f", task+"/dev/shm/f")
	_, errs := f.cp("", 1, "-a", dir+"/f", task+"/dev/shm/g")
	if !strings.Contains(errs, "cannot be given to the user 4321") {
		f.Errorf("an owner without CAP_CHOWN: %q", errs)
	}
	out, _, _ := f.run("", "task", "exec", f.container, "stat", "-c", "%n %u %a", "/dev/shm/f", "/dev/shm/g")
	if out != "/dev/shm/f 1234 755\n/dev/shm/g 1234 755\n" {
		f.Errorf("%q", out)
	}
}

// cp copies, and expects a status.
func (f *sessionFixture) cp(stdin string, status int, args ...string) (out, errs string) {
	f.Helper()
	out, errs, got := f.run(stdin, append([]string{"task", "cp"}, args...)...)
	if got != status {
		f.Errorf("cp %q: status %d, want %d: %s", args, got, status, errs)
	}
	return out, errs
}

// shell runs a script here.
func (f *sessionFixture) shell(dir, script string) string {
	f.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.Fatalf("%s: %v: %s", script, err, out)
	}
	return string(out)
}

func (f *sessionFixture) copyTree(dir string) {
	f.shell(dir, `
		mkdir -p src/sub/empty src/locked; echo text >src/file; echo run >src/sub/prog; chmod 750 src/sub/prog
		echo in >src/locked/in; chmod 500 src/locked; printf '' >src/none; chmod 400 src/none
		ln -s ../../etc src/sub/out; ln -s /etc/passwd src/absolute; ln src/file src/sub/hard; mkfifo src/pipe
		head -c 5000000 /dev/urandom >src/big; truncate -s 1T src/disk
		printf end | dd of=src/disk bs=1 seek=1000000000000 conv=notrunc 2>/dev/null
		touch -d '2001-02-03 04:05:06.789012345' src/file src/sub src/locked; touch -h -d '2002-03-04' src/absolute`)
	f.cp("", 0, dir+"/src", f.container+":/copy")
	f.cp("", 0, f.container+":/copy", dir+"/back")
	const list = `find . -printf '%P %y %m %T@ %l %s %n\n' | sort; cksum big file sub/hard locked/in; du -k disk | cut -f1
		dd if=disk bs=1 skip=1000000000000 count=3 2>/dev/null`
	if a, b := f.shell(dir+"/src", list), f.shell(dir+"/back", list); a != b {
		f.Errorf("the trees differ:\n%s\n--\n%s", a, b)
	}
}

func (f *sessionFixture) copyRules(dir string) {
	task := f.container + ":"
	write := func(name, text string) {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	write("a", "first")
	f.cp("", 0, dir+"/a", task+"/tmp")
	f.cp("", 0, dir+"/a", task+"tmp/b") // from the root directory
	write("a", "second")
	f.cp("", 0, dir+"/a", task+"/tmp/b")
	f.cp("", 0, task+"/tmp/.", dir+"/out")
	if got := f.shell(dir, "cat out/a out/b"); got != "firstsecond" {
		f.Errorf("%q", got)
	}
	for _, c := range []struct {
		errs string
		args []string
	}{
		{"the destination directory does not exist", []string{dir + "/a", task + "/tmp/none/"}},
		{"the destination directory does not exist", []string{dir + "/a", task + "/none/a"}},
		{"a directory cannot take the place of a file", []string{dir + "/out", task + "/tmp/a"}},
		{"a directory cannot take the place of a file", []string{task + "/tmp", dir + "/a"}},
		{"/none: no such file or directory", []string{task + "/none", dir}},
		{"no such file or directory", []string{dir + "/none", task + "/tmp"}},
		{"cut short", []string{"-", task + "/tmp"}},
		{"it is a device", []string{task + "/dev", dir + "/dev"}},
		{"it has files of the kernel", []string{task + "/.", dir + "/all"}},
	} {
		if _, errs := f.cp("", 1, c.args...); !strings.Contains(errs, c.errs) {
			f.Errorf("cp %q: %q", c.args, errs)
		}
	}
	if got := f.shell(dir, "cat all/tmp/a; test ! -e all/proc"); got != "first" {
		f.Errorf("a copy of all: %q", got)
	}
}

func (f *sessionFixture) copyStream(dir string) {
	task := f.container + ":"
	f.shell(dir, "mkdir -p s/t; echo x >s/t/x; chown 1234:2345 s/t/x")
	archive := f.shell(dir, "tar cf - s")
	f.cp(archive, 0, "-a", "-", task+"/tmp")
	out, _ := f.cp("", 0, task+"/tmp/s", "-")
	r := tar.NewReader(strings.NewReader(out))
	for {
		h, err := r.Next()
		if err != nil {
			f.Fatal(err)
		}
		if h.Name == "s/t/x" {
			b, err := io.ReadAll(r)
			if string(b) != "x\n" || h.Uid != 1234 || h.Gid != 2345 {
				f.Errorf("%q, %+v, %v", b, h, err)
			}
			return
		}
	}
}

// The program that the container runs is replaced.
func (f *sessionFixture) copyRunning(dir string) {
	task := f.container + ":"
	f.shell(dir, "cp /bin/sleep sleep; mkdir bin")
	f.cp("", 0, dir+"/bin", task+"/")
	f.cp("", 0, dir+"/sleep", task+"/bin/sleep")
	run := exec.Command(f.program, "task", "exec", "--url", f.d.Relay.URL, "--token", f.d.Relay.Token, f.container,
		"/bin/sleep", "0")
	_ = run.Run() // it may need a library that is not there
	f.cp("", 0, dir+"/sleep", task+"/bin/sleep")
	f.cp("", 0, task+"/bin/sleep", dir+"/again")
	f.shell(dir, "cmp sleep again")
}

// A copy that is interrupted leaves nothing half done.
func (f *sessionFixture) copyInterrupted(dir string) {
	f.shell(dir, "head -c 300000000 /dev/zero >big; mkdir d; cp big d/big")
	cmd := f.command("task", "cp", dir+"/big", f.container+":/big")
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	_ = cmd.Process.Signal(syscall.SIGINT)
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGINT) {
		f.Errorf("interrupted: %v", err)
	}
	rig.Eventually(f, 10*time.Second, func() error {
		out, _, _ := f.run("", "task", "cp", f.container+":/.", "-")
		for _, name := range []string{"./.daytwo-", "./big"} {
			if strings.Contains(out, name) {
				return fmt.Errorf("%s is left", name)
			}
		}
		return nil
	})
}

// A copy whose connection is cut again and again goes on where it was, in both directions.
func (f *sessionFixture) copyCut(dir string) {
	proxy := rig.NewProxy(f, strings.TrimPrefix(f.d.Relay.URL, "http://"))
	d := *f.d
	d.Relay.URL = "http://" + proxy.Address
	g := *f
	g.d = &d
	f.shell(dir, "head -c 100000000 /dev/urandom >big")
	for _, args := range [][]string{{dir + "/big", f.container + ":/cut"}, {f.container + ":/cut", dir + "/back"}} {
		ended := make(chan struct{})
		cuts := make(chan int)
		go func() {
			n := 0
			for {
				select {
				case <-ended:
					cuts <- n
					return
				case <-time.After(150 * time.Millisecond):
					proxy.Drop()
					n++
				}
			}
		}()
		_, errs := g.cp("", 0, args...)
		close(ended)
		if n := <-cuts; n < 2 || !strings.Contains(errs, "the connection was lost, connecting again") {
			f.Errorf("the connection was not cut: %d, %q", n, errs)
		}
	}
	f.shell(dir, "cmp big back")
}
