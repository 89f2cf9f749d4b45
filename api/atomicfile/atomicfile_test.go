package atomicfile

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// onlyFile fails if the directory holds anything else.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the directory holds %v", entries)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for i, perm := range []fs.FileMode{0o644, 0o600} {
		text := fmt.Sprint("text ", i)
		if err := Write(path, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
		if st, _ := os.Stat(path); st.Mode().Perm() != perm {
			t.Errorf("mode %v, want %v", st.Mode().Perm(), perm)
		}
		onlyFile(t, path)
	}
	if err := Write(filepath.Join(path, "below"), nil, 0o600); err == nil {
		t.Error("written below a file")
	}
}

// A file that cannot be written whole leaves the old one, and nothing beside it.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "x"), []byte("text"), 0o600); err == nil {
		t.Fatal("a directory was replaced")
	}
	onlyFile(t, filepath.Join(dir, "x"))
}

func TestEnsure(t *testing.T) {
	try := func(what, content string, want string, wantCreated bool) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "id")
		if what != "missing" {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for round := range 2 {
			got, created, err := Ensure(path, 0o600, func() string { return "new" })
			if err != nil || got != want || created != (wantCreated && round == 0) {
				t.Errorf("%s, round %d: %q, %v, %v", what, round, got, created, err)
			}
			onlyFile(t, path)
		}
	}
	try("missing", "", "new", true)
	try("empty", "", "new", true)
	try("a line end", "\n", "new", true)
	try("zero bytes", "\x00\x00\x00\x00", "new", true)
	try("kept", "old\n", "old", false)
}

func TestEnsureRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxText+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "not a regular file", pipe: "not a regular file", large: "larger than",
		filepath.Join(dir, "no", "id"): "no such file",
	} {
		if _, _, err := Ensure(path, 0o600, func() string { return "new" }); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", path, err, want)
		}
	}
}

// Goroutines and processes that start at once agree, whether the file is missing
// or was left empty.
func TestEnsureRace(t *testing.T) {
	if dir := os.Getenv("DAYTWO_TEST_DIR"); dir != "" {
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // all start at once
		text, _, err := Ensure(
			filepath.Join(dir, "id"),
			0o600,
			func() string { return fmt.Sprint("process ", os.Getpid()) },
		)
		fmt.Printf("got %q, %v\n", text, err)
		os.Exit(0)
	}
	for _, content := range []string{"missing", ""} {
		dir := t.TempDir()
		if content != "missing" {
			if err := os.WriteFile(filepath.Join(dir, "id"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		answers := make([]string, 8)
		var all sync.WaitGroup
		for i := range answers {
			cmd := exec.Command(os.Args[0], "-test.run=^TestEnsureRace$")
			cmd.Env = append(os.Environ(), "DAYTWO_TEST_DIR="+dir)
			cmd.Stdin = read
			all.Go(func() {
				out, err := cmd.Output()
				if err != nil {
					t.Error(err)
				}
				answers[i] = string(out)
			})
		}
		write.Close() // they read the end of it
		all.Wait()
		read.Close()
		for _, a := range answers {
			if a != answers[0] || !strings.HasSuffix(a, ", <nil>\n") {
				t.Errorf("content %q: %q and %q", content, answers[0], a)
			}
		}
		onlyFile(t, filepath.Join(dir, "id"))
	}
}
