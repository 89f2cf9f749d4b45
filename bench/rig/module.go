package rig

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

var moduleBuilds struct {
	mu  sync.Mutex
	all map[string]*build
}

// ModuleProgram returns the path of a program that a module beside the program's own one
// (dir, relative to the test) builds from a package: what tests need and the product must
// not depend on. It is built once per test process, and by the go command's cache once.
func ModuleProgram(t testing.TB, dir, pkg string) string {
	t.Helper()
	moduleBuilds.mu.Lock()
	if moduleBuilds.all == nil {
		moduleBuilds.all = map[string]*build{}
	}
	b := moduleBuilds.all[dir+pkg]
	if b == nil {
		b = new(build)
		moduleBuilds.all[dir+pkg] = b
	}
	moduleBuilds.mu.Unlock()
	b.once.Do(func() {
		to, err := buildDir()
		if err != nil {
			b.err = err
			return
		}
		b.path = filepath.Join(to, fmt.Sprintf("%s-%s", filepath.Base(dir), filepath.Base(pkg)))
		b.err = goBuild(b.path, pkg, nil, "build", "-C", dir)
	})
	if b.err != nil {
		Missing(t, "the program "+pkg, b.err.Error(), "access to Go's module proxy")
	}
	return b.path
}
