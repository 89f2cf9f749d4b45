package journal

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

const remoteProgram = "/lib/systemd/systemd-journal-remote"

// needJournalctl ends the test if journald's tools are not there.
func needJournalctl(t testing.TB) {
	t.Helper()
	for program, pkg := range map[string]string{"journalctl": "systemd", remoteProgram: "systemd-journal-remote"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, program, err.Error(), "apt-get install "+pkg)
		}
	}
}

// remoteFormats are the settings that systemd-journal-remote writes different
// files by.
var remoteFormats = [][]string{
	{"SYSTEMD_JOURNAL_COMPACT=0", "SYSTEMD_JOURNAL_KEYED_HASH=0"},
	{"SYSTEMD_JOURNAL_COMPACT=0", "SYSTEMD_JOURNAL_KEYED_HASH=1"},
	{"SYSTEMD_JOURNAL_COMPACT=1", "SYSTEMD_JOURNAL_KEYED_HASH=0"},
	{"SYSTEMD_JOURNAL_COMPACT=1", "SYSTEMD_JOURNAL_KEYED_HASH=1"},
}

// writeRemote has systemd-journal-remote write entries to a file; now and then it
// begins another one.
func writeRemote(t testing.TB, path string, export []byte, env ...string) {
	t.Helper()
	cmd := exec.Command(remoteProgram, "--split-mode=none", "-o", path, "-")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(export)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// longAgo is when generated entries begin, in microseconds since 1970. It is not
// too long ago: systemd-journal-remote begins a new file with each entry that is
// older than a month.
var longAgo = uint64(time.Now().Add(-7 * 24 * time.Hour).UnixMicro())

// remoteJournals makes a directory of journals of some machines, of whose entries
// each is of one of them, in the order of their times. journalctl itself loses
// entries where the clocks of several machines are set back, so that is only done
// to a single one.
func remoteJournals(t testing.TB, seed uint64, machines, entries int, env ...string) (dir string) {
	t.Helper()
	needJournalctl(t)
	dir = t.TempDir()
	for i := range machines {
		m := newEntryMaker(seed + 100*uint64(i))
		m.steady = machines > 1
		m.rare = max(m.rare, entries/50)
		m.realtime = longAgo
		var export bytes.Buffer
		for range entries / machines {
			e := m.next()
			e.appendExport(&export)
		}
		writeRemote(t, filepath.Join(dir, fmt.Sprintf("machine%d.journal", i)), export.Bytes(), env...)
	}
	return dir
}

// journalctl returns what journalctl prints of a directory.
func journalctl(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("journalctl", append([]string{"-q", "--no-pager", "-D" + dir}, args...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_COLORS=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, errs.String())
	}
	return out
}

func openDir(t testing.TB, dir string) *Journal {
	t.Helper()
	j := Open(Options{Dirs: []string{dir}, Log: discard})
	t.Cleanup(func() { j.Close() })
	if bad := j.Bad(); len(bad) > 0 {
		t.Fatal(bad)
	}
	return j
}

// query says what is asked for, as journalctl's options do.
type query struct {
	matches      []string
	reverse      bool
	limit        int    // 0: none
	since, until uint64 // microseconds; 0: not set
	after        string // a cursor
}

func (q query) args() []string {
	args := slices.Clone(q.matches)
	if q.reverse {
		args = append(args, "-r")
	}
	if q.limit > 0 {
		args = append(args, fmt.Sprintf("-n%d", q.limit))
	}
	for option, at := range map[string]uint64{"--since": q.since, "--until": q.until} {
		if at > 0 {
			args = append(args, option, fmt.Sprintf("@%d.%06d", at/1e6, at%1e6))
		}
	}
	if q.after != "" {
		args = append(args, "--after-cursor", q.after)
	}
	return args
}

// each calls fn with a reader at each entry that a query asks for, as journalctl
// goes about it.
func (q query) each(t testing.TB, j *Journal, fn func(r *Reader)) {
	t.Helper()
	m, err := ParseMatches(q.matches...)
	if err != nil {
		t.Fatal(err)
	}
	r := j.Reader(m)
	defer r.Close()
	step := r.Next
	switch {
	case q.after != "":
		c, err := ParseCursor(q.after)
		if err != nil {
			t.Fatal(err)
		}
		r.SeekAfter(c)
	case q.reverse && q.until > 0:
		r.SeekRealtime(q.until)
	case q.reverse:
		r.SeekTail()
	case q.since > 0:
		r.SeekRealtime(q.since)
	case q.limit > 0:
		r.SeekTail()
		for range q.limit {
			if !r.Previous() {
				r.SeekHead()
				break
			}
		}
		if r.Previous() {
			break
		}
		r.SeekHead()
	}
	if q.reverse {
		step = r.Previous
	}
	for n := 0; (q.limit == 0 || n < q.limit) && step(); n++ {
		at := r.Cursor().Realtime
		if q.until > 0 && !q.reverse && at > q.until || q.since > 0 && q.reverse && at < q.since {
			break
		}
		fn(r)
	}
	if errs := r.Errors(); len(errs) > 0 {
		t.Fatal(errs)
	}
}

// waitFor waits until something is so.
func waitFor(t testing.TB, what string, within time.Duration, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}

func lines(b []byte) []string { return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") }
