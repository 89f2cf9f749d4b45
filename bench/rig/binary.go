package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const module = "github.com/daytwo/daytwo"

// build is one variant of the program, built once per test process.
type build struct {
	once sync.Once
	path string
	err  error
}

var (
	plainBuild, raceBuild build
	buildDir              = sync.OnceValues(newBuildDir)
)

// Binary returns the path of the daytwo program, linked statically as it is
// released. It is built once per test process and removed by Main.
func Binary(t testing.TB) string {
	t.Helper()
	return plainBuild.get(t, "daytwo", "CGO_ENABLED=0", "build", "-trimpath")
}

// RaceBinary is Binary with the race detector compiled in. It needs a C compiler.
func RaceBinary(t testing.TB) string {
	t.Helper()
	need(t, "the race detector", "apt-get install gcc libc6-dev", "cc")
	return raceBuild.get(t, "daytwo-race", "CGO_ENABLED=1", "build", "-race")
}

func (b *build) get(t testing.TB, name, cgo string, args ...string) string {
	t.Helper()
	b.once.Do(func() {
		dir, err := buildDir()
		if err != nil {
			b.err = err
			return
		}
		b.path = filepath.Join(dir, name)
		b.err = goBuild(b.path, module, []string{cgo}, args...)
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

// goBuild runs the go command with args, which begin with "build", and writes the
// program of a package to a path. Programs without the race detector are built with
// -trimpath, as "make build" does: the go command has compiled their packages then.
func goBuild(to, pkg string, env []string, args ...string) error {
	cmd := exec.Command("go", append(args, "-o", to, pkg)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, lastLines(out))
	}
	return nil
}

// newBuildDir makes the directory of the programs, which any user may run.
func newBuildDir() (string, error) {
	if !engines.main.Load() {
		return "", errors.New("rig: the test binary has no TestMain with os.Exit(rig.Main(m)), which removes what is built")
	}
	dir, err := newDir("bin")
	if err == nil {
		engines.add(&Engine{Name: "bin", Dir: dir, ops: nothing{}})
	}
	return dir, err
}
