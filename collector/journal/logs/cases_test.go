package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// Reading on after a cursor with a filter has every later match (systemd PR 30336).
func TestResumeWithFilter(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 5, func(i int) []string { return []string{"SYSLOG_IDENTIFIER=" + string("xyxyx"[i])} })
	n := node(t, nil, dir)
	all, _, err := read(t, n, &query.LogQuery{})
	if err != nil || len(all) != 5 {
		t.Fatal(len(all), err)
	}
	q := query.LogQuery{Cursor: all[1].Cursor, Matches: []string{"SYSLOG_IDENTIFIER=x"}}
	want(t, "after y1", get(t, n, &q, "NUMBER"), "2", "4")
}

// A skip past the last entry has nothing, and a stream there sleeps until the next entry
// (systemd issue 37954); pages backwards are disjoint, and together all (dcos-ui PR 1560).
func TestSkipPastTheEnd(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 95, nil)
	n := node(t, nil, dir)
	all, _, _ := read(t, n, &query.LogQuery{})
	last := all[94].Cursor
	for _, skip := range []int64{1, 50} {
		want(t, "after the end", get(t, n, &query.LogQuery{Cursor: last, Skip: skip}, "NUMBER"))
		r, err := n.Entries(t.Context(), &query.LogQuery{Cursor: last, Skip: skip, Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, most := range []time.Duration{time.Second, 50 * time.Millisecond} { // at first it opens files
			ctx, cancel := context.WithTimeout(t.Context(), []time.Duration{300 * time.Millisecond, 2 * time.Second}[i])
			before := cpu(t)
			if rec, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a follow after the end has %v, %v", rec, err)
			}
			if used := cpu(t) - before; used > most {
				t.Errorf("waiting took %v of CPU time", used)
			}
			cancel()
		}
		r.Close()
	}
	followSkip(t, n, dir, last)
	var pages []string
	for at := last; ; {
		page, _, err := read(t, n, &query.LogQuery{Cursor: at, Limit: 10, Reverse: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		pages, at = append(pages, numbersOf(page)...), page[len(page)-1].Cursor
	}
	for i, s := range pages {
		if s != fmt.Sprint(93-i) {
			t.Fatalf("pages have %v", pages)
		}
	}
	if len(pages) != 94 {
		t.Errorf("pages have %d lines before the last", len(pages))
	}
	// DC/OS' skip_prev: ten back from where the page before began.
	q := query.LogQuery{Cursor: all[50].Cursor, Skip: -10, Limit: 3}
	want(t, "ten back", get(t, n, &q, "NUMBER"), "41", "42", "43")
}

// followSkip follows after a cursor and two more entries: they are not shown, the third is.
func followSkip(t *testing.T, n *Node, dir, cursor string) {
	t.Helper()
	r, err := n.Entries(t.Context(), &query.LogQuery{Cursor: cursor, Skip: 2, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lines []line
	for i := range 4 {
		at := int64(1000+i) * 1e6
		lines = append(lines, line{realtime: longAgo + at, monotonic: at, boot: boot1,
			fields: []string{fmt.Sprint("NUMBER=new ", i), "MESSAGE=x"}})
	}
	added := filepath.Join(dir, "later.journal")
	writeJournal(t, added, lines)
	defer os.Remove(added)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, want := range []string{"new 2", "new 3"} {
		rec, err := r.Next(ctx)
		for err == nil && rec.Entry == nil {
			rec, err = r.Next(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		if number, _ := rec.Entry.Get("NUMBER"); string(number) != want {
			t.Fatalf("after a skip of two %q comes, want %q", number, want)
		}
	}
}

func cpu(t *testing.T) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A follow with the last N has N entries, and does not end (systemd issue 37172); without
// a limit it has all, and one of something that is not there is an error at once.
func TestLimitDoesNotEndFollow(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 20, nil)
	n := node(t, nil, dir)
	for _, c := range []struct {
		q    query.LogQuery
		want int
	}{
		{query.LogQuery{Tail: true, Limit: 10}, 10}, {query.LogQuery{Tail: true}, 0}, {query.LogQuery{}, 20},
		{query.LogQuery{Limit: 5}, 5},
	} {
		c.q.Follow = true
		r, err := n.Entries(t.Context(), &c.q)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		got := 0
		for {
			rec, err := r.Next(ctx)
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%+v ends with %v", c.q, err)
				}
				break
			}
			if rec.Entry != nil {
				got++
			}
		}
		cancel()
		if got != c.want {
			t.Errorf("%+v has %d entries, want %d", c.q, got, c.want)
		}
		r.Close()
	}
	for _, q := range []query.LogQuery{{Limit: -1, Follow: true}, {Reverse: true, Follow: true}, {Grep: "("},
		{Matches: []string{"a"}}} {
		if _, err := n.Entries(t.Context(), &q); !errors.Is(err, query.ErrBadLogQuery) {
			t.Errorf("%+v gives %v", q, err)
		}
	}
	for _, q := range []query.LogQuery{{Tasks: []string{"none"}, Follow: true}, {Units: []string{"none.service"}},
		{Boot: "-9"}} {
		if _, err := n.Entries(t.Context(), &q); !errors.Is(err, query.ErrNoSuchSource) {
			t.Errorf("%+v gives %v", q, err)
		}
	}
	if _, err := n.Entries(t.Context(), &query.LogQuery{Cursor: "x"}); !errors.Is(err, query.ErrBadCursor) {
		t.Errorf("a bad cursor gives %v", err)
	}
	if _, err := n.Entries(t.Context(), &query.LogQuery{Agents: []string{"n2"}}); !errors.Is(err, query.ErrUnknownAgent) {
		t.Errorf("another agent gives %v", err)
	}
}

// Long and odd fields are whole (systemd issue 24186, vector issue 1714), and one that
// occurs twice is there twice.
func TestLongAndOddFields(t *testing.T) {
	dir := t.TempDir()
	values := []string{"ends in\r", "\x1b[1mbold\x07", "a\x00b", "\xff\xfe", ""}
	for _, size := range []int{4095, 4096, 5000, 48 << 10, 64<<10 + 1, 1 << 20} {
		values = append(values, strings.Repeat("abcdefg ", size/8+1)[:size])
	}
	numbered(t, dir, len(values), func(i int) []string { return []string{"VALUE=" + values[i], "TAG=a", "TAG=b"} })
	n := node(t, nil, dir)
	entries, events, err := read(t, n, &query.LogQuery{})
	if err != nil || len(events) > 0 || len(entries) != len(values) {
		t.Fatalf("%d entries, events %v, error %v", len(entries), events, err)
	}
	for i, e := range entries {
		if v, _ := e.Get("VALUE"); string(v) != values[i] {
			t.Errorf("value %d has %d bytes, want %d", i, len(v), len(values[i]))
		}
		tags := 0
		for _, f := range e.Fields {
			if f.Name == "TAG" {
				tags++
			}
		}
		if tags != 2 {
			t.Errorf("%d tags", tags)
		}
	}
}

// A prefix has to be unique, a glob has not; an exact name goes before names that it
// begins.
func TestAmbiguousSelector(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 4, func(i int) []string {
		return []string{"_SYSTEMD_CGROUP=/box/" + []string{"web", "web2", "web3", "db"}[i]}
	})
	known := NewIdentities(parsePath)
	known.Came("/docker/0123456789ab", identity("0123456789ab", "cache", "task_id=cache.1"))
	n := node(t, known, dir)
	_, err := n.Entries(t.Context(), &query.LogQuery{Containers: []string{"we"}})
	var ambiguous *query.AmbiguousError
	if !errors.As(err, &ambiguous) || strings.Join(ambiguous.Candidates, " ") != "web web2 web3" {
		t.Errorf("a prefix of three gives %v", err)
	}
	want(t, "exact", get(t, n, &query.LogQuery{Containers: []string{"web"}}, "NUMBER"), "0")
	want(t, "prefix", get(t, n, &query.LogQuery{Tasks: []string{"d"}}, "NUMBER"), "3")
	want(t, "glob", get(t, n, &query.LogQuery{Tasks: []string{"web?"}}, "NUMBER"), "1", "2")
	want(t, "two", get(t, n, &query.LogQuery{Containers: []string{"db", "web2"}}, "NUMBER"), "1", "3")
	want(t, "of a container without entries", get(t, n, &query.LogQuery{Tasks: []string{"cac"}}, "NUMBER"))
	// Names that the asker may not see are not told.
	only := onlyTag("container_id", "web3")
	want(t, "scoped", get(t, n, &query.LogQuery{Containers: []string{"we"}, Scope: only}, "NUMBER"), "2")
	_, err = n.Entries(t.Context(), &query.LogQuery{Containers: []string{"db"}, Scope: only})
	if !errors.Is(err, query.ErrNoSuchSource) {
		t.Errorf("a container that may not be seen gives %v", err)
	}
	sources, err := n.Sources(t.Context(), &query.LogQuery{Containers: []string{"we", "db"}, Scope: only})
	web3 := query.LogSource{Kind: "container", Selector: "we", Name: "web3"}
	if err != nil || len(sources) != 1 || sources[0] != web3 {
		t.Errorf("sources %v, error %v", sources, err)
	}
}

// onlyTag is the scope of who may see the entries with a tag.
func onlyTag(tag, pattern string) *query.LogScope {
	return &query.LogScope{Selectors: [][]query.LogCondition{{{Tag: tag, Patterns: []string{pattern}}}}}
}

// A scope may name labels of a container, which count by what the collector knows of the
// container, and not by what an entry says.
func TestScopeOfLabels(t *testing.T) {
	dir := t.TempDir()
	id := strings.Repeat("cd", 32)
	senders := [][]string{
		{"_SYSTEMD_CGROUP=/docker/" + id, "_UID=0"},
		{"_SYSTEMD_CGROUP=/docker/" + strings.Repeat("ef", 32), "_UID=0"},
		{"_SYSTEMD_CGROUP=/system.slice/x.service", "_UID=0", "CONTAINER_ID_FULL=" + id, "CONTAINER_NAME=web"},
		{"_SYSTEMD_CGROUP=/system.slice/x.service", "_UID=0"},
	}
	numbered(t, dir, len(senders), func(i int) []string { return append(senders[i], "IMAGE=nginx", "image=nginx") })
	known := NewIdentities(parsePath)
	web := identity(id, "web")
	web.Labels = []frame.Label{{Name: "image", Value: "nginx"}, {Name: "label.team", Value: "shop"}}
	known.Came("/docker/"+id, web)
	n := node(t, known, dir)
	want(t, "of a label", get(t, n, &query.LogQuery{Scope: onlyTag("label.team", "sh*")}, "NUMBER"), "0", "2")
	want(t, "of an image", get(t, n, &query.LogQuery{Scope: onlyTag("image", "*")}, "NUMBER"), "0", "2")
	want(t, "of another", get(t, n, &query.LogQuery{Scope: onlyTag("label.team", "pay")}, "NUMBER"))
	sources, err := n.Sources(t.Context(), &query.LogQuery{Containers: []string{"[ce]*"},
		Scope: onlyTag("image", "nginx")})
	if err != nil || len(sources) != 1 || sources[0].Name != id {
		t.Errorf("sources %v, error %v", sources, err)
	}
}

// What a container writes to journald's socket under another one's name is its own. Only
// root's entries from outside of containers are believed, and conmon's of a user for its
// own scope.
func TestForgedOrigin(t *testing.T) {
	full := strings.Repeat("ab", 32)
	claim := []string{"CONTAINER_ID=" + full[:12], "CONTAINER_ID_FULL=" + full, "CONTAINER_NAME=victim",
		"TASK_NAME=victim", "TASK_ID=victim.1"}
	user := "_SYSTEMD_CGROUP=/user.slice/user-1000.slice/"
	senders := map[int][]string{
		0: {"_SYSTEMD_CGROUP=/docker/" + strings.Repeat("cd", 32), "_UID=0"},                   // a container
		1: {"_SYSTEMD_CGROUP=/docker/" + strings.Repeat("cd", 32) + "/system.slice", "_UID=0"}, // below one
		2: {"_UID=0"},                                                                          // gone before journald looked
		3: {user + "session-1.scope", "_UID=1000"},
		4: {"_SYSTEMD_CGROUP=/system.slice/docker.service", "_UID=0"},
		5: {user + "user@1000.service/user.slice/libpod-conmon-" + full + ".scope", "_UID=1000"},
		6: {user + "user@1000.service/user.slice/libpod-conmon-x.scope", "_UID=1000"},
	}
	dir := t.TempDir()
	numbered(t, dir, len(senders), func(i int) []string { return append(senders[i], claim...) })
	n := node(t, nil, dir)
	for _, q := range []query.LogQuery{{Containers: []string{full}}, {Containers: []string{"victim"}},
		{Tasks: []string{"victim"}}, {Scope: onlyTag("container_id", full)}} {
		want(t, fmt.Sprintf("%+v", q), get(t, n, &q, "NUMBER"), "4", "5")
	}
	q := query.LogQuery{Containers: []string{strings.Repeat("cd", 32)}}
	want(t, "of the forger", get(t, n, &q, "NUMBER"), "0", "1")
}

// Where systemd does not run, journald knows no cgroups: a root process that it has looked
// at is believed, and nobody else.
func TestOriginWithoutCgroups(t *testing.T) {
	full := strings.Repeat("ab", 32)
	claim := []string{"CONTAINER_ID=" + full, "TASK_NAME=web", "STREAM=STDOUT"}
	senders := map[int][]string{
		0: {"_UID=0", "_COMM=daytwo-log-pipe"},
		1: {"_UID=0"}, // gone before journald looked
		2: {"_UID=1000", "_COMM=daytwo-log-pipe"},
		3: {"_SYSTEMD_CGROUP=/docker/" + strings.Repeat("cd", 32), "_UID=0", "_COMM=daytwo-log-pipe"},
	}
	dir := t.TempDir()
	numbered(t, dir, len(senders), func(i int) []string { return append(senders[i], claim...) })
	for noCgroups, numbers := range map[bool][]string{true: {"0"}, false: nil} {
		n := New(Options{Agent: "a", Dirs: []string{dir}, Identities: NewIdentities(parsePath),
			NoCgroups: noCgroups, Log: discard})
		t.Cleanup(n.Close)
		for _, q := range []query.LogQuery{{Containers: []string{full}}, {Tasks: []string{"web"}}} {
			if numbers == nil {
				r, err := n.Entries(t.Context(), &q)
				if err == nil {
					r.Close()
				}
				if !errors.Is(err, query.ErrNoSuchSource) {
					// The names are in the index, whoever wrote them: then nothing is of them.
					want(t, "believed", get(t, n, &q, "NUMBER"))
				}
				continue
			}
			want(t, fmt.Sprintf("%+v", q), get(t, n, &q, "NUMBER"), numbers...)
		}
	}
}

// What journald says that it suppressed is an event in the stream of whoever it concerns,
// and not for whom it does not; nobody else can say so.
func TestSuppressed(t *testing.T) {
	dir := t.TempDir()
	dropped := func(transport, unit, cgroup string) []string {
		return []string{"MESSAGE=Suppressed 42 messages from " + unit, "MESSAGE_ID=" + messageDropped,
			"_TRANSPORT=" + transport, "N_DROPPED=42", "_UID=0",
			"OBJECT_SYSTEMD_UNIT=" + unit, "OBJECT_SYSTEMD_CGROUP=" + cgroup, "_SYSTEMD_UNIT=systemd-journald.service"}
	}
	numbered(t, dir, 4, func(i int) []string {
		return [][]string{{"_SYSTEMD_UNIT=loud.service"}, {"_SYSTEMD_CGROUP=/box/web"},
			dropped("driver", "loud.service", "/box/web"),
			dropped("journal", "quiet.service", "/box/db")}[i]
	})
	n := node(t, nil, dir)
	for _, c := range []struct {
		q       query.LogQuery
		entries string
		events  int
	}{
		{query.LogQuery{}, "0 1 2 3", 1},
		{query.LogQuery{Grep: "line 1"}, "1", 1},
		{query.LogQuery{Units: []string{"loud"}}, "0 2", 1}, // journalctl -u shows it, too
		{query.LogQuery{Containers: []string{"web"}}, "1", 1},
		{query.LogQuery{Units: []string{"systemd-journald"}}, "2 3", 0},
		{query.LogQuery{Matches: []string{"NUMBER=1"}, Tail: true, Limit: 1}, "1", 1},
	} {
		entries, events, err := read(t, n, &c.q)
		if err != nil || strings.Join(numbersOf(entries), " ") != c.entries || len(events) != c.events {
			t.Errorf("%+v: entries %v, events %v, error %v; want %s and %d events",
				c.q, numbersOf(entries), events, err, c.entries, c.events)
			continue
		}
		for _, e := range events {
			if e.Kind != entry.Suppressed || e.Count != 42 || e.Source != "loud.service" || e.Agent != agent || e.Message == "" {
				t.Errorf("event %+v", e)
			}
		}
	}
	s := n.Stats()
	if len(s.Events) != 1 || s.Events[0] != (EventCount{entry.Suppressed, 5}) || s.Open != 0 || s.Entries == 0 {
		t.Errorf("counts %+v", s)
	}
}

// A journald that starts although the one before it in this boot and namespace did not stop
// is an event in every stream; only journald itself can say so.
func TestJournaldDied(t *testing.T) {
	dir := t.TempDir()
	state := func(id, boot, namespace, transport string) []string {
		message := map[string]string{messageStarted: "Journal started", messageStopped: "Journal stopped"}[id]
		fields := []string{"MESSAGE_ID=" + id, "MESSAGE=" + message, "_TRANSPORT=" + transport, "_UID=0",
			"_MACHINE_ID=m", "_BOOT_ID=" + boot}
		if namespace != "" {
			fields = append(fields, "_NAMESPACE="+namespace)
		}
		return fields
	}
	one, two := strings.Repeat("1", 32), strings.Repeat("2", 32)
	written := [][]string{
		state(messageStarted, one, "", "driver"),
		state(messageStarted, one, "shop", "driver"), // the first one of its namespace
		state(messageStopped, one, "shop", "driver"),
		state(messageStarted, one, "", "driver"),  // 3: the one before did not stop
		state(messageStarted, one, "", "journal"), // a forger
		{"_SYSTEMD_UNIT=a.service"},
		state(messageStopped, one, "", "driver"),
		state(messageStarted, one, "", "driver"),     // after a stop
		state(messageStarted, one, "shop", "driver"), // after a stop
		state(messageStarted, two, "", "driver"),     // of another boot
		state(messageStarted, two, "", "driver"),     // 10: again
	}
	var lines []line
	for i, fields := range written {
		l := line{realtime: longAgo + int64(i)*1e6, monotonic: int64(i) * 1e6, boot: one,
			fields: append([]string{fmt.Sprint("NUMBER=", i)}, fields...)}
		for _, f := range fields {
			if b, ok := strings.CutPrefix(f, "_BOOT_ID="); ok {
				l.boot = b
			}
		}
		l.fields = slices.DeleteFunc(l.fields, func(f string) bool { return strings.HasPrefix(f, "_BOOT_ID=") })
		if len(fields) == 1 {
			l.fields = append(l.fields, "MESSAGE=x")
		}
		lines = append(lines, l)
	}
	writeJournal(t, filepath.Join(dir, "a.journal"), lines)
	n := node(t, nil, dir)
	for _, q := range []query.LogQuery{{}, {Units: []string{"a"}}, {Grep: "^x"}, {Reverse: true}} {
		_, events, err := read(t, n, &q)
		var at []int
		for _, e := range events {
			at = append(at, int((e.Time-longAgo)/1e6))
			if e.Kind != entry.JournaldDied || e.Agent != agent {
				t.Errorf("event %+v", e)
			}
		}
		slices.Sort(at)
		if err != nil || !slices.Equal(at, []int{3, 10}) {
			t.Errorf("%+v: events at %v, error %v", q, at, err)
		}
	}
}

// What a log pipe reports is one event a notice in the streams that it concerns, and an entry
// of its own. Nobody else can say so: no container, by whatever way it writes.
func TestPipeReports(t *testing.T) {
	dir := t.TempDir()
	report := []string{"MESSAGE=daytwo: several things", "MESSAGE_ID=" + entry.PipeReport, "_TRANSPORT=journal",
		"SYSLOG_IDENTIFIER=job", "PRIORITY=4", "LOG_PIPE_RESTARTED=1", "AWAY_USEC=2500000", "RESENT_LINES=5",
		"LOST_LINES=7", "LOST_BYTES=70", "SUPPRESSED_LINES=9"}
	host := "_SYSTEMD_CGROUP=/system.slice/job.service"
	tags := []string{"TASK_NAME=job", "CONTAINER_ID=job"}
	written := [][]string{
		{host, "_UID=0", "_SYSTEMD_UNIT=job.service"}, // a line
		append(append([]string{host, "_UID=0", "_SYSTEMD_UNIT=job.service"}, tags...), report...),
		append([]string{"_SYSTEMD_CGROUP=/box/evil", "_UID=0"}, report...),                     // from a container
		append(append([]string{"_SYSTEMD_CGROUP=/box/evil", "_UID=0"}, tags...), report...),    // in another's name
		append([]string{host, "_UID=1000"}, report...),                                         // of a user
		append([]string{"_UID=0", "_COMM=daytwo"}, report...),                                  // gone before journald looked
		append([]string{host, "_UID=0", "CONTAINER_ID_FULL=e", "CONTAINER_NAME=e"}, report...), // a label, by Docker
		append([]string{host, "_UID=0", "_TRANSPORT=stdout"}, report[:2]...),                   // not by the native way
		append([]string{host, "_UID=0", "MESSAGE_ID=another"}, report[2:]...),                  // another message
		append([]string{host, "_UID=0"}, "MESSAGE=daytwo: nothing", "MESSAGE_ID="+entry.PipeReport, "_TRANSPORT=journal"),
	}
	numbered(t, dir, len(written), func(i int) []string { return written[i] })
	n := node(t, nil, dir)
	all := "dropped 0,journald_away 0,dropped 7"
	for _, c := range []struct {
		q               query.LogQuery
		entries, events string
	}{
		{query.LogQuery{}, "0 1 2 3 4 5 6 7 8 9", all},
		{query.LogQuery{Tasks: []string{"job"}}, "1", all + ",suppressed 9"},
		{query.LogQuery{Tasks: []string{"job"}, Matches: []string{"STREAM=STDOUT"}}, "", all + ",suppressed 9"},
		{query.LogQuery{Units: []string{"job.service"}}, "0 1", all},
		{query.LogQuery{Units: []string{"job.service"}, Grep: "^line"}, "0", all},
		{query.LogQuery{Priority: &query.PriorityRange{Max: 3}}, "", all},
		{query.LogQuery{Containers: []string{"evil"}}, "2 3", ""},
		{query.LogQuery{Matches: []string{"MESSAGE_ID=another"}}, "8", all},
		{query.LogQuery{Scope: onlyTag("container_id", "evil")}, "2 3", ""},
		{query.LogQuery{Scope: onlyTag("task_name", "job")}, "1", all + ",suppressed 9"},
	} {
		entries, events, err := read(t, n, &c.q)
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, fmt.Sprint(e.Kind, " ", e.Count))
			if e.Source != "job" || e.Agent != agent || e.Message == "" {
				t.Errorf("event %+v", e)
			}
		}
		if got := strings.Join(numbersOf(entries), " "); err != nil || got != c.entries ||
			strings.Join(kinds, ",") != c.events {
			t.Errorf("%+v: entries %s, events %q, error %v; want %s and %s", c.q, got, kinds, err, c.entries, c.events)
		}
	}
}

// Files that cannot be read are named, and the others are read.
func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 3, nil)
	for name, text := range map[string]string{"bad.journal": "this is no journal file, and long enough to have a header" +
		strings.Repeat(".", 300)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := node(t, nil, dir)
	entries, events, err := read(t, n, &query.LogQuery{})
	if err != nil || len(entries) != 3 || len(events) != 1 || events[0].Kind != entry.Unreadable ||
		!strings.HasSuffix(events[0].Source, "bad.journal") {
		t.Errorf("%d entries, events %v, error %v", len(entries), events, err)
	}
}

// A cursor whose entry was removed says so, and reading goes on with what is left.
func TestVacuumedUnderCursor(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 30, nil)
	later := t.TempDir()
	numbered(t, later, 60, nil)
	n := node(t, nil, dir)
	all, _, _ := read(t, n, &query.LogQuery{})
	want(t, "before", get(t, n, &query.LogQuery{Cursor: all[28].Cursor}, "NUMBER"), "29")
	if err := os.Remove(filepath.Join(dir, "a.journal")); err != nil {
		t.Fatal(err)
	}
	n2 := node(t, nil, later)
	entries, events, err := read(t, n2, &query.LogQuery{Cursor: all[28].Cursor, Limit: 1})
	if err != nil || len(entries) != 1 || len(events) > 0 { // the same entries in another file: nothing is missing
		t.Errorf("entries %v, events %v, error %v", numbersOf(entries), events, err)
	}
	gone := t.TempDir()
	writeJournal(t, filepath.Join(gone, "a.journal"), []line{{realtime: longAgo + 40e6, monotonic: 40e6, boot: boot1,
		fields: []string{"NUMBER=40", "MESSAGE=x"}}})
	entries, events, err = read(t, node(t, nil, gone), &query.LogQuery{Cursor: all[28].Cursor})
	if err != nil || len(entries) != 1 || len(events) != 1 || events[0].Kind != entry.Vacuumed {
		t.Errorf("entries %v, events %v, error %v", numbersOf(entries), events, err)
	}
}

// A follow of what has no entries yet says that it waits, and shows the first one; a
// container that has ended ends it.
func TestWaitingAndEnded(t *testing.T) {
	dir := t.TempDir()
	known := NewIdentities(parsePath)
	known.Came("/docker/c1", identity("c1", "web"))
	n := node(t, known, dir)
	r, err := n.Entries(t.Context(), &query.LogQuery{Tasks: []string{"web"}, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	rec, err := r.Next(ctx)
	if err != nil || rec.Event == nil || rec.Event.Kind != entry.Waiting {
		t.Fatalf("got %+v, %v", rec, err)
	}
	numbered(t, dir, 3, func(i int) []string { return []string{"_SYSTEMD_CGROUP=/docker/c1"} })
	for i := range 3 {
		rec, err := r.Next(ctx)
		if err != nil || rec.Entry == nil {
			t.Fatalf("record %d: %+v, %v", i, rec, err)
		}
	}
	known.Went("/docker/c1")
	rec, err = r.Next(ctx)
	if err != nil || rec.Event == nil || rec.Event.Kind != entry.Ended {
		t.Fatalf("got %+v, %v", rec, err)
	}
	if _, err = r.Next(ctx); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}
