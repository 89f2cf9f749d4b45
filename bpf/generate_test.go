package bpf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// sums reads generate.sum: the compiler, and the hash of each file.
func sums(t *testing.T) (compiler string, files map[string]string) {
	t.Helper()
	b, err := os.ReadFile("generate.sum")
	if err != nil {
		t.Fatal(err)
	}
	compiler, rest, _ := strings.Cut(string(b), "\n")
	files = map[string]string{}
	for line := range strings.Lines(rest) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("generate.sum: line %q", line)
		}
		files[name] = sum
	}
	return compiler, files
}

func TestObjectsMatchTheirSource(t *testing.T) {
	_, want := sums(t)
	have := map[string]string{}
	for _, pattern := range []string{"*.c", "*.h", "*_bpfel.go", "*_bpfel.o"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(b)
			have[name] = hex.EncodeToString(sum[:])
		}
	}
	if len(have) == 0 || !maps.Equal(have, want) {
		for _, name := range slices.Sorted(maps.Keys(have)) {
			if have[name] != want[name] {
				t.Errorf("%s is not what the objects were generated with: run make generate", name)
			}
		}
		if len(have) != len(want) {
			t.Errorf("generate.sum lists %d files, there are %d", len(want), len(have))
		}
	}
}

func TestRegenerate(t *testing.T) {
	compiler, _ := sums(t)
	out, err := exec.Command("clang", "--version").Output()
	if err != nil {
		rig.Missing(t, "clang", err.Error(), "apt-get install clang llvm libbpf-dev")
	}
	if have, _, _ := strings.Cut(string(out), "\n"); have != compiler {
		rig.Missing(t, "clang", (&otherCompiler{have, compiler}).Error(), "that version of clang")
	}
	if _, err := os.Stat("/usr/include/bpf/bpf_helpers.h"); err != nil {
		rig.Missing(t, "libbpf headers", err.Error(), "apt-get install libbpf-dev")
	}
	source, err := os.ReadFile("generate.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	runs := 0
	for line := range strings.Lines(string(source)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "//go:generate go ")
		if !ok {
			continue
		}
		runs++
		args := strings.Fields(command)
		args = slices.Insert(args, 2, "-output-dir", dir) // run PACKAGE
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOPACKAGE=bpf")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	made, err := os.ReadDir(dir)
	if err != nil || runs == 0 || len(made) != 2*runs {
		t.Fatalf("%d runs made %d files (%v)", runs, len(made), err)
	}
	for _, f := range made {
		a, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s is not what its source makes: run make generate", f.Name())
		}
	}
}

type otherCompiler struct{ have, want string }

func (e *otherCompiler) Error() string { return "the compiler is " + e.have + ", not " + e.want }
