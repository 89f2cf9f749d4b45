package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// allowing is a policy that allows one user to see metrics.
func allowing(name string) string {
	return fmt.Sprintf("rules:\n  - subjects: user:%s\n    role: viewer\n    where: {agent: n1}\n", name)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

// changes collects what a File says of its changes.
type changes struct {
	mu  sync.Mutex
	all []error
}

func (c *changes) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, err)
}

func (c *changes) list() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// follow opens a file and follows it by its events until the test ends.
func follow(t *testing.T, path string) (*File, *changes) {
	t.Helper()
	return run(t, path, func(f *File) { f.poll = time.Hour })
}

func run(t *testing.T, path string, set func(*File)) (*File, *changes) {
	t.Helper()
	said := new(changes)
	f, err := Open(FileOptions{Path: path, Changed: said.add, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	set(f)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return f, said
}

func sees(t *testing.T, f *File, name, agent string) bool {
	t.Helper()
	return f.Policy().Decide(user(t, name), Read, SystemMetrics, &Tags{Agent: agent}).Allowed
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, allowing("u0"))
	f, said := follow(t, path)
	if !sees(t, f, "u0", "n1") || sees(t, f, "u1", "n1") {
		t.Fatal("it is not the policy of the file")
	}
	for i := 1; i <= 3; i++ {
		write(t, path, allowing(fmt.Sprint("u", i)))
		rig.Eventually(t, time.Minute, func() error {
			if !sees(t, f, fmt.Sprint("u", i), "n1") {
				return errors.New("the new policy is not in use")
			}
			return nil
		})
		if sees(t, f, fmt.Sprint("u", i-1), "n1") {
			t.Errorf("%d: the previous policy is in use, too", i)
		}
	}
	if n := len(said.list()); n != 3 {
		t.Errorf("%d changes", n)
	}
}

// A file that is broken, empty, away or writable by others is refused, and all of the old
// policy stays. The metrics say so, once.
func TestReloadRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	for i, c := range []struct {
		want string
		do   func() error
	}{
		{"this is no YAML", func() error { write(t, path, "rules: ["); return nil }},
		{"unknown action", func() error {
			write(t, path, allowing("u1")+"  - {subjects: user:u1, resources: daytwo:audit, actions: alow}\n")
			return nil
		}},
		{"the file is empty", func() error { return os.Truncate(path, 0) }},
		{"no such file", func() error { return os.Remove(path) }},
		{"others than its owner can write it (mode 0666)", func() error { return os.Chmod(path, 0o666) }},
		{"can write it (mode 0620)", func() error { return os.Chmod(path, 0o620) }},
		{"not a regular file", func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			os.RemoveAll(path)
			write(t, path, allowing("u0"))
			f, said := follow(t, path)
			before := f.Policy()
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
			rig.Eventually(t, time.Minute, func() error {
				if len(said.list()) == 0 {
					return errors.New("nothing is said")
				}
				return nil
			})
			if !strings.Contains(f.Refused(), c.want) || !strings.Contains(said.list()[0].Error(), c.want) {
				t.Errorf("%q is said, and %v, want %q", f.Refused(), said.list()[0], c.want)
			}
			if err := f.Reload(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("reloading gives %v", err)
			}
			if f.Policy() != before || !sees(t, f, "u0", "n1") || sees(t, f, "u1", "n1") {
				t.Error("the old policy is not in use")
			}
			var m bytes.Buffer
			f.WriteMetrics(&m)
			for _, want := range []string{
				"daytwo_policy_config_ok 0\n", "daytwo_policy_rules 1\n", `reloads_total{result="refused"} 1` + "\n",
			} {
				if !strings.Contains(m.String(), want) {
					t.Errorf("no %q in\n%s", want, m.String())
				}
			}
			// Nobody starts with it, and doctor says why.
			if _, err := Open(FileOptions{Path: path}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("opening gives %v", err)
			}
			if d := Doctor(path); d[0].State != health.Fail || !strings.Contains(d[0].Detail, c.want) {
				t.Errorf("%+v", d)
			}
			os.RemoveAll(path)
			write(t, path, allowing("u2"))
			rig.Eventually(t, time.Minute, func() error {
				if f.Refused() != "" || !sees(t, f, "u2", "n1") {
					return errors.New("the corrected file is not in use")
				}
				return nil
			})
			if d := Doctor(path); d[0].State != health.OK || d[0].Detail != path+": 1 rules, 0 groups, 0 roles" {
				t.Errorf("%+v", d)
			}
		})
	}
}

// The beginning of a file may be valid and allow more than the whole: it is not used while
// the file is being written.
func TestHalfWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, allowing("u0"))
	// Long enough for a machine that stops this test for a while.
	f, _ := run(t, path, func(f *File) { f.settle = 5 * time.Second })
	text := allowing("u1")
	half := strings.Index(text, "    where")
	if _, err := Parse([]byte(text[:half]), "p"); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, part := range []string{text[:10], text[10:half], text[half:]} {
		if _, err := out.WriteString(part); err != nil {
			t.Fatal(err)
		}
		for until := time.Now().Add(f.settle / 3); part == text[10:half] && time.Now().Before(until); {
			if sees(t, f, "u1", "n2") {
				t.Fatal("half of the file is in use")
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	rig.Eventually(t, time.Minute, func() error {
		if !sees(t, f, "u1", "n1") {
			return errors.New("the new policy is not in use")
		}
		return nil
	})
	if sees(t, f, "u1", "n2") {
		t.Error("half of the file is in use")
	}
}

// Kubernetes swaps a link beside the file: every swap counts, not only the first.
func TestKubernetesLinks(t *testing.T) {
	dir := t.TempDir()
	swap := func(i int) {
		t.Helper()
		version := filepath.Join(dir, fmt.Sprint("..v", i))
		if err := os.Mkdir(version, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(version, "policy.yaml"), allowing(fmt.Sprint("u", i)))
		tmp, data := filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")
		if err := errors.Join(os.Symlink(filepath.Base(version), tmp), os.Rename(tmp, data)); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			os.RemoveAll(filepath.Join(dir, fmt.Sprint("..v", i-1)))
		}
	}
	swap(0)
	path := filepath.Join(dir, "policy.yaml")
	if err := os.Symlink("..data/policy.yaml", path); err != nil {
		t.Fatal(err)
	}
	f, said := follow(t, path)
	for i := 1; i <= 5; i++ {
		swap(i)
		rig.Eventually(t, time.Minute, func() error {
			if !sees(t, f, fmt.Sprint("u", i), "n1") {
				return fmt.Errorf("swap %d is not in use", i)
			}
			return nil
		})
	}
	for _, err := range said.list() {
		if err != nil {
			t.Error(err)
		}
	}
}

// Without inotify, and behind links in other directories, changes are noticed, too.
func TestPolling(t *testing.T) {
	dir := t.TempDir()
	path, between, real := filepath.Join(dir, "a", "p"), filepath.Join(dir, "b", "p"), filepath.Join(dir, "c", "p")
	for _, d := range []string{path, between, real} {
		if err := os.Mkdir(filepath.Dir(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, real, allowing("u0"))
	if err := errors.Join(os.Symlink(between, path), os.Symlink(real, between)); err != nil {
		t.Fatal(err)
	}
	f, _ := run(t, path, func(f *File) {
		f.poll = 10 * time.Millisecond
		f.inotify = func() (*fsnotify.Watcher, error) { return nil, errors.New("none") }
	})
	byEvent, _ := follow(t, path)
	for i := 1; i <= 3; i++ {
		write(t, real, allowing(fmt.Sprint("u", i)))
		rig.Eventually(t, time.Minute, func() error {
			if !sees(t, f, fmt.Sprint("u", i), "n1") || !sees(t, byEvent, fmt.Sprint("u", i), "n1") {
				return fmt.Errorf("change %d is not in use", i)
			}
			return nil
		})
	}
}

// Decisions go on while the policy changes, each by one policy or the other.
func TestReloadUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	either := func(one string) string { // both allow u0; one of the others changes
		return allowing("u0") + "  - {subjects: user:" + one + ", role: admin}\n"
	}
	write(t, path, either("a"))
	f, err := Open(FileOptions{Path: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	u0, a, b := user(t, "u0"), user(t, "a"), user(t, "b")
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				p := f.Policy()
				if !p.Decide(u0, Read, SystemMetrics, &Tags{Agent: "n1"}).Allowed ||
					p.Decide(a, Read, Audit, nil).Allowed == p.Decide(b, Read, Audit, nil).Allowed {
					t.Error("a decision of neither policy")
					return
				}
			}
		})
	}
	for i := range 50 {
		write(t, path, either([]string{"b", "a"}[i%2]))
		if err := f.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}
