package audit

import (
	"bytes"
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
)

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func record(n int) Record {
	return Record{Who: "anna", From: "10.0.0.1", What: fmt.Sprint("GET /", n), Decision: Allowed, Status: 200}
}

func write(t testing.TB, l *Log, n int) {
	t.Helper()
	for i := range n {
		if err := l.Record(record(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func all(t testing.TB, dir string) (list []Record) {
	t.Helper()
	if err := Read(dir, func(r Record) error { list = append(list, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestChain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	write(t, l, 3)
	closeLog(t, l)
	l = open(t, dir, Options{}) // a restart
	write(t, l, 2)
	closeLog(t, l)
	report, err := Verify(dir)
	if err != nil || report.Lines != 5 || report.First.Seq != 1 || report.Last.Seq != 5 || report.Torn {
		t.Errorf("%+v, %v", report, err)
	}
	list := all(t, dir)
	for i, r := range list {
		if r.Seq != uint64(i+1) || r.Who != "anna" || r.Time.IsZero() || i > 0 && r.Prev != list[i-1].Hash {
			t.Errorf("%+v", r)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, fileName(1))); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

func TestOneProcessWrites(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	if l, err := Open(dir, Options{}); err == nil {
		closeLog(t, l)
		t.Error("opened twice")
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{FileBytes: 1000, Files: 3})
	write(t, l, 100)
	closeLog(t, l)
	list, err := files(dir)
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	report, err := Verify(dir)
	if err != nil || report.Last.Seq != 100 || report.First.Seq != list[0].first || report.Lines != 100-list[0].first+1 {
		t.Errorf("%+v, %v", report, err)
	}
	l = open(t, dir, Options{FileBytes: 1000, Files: 3})
	write(t, l, 1)
	closeLog(t, l)
	if report, err := Verify(dir); err != nil || report.Last.Seq != 101 {
		t.Errorf("%+v, %v", report, err)
	}
	if list, err = files(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(list[1].path); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir); err == nil || !strings.Contains(err.Error(), "lines are missing") {
		t.Errorf("a file is gone: %v", err)
	}
}

// tamper writes a log of ten lines, changes its only file, and returns what Verify says.
func tamper(t *testing.T, change func([][]byte) [][]byte) error {
	t.Helper()
	dir := t.TempDir()
	l := open(t, dir, Options{})
	write(t, l, 10)
	closeLog(t, l)
	path := filepath.Join(dir, fileName(1))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := change(bytes.SplitAfter(text, []byte("\n")))
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(dir)
	return err
}

func TestTampering(t *testing.T) {
	// rehash makes a line valid by itself.
	rehash := func(line []byte, change func(*Record)) []byte {
		r, err := parse(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		change(&r)
		b, err := r.line()
		if err != nil {
			t.Fatal(err)
		}
		return append(b, '\n')
	}
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		line   int // that is named
	}{
		"a word": {func(l [][]byte) [][]byte {
			l[4] = bytes.Replace(l[4], []byte("anna"), []byte("otto"), 1)
			return l
		}, 5},
		"a word and the hash": {func(l [][]byte) [][]byte {
			l[4] = rehash(l[4], func(r *Record) { r.Who = "otto" })
			return l
		}, 6},
		"a line is gone":      {func(l [][]byte) [][]byte { return append(l[:4:4], l[5:]...) }, 5},
		"a line twice":        {func(l [][]byte) [][]byte { return append(l[:5:5], l[4:]...) }, 6},
		"lines change places": {func(l [][]byte) [][]byte { l[4], l[5] = l[5], l[4]; return l }, 5},
		"a line more": {func(l [][]byte) [][]byte {
			return append(append(l[:5:5], rehash(l[4], func(r *Record) { r.Seq++; r.Prev = r.Hash })), l[5:]...)
		}, 7},
		"the first is gone": {func(l [][]byte) [][]byte { return l[1:] }, 1},
		"a member more": {func(l [][]byte) [][]byte {
			l[4] = bytes.Replace(l[4], []byte(`"}`), []byte(`","x":1}`),
				1)
			return l
		}, 5},
		"it begins with another one's end": {func(l [][]byte) [][]byte {
			l[0] = rehash(l[0], func(r *Record) { r.Prev = strings.Repeat("0", 64) })
			return l[:1]
		}, 1},
		"no JSON": {func(l [][]byte) [][]byte { l[4] = []byte("hello\n"); return l }, 5},
	} {
		err := tamper(t, c.change)
		var b *BrokenError
		if !errors.As(err, &b) || b.Line != c.line {
			t.Errorf("%s: %v, want line %d", name, err, c.line)
		}
	}
	if err := tamper(t, func(l [][]byte) [][]byte { return l }); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

// The chain alone cannot show that its end is missing, or that all of it was written anew.
func TestCheckpoints(t *testing.T) {
	var mu sync.Mutex
	var sent []Checkpoint
	dir := t.TempDir()
	l := open(t, dir, Options{Interval: 10 * time.Millisecond, Checkpoint: func(seq uint64, hash string) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, Checkpoint{seq, hash})
	}})
	write(t, l, 5)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		mu.Lock()
		n := len(sent)
		mu.Unlock()
		if n > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no checkpoint")
		}
	}
	write(t, l, 5)
	closeLog(t, l)
	if last := sent[len(sent)-1]; last.Seq != 10 {
		t.Errorf("the last checkpoint is %+v", last)
	}
	if _, err := Verify(dir, sent...); err != nil {
		t.Error(err)
	}
	path := filepath.Join(dir, fileName(1))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if err := os.WriteFile(path, bytes.Join(lines[:8], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir); err != nil {
		t.Errorf("the chain alone shows it: %v", err)
	}
	if _, err := Verify(dir, sent...); err == nil || !strings.Contains(err.Error(), "newest lines are missing") {
		t.Errorf("the end is missing: %v", err)
	}
	other := t.TempDir()
	l = open(t, other, Options{})
	write(t, l, 20)
	closeLog(t, l)
	if _, err := Verify(other, sent...); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("another log: %v", err)
	}
	if _, err := Verify(t.TempDir(), sent...); err == nil {
		t.Error("all lines are gone: no error")
	}
}

// A crash may leave a line in part; the log goes on, and says so.
func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	write(t, l, 3)
	closeLog(t, l)
	path := filepath.Join(dir, fileName(1))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	torn := `{"seq":4,"ti` + strings.Repeat("x", 1000) // longer than the line that replaces it
	if _, err := f.WriteString(torn); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if report, err := Verify(dir); err != nil || !report.Torn || report.Lines != 3 {
		t.Errorf("%+v, %v", report, err)
	}
	l = open(t, dir, Options{})
	write(t, l, 1)
	closeLog(t, l)
	list := all(t, dir)
	if len(list) != 5 || !strings.Contains(list[3].What, "1012 bytes of a line were removed") {
		t.Errorf("%+v", list)
	}
	if report, err := Verify(dir); err != nil || report.Torn || report.Lines != 5 {
		t.Errorf("%+v, %v", report, err)
	}
}

// A full disk costs lines, which are counted; nothing is left in part, and it goes on.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	write(t, l, 2)
	l.mu.Lock()
	good := l.f
	var err error
	l.f, err = os.Open("/dev/null") // cannot be written
	l.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Record(record(2)); err == nil {
		t.Error("written to a file that cannot be written")
	}
	if s, err := l.Stats(); s.Failed != 1 || err == nil {
		t.Errorf("%+v, %v", s, err)
	}
	l.mu.Lock()
	l.f.Close()
	l.f = good
	l.mu.Unlock()
	write(t, l, 1)
	if s, err := l.Stats(); s.Lines != 3 || s.Seq != 3 || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	closeLog(t, l)
	if report, err := Verify(dir); err != nil || report.Lines != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestFloodIsSummed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	refused := func(who, from string, n int) {
		for range n {
			if err := l.Record(Record{Who: who, From: from, What: "GET /", Decision: Refused, Status: 403}); err != nil {
				t.Fatal(err)
			}
		}
	}
	refused("eve", "10.0.0.9", 1000)
	for port := range 500 {
		refused("", fmt.Sprint("10.0.0.8:", port), 1)
	}
	refused("", "10.0.0.7", 3)
	for i := range 3000 {
		refused(fmt.Sprint("user-", i), "10.0.0.9", 1)
	}
	write(t, l, 1) // allowed ones are never summed
	closeLog(t, l)
	counts := map[string]uint64{}
	list := all(t, dir)
	for _, r := range list {
		n := max(r.Count, 1)
		counts["all"] += n
		counts[r.Who] += n
		if r.Count > 0 && (r.Until == nil || r.Until.Before(r.Time)) {
			t.Errorf("a sum without times: %+v", r)
		}
	}
	if counts["all"] != 1000+500+3+3000+1 || counts["eve"] != 1000 || counts["anna"] != 1 {
		t.Errorf("%d requests, of eve %d, of anna %d", counts["all"], counts["eve"], counts["anna"])
	}
	lines := 0
	for _, r := range list {
		if strings.HasPrefix(r.From, "10.0.0.8:") {
			lines++
		}
	}
	if lines != maxSingle+1 {
		t.Errorf("%d lines of one address", lines)
	}
	if len(list) > 1100 {
		t.Errorf("%d lines", len(list))
	}
	if s, _ := l.Stats(); s.Lines+s.Summed < counts["all"] {
		t.Errorf("%+v", s)
	}
}

// What clients send cannot make a line of another meaning, or a long one.
func TestHostileTexts(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	hostile := []string{
		"a\n{\"seq\":1}", `","hash":"0000"}`, strings.Repeat("\x00", 10_000), "\xff\xfe", strings.Repeat("é", 600),
	}
	for _, s := range hostile {
		r := Record{Who: s, From: s, What: s, Object: s, Rule: s, Error: s, Groups: make([]string, 1000), Decision: Allowed}
		for i := range r.Groups {
			r.Groups[i] = s
		}
		if err := l.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	report, err := Verify(dir)
	if err != nil || report.Lines != uint64(len(hostile)) {
		t.Errorf("%+v, %v", report, err)
	}
	if list := all(t, dir); list[1].Who != hostile[1] {
		t.Errorf("%q", list[1].Who)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("anna", "GET /", `,"hash":"`)
	f.Fuzz(func(t *testing.T, who, what, object string) {
		r := Record{Seq: 1, Time: time.Unix(1, 0).UTC(), Who: who, What: what, Object: object, Decision: Refused}
		line, err := r.line()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Fatalf("two lines: %q", line)
		}
		got, err := parse(line)
		if err != nil || got.Who != r.Who || got.What != r.What || got.Hash != r.Hash {
			t.Errorf("%+v, %v; want %+v", got, err, r)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	l := open(b, b.TempDir(), Options{})
	r := record(1)
	for b.Loop() {
		if err := l.Record(r); err != nil {
			b.Fatal(err)
		}
	}
}

// Checkpoints are read from a relay's log as it writes it, in text and JSON, and as journalctl
// shows it; what others log in between does not matter.
func TestReadCheckpoints(t *testing.T) {
	var out bytes.Buffer
	hash := strings.Repeat("ab", 32)
	for i, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(h)
		out.WriteString("Nov 28 21:00:00 host daytwo[1]: ")
		log.Info(CheckpointMessage, "number", uint64(i+1), "hash", hash, "relay_id", "r1")
		log.Info(CheckpointMessage, "number", uint64(i+10), "hash", hash, "relay_id", "r2")
		log.Info("a message", "of", "audit checkpoint number=7 hash="+hash)
		log.Info(CheckpointMessage, "number", 99, "hash", "short", "relay_id", "r1")
		log.With("component", "x").Info("audit checkpoints", "number", 98, "hash", hash)
	}
	for relay, want := range map[string][]Checkpoint{"r1": {{1, hash}, {2, hash}},
		"": {{1, hash}, {10, hash}, {2, hash}, {11, hash}}, "r3": nil} {
		got, err := ReadCheckpoints(bytes.NewReader(out.Bytes()), relay)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", relay, got, err)
		}
	}
	if _, err := ReadCheckpoints(strings.NewReader(strings.Repeat("x", maxLogLine+1)), ""); err == nil {
		t.Error("a line without end is read")
	}
}
