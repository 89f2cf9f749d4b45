package logdriver

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/journal"
)

// runToEnd runs a script in a container that logs to journald, and returns the
// container's id when it has ended.
func runToEnd(t testing.TB, e *rig.Engine, script string, args ...string) string {
	t.Helper()
	run := []string{"run", "-d", "--name", rig.UniqueName("log"), "--network", "none", "--log-driver", "journald"}
	if e.Name == "podman" {
		run = append(run, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
	}
	id := command(t, e, append(append(run, args...), rig.Image, "/bin/sh", "-c", script)...)
	t.Cleanup(func() { tryCommand(e, "rm", "-f", "-v", id) })
	return id
}

func command(t testing.TB, e *rig.Engine, args ...string) string {
	t.Helper()
	out, err := tryCommand(e, args...)
	if err != nil {
		t.Fatalf("%s %q: %v", e.Name, args, err)
	}
	return out
}

func tryCommand(e *rig.Engine, args ...string) (string, error) {
	cmd := exec.Command(e.Bin[0], append(e.Bin[1:len(e.Bin):len(e.Bin)], args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, 2*time.Second
	err := cmd.Run()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("%w: %s", err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// journalEntries reads all entries of a journal.
func journalEntries(t testing.TB) *maker {
	t.Helper()
	j := journal.Open(journal.Options{Dirs: []string{"/var/log/journal"}})
	defer j.Close()
	r := j.Reader(journal.Match{})
	defer r.Close()
	var m maker
	for r.Next() {
		e := made{at: r.Cursor()}
		if err := r.Fields(func(name, value []byte) error {
			e.fields = append(e.fields, entry.Field{Name: string(name), Value: bytes.Clone(value)})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		m.all = append(m.all, e)
	}
	for _, err := range r.Errors() {
		t.Error(err)
	}
	return &m
}

// cutScript prints what the drivers cut into pieces: lines of 40 KiB on both streams at
// once, one that ends in CR, and one without an end.
const cutScript = `
a=$(head -c 40960 /dev/zero | tr '\0' a); b=$(head -c 40960 /dev/zero | tr '\0' b)
for i in 1 2 3; do echo "$a$i"; done &
for i in 1 2 3; do echo "$b$i" >&2; done &
wait
printf 'cr\r\n'
printf '%s' "${a}end"`

// Two containers of each runtime print long lines to both streams at once: every line
// comes in one entry.
func TestLongLinesInJournald(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "")
		for _, e := range []*rig.Engine{rig.Docker(t), rig.Podman(t)} {
			ids := []string{runToEnd(t, e, cutScript), runToEnd(t, e, cutScript)}
			for _, id := range ids {
				command(t, e, "wait", id)
			}
			d.Sync()
			m := journalEntries(t)
			if e.Name == "docker" && len(m.all) < 2*(6*3+1+3) {
				t.Errorf("%d entries: nothing was cut", len(m.all))
			}
			got := m.read(t, false)
			for _, id := range ids {
				checkCut(t, e, id, got)
			}
			equal(t, e.Name+" backward", shows(m.read(t, true)), shows(got))
			equal(t, e.Name+" plain", shows(plain(m.all)), shows(got))
		}
	})
}

// checkCut checks the lines of cutScript in the log of one container.
func checkCut(t *testing.T, e *rig.Engine, id string, records []record) {
	t.Helper()
	var out, errs []string
	for _, r := range records {
		if r.get(fieldIDFull) != id {
			continue
		}
		// conmon does not tell the last piece of a container from any other.
		open := e.Name == "podman" && strings.HasSuffix(r.get(fieldMessage), "end")
		if r.lost != nil || (r.get(FieldPartial) != "") != open || (r.get(fieldImage) != "") != (e.Name == "docker") {
			t.Errorf("%s: %s", e.Name, show(r))
		}
		s := r.get(fieldMessage)
		if len(s) > 100 {
			s = fmt.Sprintf("%s…(%d)", s[len(s)-4:], len(s))
		}
		if r.get(fieldPriority) == "3" {
			errs = append(errs, s)
		} else {
			out = append(out, s)
		}
	}
	equal(t, e.Name+" stdout", out, []string{"aaa1…(40961)", "aaa2…(40961)", "aaa3…(40961)", "cr\r", "aend…(40963)"})
	equal(t, e.Name+" stderr", errs, []string{"bbb1…(40961)", "bbb2…(40961)", "bbb3…(40961)"})
}

// Containers that print ten lines and are removed at once leave all of them.
func TestShortLivedInJournald(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "")
		e := rig.Docker(t)
		const containers = 8
		for range containers {
			runToEnd(t, e, "for i in 0 1 2 3 4 5 6 7 8 9; do echo $i; done", "--rm")
		}
		rig.Eventually(t, 30*time.Second, func() error {
			if left, _ := filepath.Glob(e.Dir + "/d/containers/*"); len(left) > 0 {
				return fmt.Errorf("%d containers are left", len(left))
			}
			return nil
		})
		d.Sync()
		text := map[string]string{}
		for _, r := range journalEntries(t).read(t, false) {
			if c := r.get(fieldIDFull); c != "" {
				text[c] += r.get(fieldMessage)
			}
		}
		if len(text) != containers {
			t.Errorf("%d containers, not %d", len(text), containers)
		}
		for id, s := range text {
			if s != "0123456789" {
				t.Errorf("%s: %q", id, s)
			}
		}
	})
}
