package recordings

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

func open(t *testing.T, o Options) *Store {
	t.Helper()
	o.Relay, o.Log = "relay1", slog.New(slog.DiscardHandler)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *Store) *Writer {
	t.Helper()
	w, err := s.Create(recording.Info{Session: session.NewID(), Command: session.Command{Args: []string{"sh"},
		Env: []string{"SECRET=x"}}}, recording.Header{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// piece writes a recording with so many bytes of output, and returns its session.
func piece(t *testing.T, s *Store, size int) string {
	t.Helper()
	w := create(t, s)
	w.Output(time.Now(), wire.Stdout, 0, bytes.Repeat([]byte("x"), size))
	if _, err := w.Write([wire.Streams]uint64{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(recording.Span{To: uint64(size)}, recording.Span{}, &session.Exit{}, nil); err != nil {
		t.Fatal(err)
	}
	return w.info.Session
}

// sessions returns the sessions of all pieces, oldest first.
func sessions(s *Store) (ids []string) {
	all, _ := s.Select(func(*recording.Info) bool { return true }, "", 1000)
	for _, i := range slices.Backward(all) {
		ids = append(ids, i.Session)
	}
	return ids
}

func check(t *testing.T, s *Store, want []string, files int) {
	t.Helper()
	if got := sessions(s); !slices.Equal(got, want) {
		t.Errorf("%v are kept, want %v", got, want)
	}
	entries, err := os.ReadDir(s.o.Dir)
	if err != nil || len(entries) != files {
		t.Errorf("%d files, want %d, %v", len(entries), files, err)
	}
}

// Of too many pieces the oldest ones go, and no others; one that is written stays.
func TestTooManyPieces(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Pieces: 4})
	active := create(t, s)
	ids := []string{active.info.Session}
	for range 6 {
		ids = append(ids, piece(t, s, 10))
	}
	s.Tidy()
	check(t, s, append(ids[:1:1], ids[4:]...), 8)
	if st := s.Stats(); st.Deleted != 3 || st.Pieces != 4 || st.Active != 1 {
		t.Errorf("%+v", st)
	}
}

// Of too many bytes the oldest pieces go until the rest fits, and a single recording is bounded.
func TestTooManyBytes(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Bytes: 100_000})
	var ids []string
	for range 6 {
		ids = append(ids, piece(t, s, 20_000))
	}
	check(t, s, ids[2:], 8)
	if st := s.Stats(); st.Bytes > 100_000 || st.Deleted != 2 {
		t.Errorf("%+v", st)
	}
	w := create(t, s)
	w.Output(time.Now(), wire.Stdout, 0, make([]byte, 26_000))
	if _, err := w.Write([wire.Streams]uint64{}); err == nil || !strings.Contains(err.Error(), "large") {
		t.Errorf("a recording of a quarter of all bytes: %v", err)
	}
	if err := w.Close(recording.Span{}, recording.Span{}, nil, nil); err == nil {
		t.Error("a recording that is not whole is closed without an error")
	}
}

// What is older than it may be goes, by when it ended.
func TestTooOld(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Keep: time.Hour})
	old, ids := piece(t, s, 10), []string{piece(t, s, 10)}
	s.mu.Lock()
	for _, i := range s.pieces {
		if i.Begun = i.Begun.Add(-2 * time.Hour); i.Session == old {
			i.Ended = i.Ended.Add(-2 * time.Hour)
		}
	}
	s.mu.Unlock()
	s.Tidy()
	check(t, s, ids, 2)
}

// After a crash a store has what was written, and says what is not whole. Files that are no
// recordings are left alone.
func TestOpenAfterCrash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	whole, cut := piece(t, s, 10), create(t, s)
	for name, text := range map[string]string{"other.json": "{}", "bad.json": "{", "notes.txt": "mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, Options{Dir: dir})
	check(t, s, []string{whole, cut.info.Session}, 7)
	all, _ := s.Select(func(i *recording.Info) bool { return i.Exit == nil }, "", 10)
	if len(all) != 1 || all[0].Error == "" || all[0].Active || all[0].Bytes == 0 {
		t.Errorf("%+v", all)
	}
	for _, i := range all {
		b, err := os.ReadFile(filepath.Join(dir, baseName(&i)+infoSuffix))
		if err != nil || bytes.Contains(b, []byte("SECRET")) {
			t.Errorf("the environment is kept: %s, %v", b, err)
		}
	}
	if err := cut.file.Close(); err != nil {
		t.Fatal(err)
	}
}
