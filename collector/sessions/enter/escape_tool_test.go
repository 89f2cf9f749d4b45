package enter

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/sessions/sealed"
)

// toolFile returns the toolbox.
func toolFile(t testing.TB) *os.File {
	t.Helper()
	f, err := sealed.Toolbox()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// evil replaces all programs of a container's root directory but one by one that answers "owned"
// to everything.
func evil(t *testing.T, root string, but string) {
	t.Helper()
	entries, err := os.ReadDir(root + "/bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "busybox" || e.Name() == but {
			continue
		}
		path := root + "/bin/" + e.Name()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/busybox ash\necho owned\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// A container whose every program is somebody else's cannot answer as the toolbox's shell, nor as
// one of its programs, whatever PATH says.
func TestAnswersAsShell(t *testing.T) {
	c := bundle(t, func(s spec) { evil(t, copyRoot(t, s), "sleep") })
	const script = "case $( (sh -c 'ls; cat /dev/null; id; env; kill -l; which ls') 2>&1) in *owned*) ;; *) exit 1;; esac"
	escape(t, request{Target: target(c), Spec: Spec{Tool: 5, Env: []string{"PATH=/bin"},
		Args: []string{"debug", "sh", "-c", script}}},
		func(r *request) { r.Spec.Tool, r.Spec.Args = 0, r.Spec.Args[1:] }, toolFile(t))
	// To look for a shell executes none but the one that is found, which is what was asked for.
	left := bundle(t, func(s spec) {
		root := copyRoot(t, s)
		evil(t, root, "sleep")
		for _, name := range shellNames {
			os.Remove(root + "/bin/" + name)
		}
		// A shell whose interpreter is not there is none.
		if err := os.WriteFile(root+"/bin/bash", []byte("#!/nowhere\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	})
	if r := debug(t, left, Spec{}, "shell", "-c", "ls /; echo $((2*3))"); strings.Contains(r.out, "owned") ||
		!strings.HasSuffix(r.out, "6\n") || r.code != 0 {
		t.Errorf("%+v", r)
	}
	if r := debug(t, c, Spec{}, "shell"); r.out != "owned\n" {
		t.Errorf("the container's own shell is not taken: %+v", r)
	}
}

var shellNames = []string{"bash", "ash", "sh"}

// What a container has in its environment has no power over the toolbox, which no loader loads.
func TestLoaderEnvironment(t *testing.T) {
	program, err := exec.LookPath("sort") // any with a loader
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("env", "LD_DEBUG=help", program, "/dev/null").Output(); err != nil ||
		!strings.Contains(string(out), "Valid options for the LD_DEBUG") {
		rig.Missing(t, "a program with the loader of glibc", program+" has none", "a system with glibc")
	}
	c := bundle(t, func(s spec) {
		root := copyRoot(t, s)
		mounts := s["mounts"].([]any)
		for _, dir := range []string{"/lib", "/lib64"} { // where the loader and the C library are
			if _, err := os.Stat(dir); err != nil {
				continue
			}
			if err := os.MkdirAll(root+dir, 0o755); err != nil {
				t.Fatal(err)
			}
			mounts = append(mounts, map[string]any{"destination": dir, "type": "bind", "source": dir,
				"options": []string{"rbind", "ro"}})
		}
		s["mounts"] = mounts
		s.object("process")["env"] = []string{"PATH=/bin", "LD_PRELOAD=/evil.so", "LD_LIBRARY_PATH=/evil",
			"LD_AUDIT=/evil.so", "LD_DEBUG=help", "GCONV_PATH=/evil", "ENV=/evil", "BASH_ENV=/evil", "IFS=e",
			"BASH_FUNC_ls%%=() { exit 0; }", "GODEBUG=panicnil=1", "GOCOVERDIR=/evil", "PS4=$(exit 0)", "SHELLOPTS=noexec"}
	})
	// With LD_DEBUG=help, a loader ends the program with status 0 before it has begun.
	r := debug(t, c, Spec{}, "sh", "-c", "ls /bin | grep -c busybox; exit 7")
	if r.out != "1\n" || r.err != "" || r.code != 7 {
		t.Errorf("%+v", r)
	}
	f, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	escape(t, request{Target: target(c), Spec: Spec{Tool: 5, Args: []string{"debug", "sh", "-c", "exit 7"}}},
		func(r *request) { r.Spec.Tool = 6 }, toolFile(t), f)
}

// Root of a container that opens the toolbox by /proc can neither overwrite it (the kind of
// CVE-2019-5736) nor give it a mode, which would be that of the sessions of all containers.
func TestOverwrittenToolbox(t *testing.T) {
	c := bundle(t, nil)
	copied := func(seal bool) *os.File {
		program, err := os.ReadFile("/proc/self/fd/" + itoa(int(toolFile(t).Fd())))
		if err != nil {
			t.Fatal(err)
		}
		if seal {
			f, err := sealed.Copy(strings.NewReader(string(program)))
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		fd, err := unix.MemfdCreate("toolbox", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		w := os.NewFile(uintptr(fd), "toolbox")
		defer w.Close()
		if _, err := w.Write(program); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open("/proc/self/fd/" + itoa(fd))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, attack := range []struct {
		name, do string
		weak     func() *os.File
	}{
		{"overwrite", "echo owned >/proc/self/fd/9", func() *os.File { return copied(false) }},
		{"set user id", "chmod 4777 /proc/self/fd/9", func() *os.File { return copied(true) }},
		{"nobody may execute it", "chmod 0 /proc/self/fd/9", func() *os.File { return copied(true) }},
	} {
		for _, weak := range []bool{false, true} {
			f := toolFile(t)
			if weak {
				f = attack.weak()
				defer f.Close()
			}
			marker++
			args := []string{"debug", "sleep", itoa(marker)}
			s := start(t, request{Target: target(c), Spec: Spec{Tool: 5, Args: args}}, f)
			if pidOf(args...) == 0 {
				t.Fatalf("%s: %+v", attack.name, s.end(t))
			}
			// The container holds the file, and tries until nothing executes it any more.
			r := run(t, c, Spec{}, "sh", "-c", findSleep(marker)+"; exec 9</proc/$p/exe || exit 3; "+
				"kill -9 $p; for i in 1 2 3 4 5 6 7 8 9 10; do "+attack.do+" && exit 0; sleep 0.1; done; exit 1")
			if (r.code == 0) != weak || r.code > 1 {
				t.Errorf("%s, weakened: %v: %+v", attack.name, weak, r)
			}
			s.end(t)
		}
	}
	// It is still whole.
	if r := debug(t, c, Spec{User: "nobody"}, "sh", "-c", "id"); !strings.HasPrefix(r.out, "uid=65534") || r.code != 0 {
		t.Errorf("%+v", r)
	}
}

// findSleep is a script that sets p to the process that sleeps.
func findSleep(seconds int) string {
	return `for d in /proc/[0-9]*; do case "$(tr '\0' ' ' <$d/cmdline)" in "debug sleep ` + itoa(seconds) +
		` ") p=${d#/proc/};; esac; done`
}

// The container's processes find the toolbox nowhere: no mount, no file, no directory of the
// session is another one than theirs.
func TestToolIsNotSeen(t *testing.T) {
	c := bundle(t, nil)
	const of1 = "cat /proc/1/mountinfo; ls -l /proc/1/ns | sed 's/.*->//'; ls /proc/1/root/ /tmp /dev /run"
	before := sh(t, c, Spec{}, of1)
	marker++
	args := []string{"debug", "sleep", itoa(marker)}
	s := start(t, request{Target: target(c), Spec: Spec{Tool: 5, Args: args}}, toolFile(t))
	if pidOf(args...) == 0 {
		t.Fatalf("%+v", s.end(t))
	}
	after := sh(t, c, Spec{}, of1)
	session := sh(t, c, Spec{}, findSleep(marker)+"; "+strings.ReplaceAll(of1, "/proc/1/", "/proc/$p/"))
	session = regexp.MustCompile(`(?m)^/proc/[0-9]+/root/:$`).ReplaceAllString(session, "/proc/1/root/:")
	if after != before || session != before {
		t.Errorf("before:\n%s\nmeanwhile:\n%s\nthe session's:\n%s", before, after, session)
	}
	s.Process.Signal(os.Interrupt)
	s.end(t)
}
