package rig

import (
	"os"
	"os/exec"
	"testing"
)

// Follow is StartProcess of a program whose standard output the test reads while it runs:
// from what Follow returns, which is closed when the test ends.
func Follow(t testing.TB, cmd *exec.Cmd) (*Process, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	defer w.Close()
	cmd.Stdout = w
	return StartProcess(t, cmd), r
}
