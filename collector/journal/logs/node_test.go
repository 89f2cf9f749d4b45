package logs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
	"github.com/daytwo/daytwo/collector/journal/logfile"
)

// The journal is opened by the first query, and closed some time after the last one; the
// next one opens it again.
func TestIdle(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 3, nil)
	n := New(Options{Agent: agent, Dirs: []string{dir}, Idle: time.Millisecond, Log: discard})
	defer n.Close()
	is := func(open bool) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if (n.open != nil) != open {
			return fmt.Errorf("the journal is open: %v", !open)
		}
		return nil
	}
	if err := is(false); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r, err := n.Entries(t.Context(), &query.LogQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if err := is(true); err != nil {
			t.Fatal(err)
		}
		r.Close()
		rig.Eventually(t, 30*time.Second, func() error { return is(false) })
	}
}

// Containers that have ended are known for a while, and their number is bounded.
func TestIdentitiesAreBounded(t *testing.T) {
	s := NewIdentities(parsePath)
	for i := range maxEnded + 100 {
		id := fmt.Sprint("c", i)
		s.Came("/docker/"+id, identity(id, "web"))
		s.Came("/docker/"+id+"/inner", identity(id, "web"))
		s.Went("/docker/" + id)
		if _, lives := s.ofContainer(id); !lives {
			t.Fatal("a container ends with the first of its cgroups")
		}
		s.Went("/docker/" + id + "/inner")
		s.Remember(identity(id, "other"))
	}
	for i, known := range map[int]bool{0: false, 99: false, 100: true, maxEnded + 99: true} {
		got, lives := s.ofContainer(fmt.Sprint("c", i))
		if (got != nil) != known || lives {
			t.Errorf("container %d: %+v, lives: %v", i, got, lives)
		}
	}
	if n := len(s.byName[tasks]["web"]); n != maxEnded || len(s.byID) != maxEnded {
		t.Errorf("%d containers by id, %d by name", len(s.byID), n)
	}
}

// Doctor tells of files that cannot be read, and of journald's rate limit as configured.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	state := func(want ...health.State) {
		t.Helper()
		var got []health.State
		checks := Doctor([]string{dir})
		for _, c := range checks {
			got = append(got, c.State)
		}
		if !slices.Equal(got, want) {
			t.Errorf("checks %+v", checks)
		}
	}
	state(health.Warn) // no files
	numbered(t, dir, 3, nil)
	state(health.OK, health.OK)
	for _, x := range []struct {
		told   int
		err    error
		state  health.State
		detail string
	}{
		{1, nil, health.OK, "the kernel tells"},
		{0, nil, health.OK, "no journald is seen"},
		{0, os.ErrPermission, health.Warn, "permission denied"},
	} {
		if c := checkTold(x.told, x.err); c.State != x.state || !strings.Contains(c.Detail, x.detail) {
			t.Errorf("%+v: %+v", x, c)
		}
	}
	conf := filepath.Join(dir, "journald.conf")
	for text, want := range map[string]string{
		"": "RateLimitBurst=10000", "[Journal]\nRateLimitBurst = 5\n": "RateLimitBurst=5", "RateLimitIntervalSec=0\n": "off",
		"#RateLimitBurst=7\n": "RateLimitBurst=10000",
	} {
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c := checkRateLimit([]string{conf}); !strings.Contains(c.Detail, want) {
			t.Errorf("%q: %+v", text, c)
		}
	}
	bad := filepath.Join(dir, "bad.journal")
	if err := os.WriteFile(bad, []byte(strings.Repeat("no journal ", 50)), 0o600); err != nil {
		t.Fatal(err)
	}
	state(health.Warn, health.OK)
}

// Each error of a reader is an event of a kind, with the path that it is about.
func TestEventOf(t *testing.T) {
	n := New(Options{Agent: agent})
	for _, c := range []struct {
		err    error
		kind   entry.Kind
		source string
		count  uint64
	}{
		{&logfile.LostError{Path: "/x", Sure: true, Files: 3}, entry.Truncated, "/x", 0},
		{&logfile.BadError{Path: "/x", Offset: 1, Bytes: 2, Err: io.EOF}, entry.Unreadable, "/x", 0},
		{&logfile.CutError{Path: "/x", Offset: 1}, entry.PartialLost, "/x", 0},
		{&logfile.FileError{Path: "/x", Err: fs.ErrNotExist}, entry.Unreadable, "/x", 0},
		{&logdriver.LostError{Container: "c"}, entry.PartialLost, "c", 0},
		{&journal.LostError{Path: "/x", Entries: 7}, entry.Vacuumed, "/x", 7},
		{&journal.FileError{Path: "/x", Err: journal.ErrCorrupt}, entry.Unreadable, "/x", 0},
		{io.ErrUnexpectedEOF, entry.Unreadable, "", 0},
	} {
		e := n.eventOf(c.err)
		if e.Kind != c.kind || e.Source != c.source || e.Count != c.count || e.Message != c.err.Error() || e.Agent != agent ||
			e.Time == 0 {
			t.Errorf("%v: %+v", c.err, e)
		}
	}
}

// A query without conditions is answered from the index, as far as that has it.
func TestPlain(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 3, nil)
	n := node(t, nil, dir)
	for _, c := range []struct {
		q     query.LogQuery
		plain bool
	}{{query.LogQuery{}, true}, {query.LogQuery{Since: 1}, false}, {query.LogQuery{Until: longAgo}, false},
		{query.LogQuery{Grep: "x"}, false}} {
		_, p, err := n.plan(t.Context(), &c.q)
		if err != nil || p.plain() != c.plain {
			t.Errorf("%+v: plain is not %v, %v", c.q, c.plain, err)
		}
		n.release()
	}
}
