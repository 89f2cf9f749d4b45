package kernels

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

const room = "github.com/daytwo/daytwo/collector/..."

var kernelTest = regexp.MustCompile(`(?m)^func TestKernel\w*\(`)

// suite is the compiled test binary of a package with kernel tests.
type suite struct{ pkg, dir, binary string }

// name is the last part of the package's path.
func (s *suite) name() string { return filepath.Base(s.pkg) }

// TestMatrix boots every kernel with every kind of hierarchy, once for all packages. Two
// VMs run at a time, as each leaves the machine idle for half of the time.
func TestMatrix(t *testing.T) {
	kernels := rig.Kernels(t)
	suites := compile(t)
	if len(suites) == 0 {
		t.Fatalf("no package of %s has a test named TestKernel…", room)
	}
	for _, k := range kernels {
		for _, hybrid := range []bool{false, true} {
			name := k.Series + "/v2"
			if hybrid && !k.V1 {
				continue
			}
			if hybrid {
				name = k.Series + "/hybrid"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(t, k, hybrid, suites)
			})
		}
	}
}

// run boots a VM, runs in it the tests that go test was asked for, and reports their
// results as subtests.
func run(t *testing.T, k rig.Kernel, hybrid bool, suites []suite) {
	o := rig.RunOptions{
		Env:     []string{"DAYTWO_VM=1", "DAYTWO_REQUIRE=" + os.Getenv("DAYTWO_REQUIRE")},
		Files:   map[string]string{},
		Hybrid:  hybrid,
		Timeout: 20 * time.Minute,
	}
	var asked []suite
	for _, s := range suites {
		tests := wanted(flag.Lookup("test.run").Value.String(), t.Name()+"/"+s.name())
		if tests == "" {
			continue
		}
		p := rig.Program{Binary: s.binary, Dir: "/root/" + s.name(),
			Args: []string{"-test.run=" + tests, "-test.v=test2json", "-test.timeout=8m"}}
		// Tests find their testdata in their working directory.
		o.Files[p.Dir+"/doc.go"] = filepath.Join(s.dir, "doc.go")
		if data := filepath.Join(s.dir, "testdata"); isDir(data) {
			o.Files[p.Dir+"/testdata"] = data
		}
		asked, o.Programs = append(asked, s), append(o.Programs, p)
	}
	if len(asked) == 0 {
		t.Fatalf("-run %s selects no package's tests", flag.Lookup("test.run").Value)
	}
	for i, r := range k.Run(t, o) {
		t.Run(asked[i].name(), func(t *testing.T) { report(t, r) })
	}
}

// report reports the results of a package in a VM as subtests.
func report(t *testing.T, r rig.Result) {
	results, err := parse(r.Output)
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	for _, r := range results {
		failed = failed || r.action != "pass" && r.action != "skip"
		t.Run(r.test, func(t *testing.T) { r.repeat(t) })
	}
	switch {
	case len(results) == 0 && strings.Contains(r.Output, "testing: warning: no tests to run"): // -run names none of them
	case len(results) == 0:
		t.Fatalf("no test ran; output:\n%s", r.Output)
	case r.Exit != 0 && !failed:
		t.Fatalf("exit status %d with no failed test; output:\n%s", r.Exit, r.Output)
	}
}

// compile builds the test binaries of all packages that have a TestKernel….
func compile(t *testing.T) []suite {
	list := goCommand(t, "list", "-f",
		`{{$d := .Dir}}{{.ImportPath}} {{$d}}{{range .TestGoFiles}} {{.}}{{end}}{{range .XTestGoFiles}} {{.}}{{end}}`, room)
	var suites []suite
	for line := range strings.Lines(string(list)) {
		f := strings.Fields(line)
		if len(f) < 3 || !hasKernelTest(t, f[1], f[2:]) {
			continue
		}
		s := suite{pkg: f[0], dir: f[1], binary: filepath.Join(t.TempDir(), filepath.Base(f[0])+".test")}
		goCommand(t, "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", s.binary, s.pkg)
		suites = append(suites, s)
	}
	return suites
}

func hasKernelTest(t *testing.T, dir string, files []string) bool {
	for _, name := range files {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if kernelTest.Match(src) {
			return true
		}
	}
	return false
}

// goCommand runs the go tool for the VM's architecture, without cgo so that
// binaries are static.
func goCommand(t *testing.T, args ...string) []byte {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, errs.String(), out)
	}
	return out
}

func isDir(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.IsDir()
}
