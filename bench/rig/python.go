package rig

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Python returns the path of a Python that has packages from PyPI (as "name==version"), for
// clients of others in tests.
func Python(t testing.TB, packages ...string) string {
	t.Helper()
	env := t.TempDir()
	for _, args := range [][]string{{"python3", "-m", "venv", env},
		append([]string{filepath.Join(env, "bin", "pip"), "install", "-q", "--disable-pip-version-check"}, packages...)} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			Missing(t, "Python with "+packages[0], string(out), "apt-get install python3-venv, and access to PyPI")
		}
	}
	return filepath.Join(env, "bin", "python")
}
