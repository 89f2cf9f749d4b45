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
func journalEntries(t testing.TB, m journal.Match) (all []*entry.Entry) {
	t.Helper()
	j := journal.Open(journal.Options{Dirs: []string{"/var/log/journal"}})
	defer j.Close()
	r := j.Reader(m)
	defer r.Close()
	for r.Next() {
		c := r.Cursor()
		e := &entry.Entry{Cursor: c.String(), Realtime: int64(c.Realtime)}
		if err := r.Fields(func(name, value []byte) error {
			e.Fields = append(e.Fields, entry.Field{Name: string(name), Value: bytes.Clone(value)})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for _, err := range r.Errors() {
		t.Error(err)
	}
	return all
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
// comes in one entry, with its container's origin.
func TestLongLinesInJournald(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "")
		for _, e := range []*rig.Engine{rig.Docker(t), rig.Podman(t)} {
			ids := []string{runToEnd(t, e, cutScript), runToEnd(t, e, cutScript)}
			for _, id := range ids {
				command(t, e, "wait", id)
			}
			d.Sync()
			all := journalEntries(t, journal.Match{})
			if e.Name == "docker" && len(all) < 2*(6*3+1+3) {
				t.Errorf("%d entries: nothing was cut", len(all))
			}
			var j Joiner
			var got []entry.Record
			keep := func(records []entry.Record) {
				for _, r := range records {
					if r.Event != nil {
						t.Errorf("%s: %+v", e.Name, r.Event)
						continue
					}
					got = append(got, entry.Record{Entry: r.Entry.Clone()})
				}
			}
			for _, en := range all {
				keep(j.Add(en.Clone()))
			}
			keep(j.Flush())
			for _, id := range ids {
				checkCut(t, e, id, got)
			}
			if back := backward(all); strings.Join(back, "\n") != strings.Join(shows(got), "\n") {
				t.Errorf(
					"%s: backward it is\n%s\nnot\n%s",
					e.Name,
					strings.Join(back, "\n"),
					strings.Join(shows(got), "\n"),
				)
			}
		}
	})
}

func shows(records []entry.Record) (all []string) {
	for _, r := range records {
		all = append(all, show(r))
	}
	return all
}

// checkCut checks the lines of cutScript in the log of one container.
func checkCut(t *testing.T, e *rig.Engine, id string, records []entry.Record) {
	t.Helper()
	var out, errs []string
	for _, r := range records {
		d, container := Of(r.Entry)
		if string(container) != id {
			continue
		}
		if d.String() != e.Name {
			t.Errorf("%s: driver %v", e.Name, d)
		}
		if o, ok := Origin(r.Entry, nil); !ok || o.Tag("container_id") != id ||
			!strings.HasPrefix(o.Tag("task_name"), "log-") {
			t.Errorf("%s: origin %q %v", e.Name, o, ok)
		}
		text, _ := r.Entry.Get(fieldMessage)
		s := string(text)
		if len(s) > 100 {
			s = fmt.Sprintf("%s…(%d)", s[len(s)-4:], len(s))
		}
		if p, _ := r.Entry.Get(fieldPriority); string(p) == "3" {
			errs = append(errs, s)
		} else {
			out = append(out, s)
		}
	}
	equal(t, e.Name+" stdout", out, "aaa1…(40961)", "aaa2…(40961)", "aaa3…(40961)", "cr\r", "aend…(40963)")
	equal(t, e.Name+" stderr", errs, "bbb1…(40961)", "bbb2…(40961)", "bbb3…(40961)")
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
		var j Joiner
		text := map[string]string{}
		for _, en := range journalEntries(t, journal.Match{}) {
			for _, r := range j.Add(en) {
				if o, ok := Origin(r.Entry, nil); ok {
					m, _ := r.Entry.Get(fieldMessage)
					text[o.Tag("container_id")] += string(m)
				}
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
