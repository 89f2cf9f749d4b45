package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// command runs docker or podman, and returns what it prints.
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

// runToEnd runs a script in a container with log options, and returns the container's
// id when it has ended.
func runToEnd(t testing.TB, e *rig.Engine, script string, args ...string) string {
	t.Helper()
	run := []string{"run", "-d", "--name", rig.UniqueName("log"), "--network", "none"}
	if e.Name == "podman" {
		run = append(run, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
	}
	id := command(t, e, append(append(run, args...), rig.Image, "/bin/sh", "-c", script)...)
	t.Cleanup(func() { tryCommand(e, "rm", "-f", "-v", id) })
	if out := command(t, e, "wait", id); out != "0" {
		t.Errorf("the container's exit code is %s", out)
	}
	return id
}

// cutScript prints what runtimes cut into pieces: lines of 40 KiB on both streams at
// once, one that ends in CR, and one without an end.
const cutScript = `
a=$(head -c 40960 /dev/zero | tr '\0' a); b=$(head -c 40960 /dev/zero | tr '\0' b)
for i in 1 2 3; do echo "$a$i"; done &
for i in 1 2 3; do echo "$b$i" >&2; done &
wait
printf 'cr\r\n'
echo
printf '%s' "${a}end"`

// checkCut checks the lines of cutScript.
func checkCut(t *testing.T, what string, got []string) {
	t.Helper()
	out := []string{"aaaa…aaa1(40961)", "aaaa…aaa2(40961)", "aaaa…aaa3(40961)", "cr\r", "", "aaaa…aend(40963)"}
	errs := []string{"E:bbbb…bbb1(40961)", "E:bbbb…bbb2(40961)", "E:bbbb…bbb3(40961)"}
	var gotOut, gotErr []string
	for _, s := range got {
		s = strings.TrimSuffix(s, " open")
		if strings.HasPrefix(s, "E:") {
			gotErr = append(gotErr, s)
		} else {
			gotOut = append(gotOut, s)
		}
	}
	equal(t, what+", stdout", gotOut, out...)
	equal(t, what+", stderr", gotErr, errs...)
}

// checkLog reads a log that has ended, forward and backward.
func checkLog(t *testing.T, what string, l *Log, check func(*testing.T, string, []string)) {
	t.Helper()
	r := reader(t, l)
	r.End()
	got := rest(r)
	check(t, what, got)
	back := backwards(r)
	for i := range back {
		if len(back) != len(got) || back[i] != got[len(got)-1-i] {
			t.Errorf("%s: backward it is %q", what, back)
			break
		}
	}
	noErrors(t, r)
}

func TestDockerPieces(t *testing.T) {
	e := rig.Docker(t)
	for _, args := range [][]string{
		{"--log-driver", "json-file", "--log-opt", "tag=x{{.Name}}"},
		{"--log-driver", "json-file", "--log-opt", "max-size=50k", "--log-opt", "max-file=100", "--log-opt", "compress=true"},
		{"--log-driver", "local"},
		{"--log-driver", "local", "--log-opt", "max-size=50k", "--log-opt", "max-file=100"},
	} {
		id := runToEnd(t, e, cutScript, args...)
		path := command(t, e, "inspect", "-f", "{{.LogPath}}", id)
		if path == "" {
			path = filepath.Join(e.Dir, "d/containers", id, "local-logs/container.log")
		}
		if strings.Contains(strings.Join(args, " "), "max-size") {
			rig.Eventually(t, 20*time.Second, func() error { // compression goes on
				if gz, _ := filepath.Glob(path + ".*.gz"); len(gz) < 2 {
					return fmt.Errorf("%d compressed files", len(gz))
				}
				return nil
			})
		}
		checkLog(t, strings.Join(args, " "), New(path, Options{}), checkCut)
	}
}

func TestPodmanPieces(t *testing.T) {
	e := rig.Podman(t)
	id := runToEnd(t, e, cutScript, "--log-driver", "k8s-file")
	path := command(t, e, "inspect", "-f", "{{.HostConfig.LogConfig.Path}}", id)
	checkLog(t, "k8s-file", New(path, Options{}), checkCut)
}

// A pod's log, written by containerd's CRI: pieces are marked P, their last one F.
func TestPodPieces(t *testing.T) {
	e := rig.Containerd(t)
	const uid = "7d0b2a3e-9c55-4f0e-8f52-1f6f0d5c7a10"
	p := rig.RunPod(t, e, uid, "/kubepods/besteffort/pod"+uid, cutScript+"; echo; echo done; exec sleep 1000")
	rig.Eventually(t, 30*time.Second, func() error {
		text, err := os.ReadFile(p.LogPath)
		if err == nil && !bytes.HasSuffix(text, []byte(" stdout F done\n")) {
			err = errors.New("the script has not ended")
		}
		return err
	})
	checkLog(t, "CRI", New(p.LogPath, Options{}), func(t *testing.T, what string, got []string) {
		t.Helper()
		if n := len(got); n == 0 || got[n-1] != "done" {
			t.Fatalf("%s: the last lines are %q", what, got[max(0, n-3):])
		}
		lines := slices.Clone(got[:len(got)-1])
		for i := range lines {
			if lines[i] == "cr" { // containerd leaves out a CR before the line's end
				lines[i] = "cr\r"
			}
		}
		checkCut(t, what, lines)
	})
}

// counter prints numbered lines, about ten thousand a second, once it is told to.
const counter = `until [ -e /go ]; do usleep 20000; done
i=0; while [ $i -lt %d ]; do
n=0; while [ $n -lt 100 ]; do echo $i; i=$((i+1)); n=$((n+1)); done; usleep 5000
done`

// Following through rotation: each line, or an error just where lines are missing.
func TestDockerRotationWhileFollowing(t *testing.T) {
	e := rig.Docker(t)
	const lines = 20000
	for _, args := range [][]string{
		{"--log-driver", "json-file", "--log-opt", "max-size=10k", "--log-opt", "max-file=2"},
		{"--log-driver", "json-file", "--log-opt", "max-size=100k", "--log-opt", "max-file=5", "--log-opt", "compress=true"},
		{"--log-driver", "local", "--log-opt", "max-size=100k", "--log-opt", "max-file=5"},
	} {
		t.Run(strings.Join(args[1:], " "), func(t *testing.T) {
			c := e.Run(t, rig.Spec{Cmd: []string{"/bin/sh", "-c", fmt.Sprintf(counter, lines)}, Args: args})
			path := command(t, e, "inspect", "-f", "{{.LogPath}}", c.ID)
			if path == "" {
				path = filepath.Join(e.Dir, "d/containers", c.ID, "local-logs/container.log")
			}
			r := reader(t, New(path, Options{Watcher: watcher(t)}))
			r.Next() // it knows the first file
			r.Errors()
			c.Exec(t, "/bin/touch", "/go")
			go func() {
				tryCommand(e, "wait", c.ID)
				r.End()
			}()
			got, gaps, files := 0, 0, int64(0)
			next := 0
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			var lost []*LostError
			for err := error(nil); err == nil; err = r.Wait(ctx) {
				lost = append(lost, lostErrors(t, r)...)
				for r.Next() {
					var n int
					fmt.Sscan(string(r.Line().Text), &n)
					lost = append(lost, lostErrors(t, r)...)
					for _, l := range lost {
						files += l.Files
					}
					switch {
					case n < next:
						t.Fatalf("%d after %d", n, next-1)
					case n > next && len(lost) == 0:
						t.Fatalf("lines %d to %d are missing, and nothing says so", next, n-1)
					case n > next:
						gaps++
					}
					got, next, lost = got+1, n+1, nil
				}
			}
			if err := ctx.Err(); err != nil || next != lines {
				t.Errorf("it ended at %d of %d: %v", next, lines, err)
			}
			t.Logf("%d of %d lines, %d gaps of %d files", got, lines, gaps, files)
		})
	}
}

// A truncated file is read on, and what went with it is told of.
func TestDockerTruncateWhileFollowing(t *testing.T) {
	e := rig.Docker(t)
	const lines = 10000
	c := e.Run(
		t,
		rig.Spec{
			Cmd:  []string{"/bin/sh", "-c", fmt.Sprintf(counter, lines)},
			Args: []string{"--log-driver", "json-file"},
		},
	)
	path := command(t, e, "inspect", "-f", "{{.LogPath}}", c.ID)
	r := reader(t, New(path, Options{Watcher: watcher(t)}))
	r.Next()
	c.Exec(t, "/bin/touch", "/go")
	go func() {
		tryCommand(e, "wait", c.ID)
		r.End()
	}()
	next, truncated := 0, 0
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var lost []*LostError
	for err := error(nil); err == nil; err = r.Wait(ctx) {
		lost = append(lost, lostErrors(t, r)...)
		for r.Next() {
			var n int
			fmt.Sscan(string(r.Line().Text), &n)
			if lost = append(lost, lostErrors(t, r)...); n != next && len(lost) == 0 {
				t.Fatalf("%d after %d, and nothing says so", n, next-1)
			}
			lost = nil
			if next = n + 1; next%2000 == 0 {
				truncated++
				if err := os.Truncate(path, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := ctx.Err(); err != nil || next != lines || truncated < 3 {
		t.Errorf("it ended at %d of %d, truncated %d times: %v", next, lines, truncated, err)
	}
}

// A follow of a container that prints and exits ends, with all its lines, or with an
// error if its file was removed before it could be opened.
func TestDockerShortLived(t *testing.T) {
	e := rig.Docker(t)
	w := watcher(t)
	const containers = 12
	for _, remove := range []bool{false, true} {
		var wg sync.WaitGroup
		missing := make(chan error, containers)
		for range containers / 2 {
			args := []string{"create", "--network", "none", "--log-driver", "json-file"}
			if remove {
				args = append(args, "--rm")
			}
			id := command(
				t,
				e,
				append(args, rig.Image, "/bin/sh", "-c", "for i in 0 1 2 3 4 5 6 7 8 9; do echo $i; done")...)
			t.Cleanup(func() { tryCommand(e, "rm", "-f", "-v", id) })
			path := filepath.Join(e.Dir, "d/containers", id, id+"-json.log")
			wg.Go(func() {
				r := New(path, Options{Watcher: w}).Reader()
				defer r.Close()
				r.Next()
				r.Errors() // that it is not there yet
				go func() {
					tryCommand(e, "start", id)
					tryCommand(e, "wait", id)
					r.End()
				}()
				ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
				defer cancel()
				var got []string
				var errs []error
				err := error(nil)
				for ; err == nil; err = r.Wait(ctx) {
					got = append(got, rest(r)...)
					errs = append(errs, r.Errors()...)
				}
				switch text := strings.Join(got, ""); {
				case err != io.EOF:
					missing <- fmt.Errorf("it does not end: %v", err)
				case text != "0123456789" && !remove:
					missing <- fmt.Errorf("%q %v", got, errs)
				case text != "0123456789" && len(errs) == 0:
					if r.seen() {
						missing <- fmt.Errorf("%q, and nothing says so", got)
						return
					}
					// The file came and went between two looks. Whoever asks again is told.
					again := New(path, Options{}).Reader()
					defer again.Close()
					if again.Next(); len(again.Errors()) == 0 {
						missing <- errors.New("a file that is gone is no error")
					}
				}
			})
		}
		wg.Wait()
		close(missing)
		for err := range missing {
			t.Errorf("removed at once %v: %v", remove, err)
		}
	}
}

// seen reports whether the reader has opened a file.
func (r *Reader) seen() bool { return r.cur.f != nil || len(r.queue) > 0 }
