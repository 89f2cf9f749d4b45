package kernels

import (
	"bytes"
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
				for _, s := range suites {
					t.Run(filepath.Base(s.pkg), func(t *testing.T) { s.run(t, k, hybrid) })
				}
			})
		}
	}
}

// run boots one VM for a package and reports its results as subtests.
func (s *suite) run(t *testing.T, k rig.Kernel, hybrid bool) {
	o := rig.RunOptions{
		Binary:  s.binary,
		Args:    []string{"-test.run=^TestKernel", "-test.v=test2json", "-test.timeout=8m"},
		Env:     []string{"DAYTWO_VM=1", "DAYTWO_REQUIRE=" + os.Getenv("DAYTWO_REQUIRE")},
		Dir:     "/root/" + filepath.Base(s.dir),
		Hybrid:  hybrid,
		Timeout: 10 * time.Minute,
	}
	// Tests find their testdata in their working directory.
	o.Files = map[string]string{o.Dir + "/doc.go": filepath.Join(s.dir, "doc.go")}
	if data := filepath.Join(s.dir, "testdata"); isDir(data) {
		o.Files[o.Dir+"/testdata"] = data
	}
	out, exit := k.Run(t, o)
	results, err := parse(out)
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	for _, r := range results {
		failed = failed || r.action != "pass" && r.action != "skip"
		t.Run(r.test, func(t *testing.T) { r.repeat(t) })
	}
	switch {
	case len(results) == 0:
		t.Fatalf("no test ran; output:\n%s", out)
	case exit != 0 && !failed:
		t.Fatalf("exit status %d with no failed test; output:\n%s", exit, out)
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
		goCommand(t, "test", "-c", "-o", s.binary, s.pkg)
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
