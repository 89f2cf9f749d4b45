package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// unreadable returns the messages of the events that say that a source cannot be read.
func unreadable(events []entry.Event, source string) (messages []string) {
	for _, e := range events {
		if e.Kind == entry.Unreadable && (e.Source == source || strings.Contains(e.Message, source)) {
			messages = append(messages, e.Message)
		}
	}
	return messages
}

// A log file on a filesystem whose server is gone delays nobody for long, and a query of
// all logs has those of the other containers.
func TestLogFileHangs(t *testing.T) { rig.InNamespaces(t, rig.Mount|rig.PID, logFileHangs) }

func logFileHangs(t *testing.T) {
	fuse := rig.MountFuse(t, rig.FuseOpen, rig.FuseOpendir)
	dead, web := strings.Repeat("de", 32), strings.Repeat("ef", 32)
	path := filepath.Join(t.TempDir(), web+"-json.log")
	dockerLog(t, path, 0, 10)
	known := NewIdentities(parsePath)
	for id, log := range map[string]string{web: path, dead: filepath.Join(fuse.Dir, "file")} {
		i := identity(id, id[:2])
		i.LogPath = log
		known.Came("/docker/"+id, i)
	}
	n := node(t, known, t.TempDir())
	for attempt, within := range []time.Duration{fileWait + 5*time.Second, fileWait} {
		began := time.Now()
		entries, events, err := read(t, n, &query.LogQuery{Tail: true, Limit: 3})
		if took := time.Since(began); took > within {
			t.Errorf("query %d took %v", attempt, took)
		}
		if err != nil || len(entries) != 3 || len(unreadable(events, fuse.Dir)) != 1 {
			t.Errorf("query %d: %d entries, events %v, %v", attempt, len(entries), events, err)
		}
	}
	if fuse.Waiting() != 1 {
		t.Errorf("%d calls wait for the filesystem, want 1", fuse.Waiting())
	}
	r, err := n.Entries(t.Context(), &query.LogQuery{Follow: true, Since: longAgo, Containers: []string{dead, web}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told, lines := 0, 0
	for lines < 20 {
		rec, err := r.Next(ctx)
		switch {
		case err != nil:
			t.Fatal(err)
		case rec.Event != nil && len(unreadable([]entry.Event{*rec.Event}, fuse.Dir)) > 0:
			told++
			time.AfterFunc(3*lookAgain, func() { dockerLog(t, path, 10, 20) }) // it looks whether there is more to tell
		case rec.Entry != nil:
			lines++
		}
	}
	if told != 1 {
		t.Errorf("%d events about the file, want 1", told)
	}
}

// Log files of users that do not respond delay no other log than those of users.
func TestLogFilesOfUsersHang(t *testing.T) {
	rig.InNamespaces(t, rig.Mount|rig.PID, logFilesOfUsersHang)
}

func logFilesOfUsersHang(t *testing.T) {
	known := NewIdentities(parsePath)
	add := func(name, log string, user uint32) {
		i := identity(strings.Repeat(name, 32), name)
		i.LogPath, i.LogUser = log, user
		known.Came("/docker/"+strings.Repeat(name, 32), i)
	}
	for i := range manyUsers {
		add(fmt.Sprintf("a%d", i), filepath.Join(rig.MountFuse(t, rig.FuseOpen, rig.FuseOpendir).Dir, "file"), 1000)
	}
	path := filepath.Join(t.TempDir(), "root-json.log")
	dockerLog(t, path, 0, 10)
	add("ef", path, 0)
	entries, events, err := read(t, node(t, known, t.TempDir()), &query.LogQuery{})
	if err != nil || len(entries) != 10 || len(unreadable(events, "does not respond")) != manyUsers {
		t.Errorf("%d entries, events %v, %v", len(entries), events, err)
	}
}

// manyUsers is more than the calls for the log files of users that run at once.
const manyUsers = 4

// A user's runtime can name any path: a file that does not belong to that user is not read.
func TestLogFileOfAnotherUser(t *testing.T) {
	rig.NeedRoot(t, "files of other users")
	id := strings.Repeat("ef", 32)
	path := filepath.Join(t.TempDir(), id+"-json.log")
	dockerLog(t, path, 0, 10)
	for _, c := range []struct {
		user, owner uint32
		entries     int
	}{{0, 0, 10}, {0, 1000, 10}, {1000, 1000, 10}, {1000, 0, 0}, {1000, 1001, 0}} {
		if err := os.Chown(path, int(c.owner), int(c.owner)); err != nil {
			t.Fatal(err)
		}
		known := NewIdentities(parsePath)
		i := identity(id, "web")
		i.LogPath, i.LogUser = path, c.user
		known.Came("/docker/"+id, i)
		entries, events, err := read(t, node(t, known, t.TempDir()), &query.LogQuery{})
		if err != nil || len(entries) != c.entries || len(unreadable(events, "it belongs to user")) > 0 != (c.entries == 0) {
			t.Errorf("%+v: %d entries, events %v, %v", c, len(entries), events, err)
		}
	}
}

// A directory of the journal that does not respond is told of, what the others have is
// answered, and the end does not wait for it.
func TestJournalDirectoryHangs(t *testing.T) {
	rig.InNamespaces(t, rig.Mount|rig.PID, journalDirectoryHangs)
}

func journalDirectoryHangs(t *testing.T) {
	fuse, good := rig.MountFuse(t, rig.FuseOpendir), t.TempDir()
	numbered(t, good, 3, nil)
	never, gaveUp := make(chan struct{}), make(chan time.Duration, 1)
	defer close(never)
	go func() {
		began := time.Now()
		New(Options{Agent: agent}).close(&opened{end: func() { <-never }})
		gaveUp <- time.Since(began)
	}()
	n := New(Options{Agent: agent, Dirs: []string{fuse.Dir, good}})
	entries, events, err := read(t, n, &query.LogQuery{})
	if err != nil || len(entries) != 3 || len(unreadable(events, fuse.Dir)) != 1 {
		t.Errorf("%d entries, events %v, %v", len(entries), events, err)
	}
	began := time.Now()
	n.Close()
	if took := time.Since(began); took > endWait {
		t.Errorf("the end took %v", took)
	}
	select {
	case took := <-gaveUp:
		if took < endWait {
			t.Errorf("what does not end was waited for %v, want %v", took, endWait)
		}
	case <-time.After(2 * endWait):
		t.Error("what does not end is waited for")
	}
}
