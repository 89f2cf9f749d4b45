package logfile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

var formats = []Format{DockerJSON, DockerLocal, CRI}

// livePath is the path of a live file as the runtime of a format names it.
func livePath(f Format, dir string) string {
	switch f {
	case DockerJSON:
		return filepath.Join(dir, strings.Repeat("ab", 32)+"-json.log")
	case DockerLocal:
		return filepath.Join(dir, "local-logs", "container.log")
	}
	return filepath.Join(dir, "0.log")
}

// testWriter writes a log as a runtime does.
type testWriter struct {
	t      testing.TB
	format Format
	path   string // of the live file
	file   *os.File
	now    time.Time
}

func newTestWriter(t testing.TB, f Format) *testWriter {
	t.Helper()
	w := &testWriter{t: t, format: f, path: livePath(f, t.TempDir()), now: time.Unix(1700000000, 123456789)}
	if err := os.MkdirAll(filepath.Dir(w.path), 0o755); err != nil {
		t.Fatal(err)
	}
	w.open()
	t.Cleanup(func() { w.file.Close() })
	return w
}

func (w *testWriter) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *testWriter) open() {
	w.t.Helper()
	var err error
	w.file, err = os.OpenFile(w.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	w.check(err)
}

// record makes a record; partial ones are pieces.
func (w *testWriter) record(s Stream, text string, partial bool) []byte {
	w.now = w.now.Add(1001 * time.Microsecond)
	return makeRecord(w.format, w.now, s, text, partial)
}

func makeRecord(f Format, at time.Time, s Stream, text string, partial bool) []byte {
	switch f {
	case DockerJSON:
		if !partial {
			text += "\n"
		}
		b, _ := json.Marshal(struct {
			Log    string            `json:"log"`
			Stream string            `json:"stream"`
			Attrs  map[string]string `json:"attrs,omitempty"`
			Time   time.Time         `json:"time"`
		}{text, s.String(), map[string]string{"tag": "x"}, at.UTC()})
		return append(b, '\n')
	case DockerLocal:
		var b []byte
		b = protowire.AppendString(protowire.AppendTag(b, 1, protowire.BytesType), s.String())
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(at.UnixNano()))
		b = protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), text)
		if partial {
			b = protowire.AppendVarint(protowire.AppendTag(b, 4, protowire.VarintType), 1)
			b = protowire.AppendBytes(protowire.AppendTag(b, 5, protowire.BytesType), []byte{1 << 3, 0, 2<<3 | 2, 1, 'x'})
		}
		n := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
		return append(append(n[:4:4], b...), n...)
	}
	tag := "F"
	if partial {
		tag = "P"
	}
	return fmt.Appendf(nil, "%s %s %s %s\n", at.Format(time.RFC3339Nano), s, tag, text)
}

func (w *testWriter) write(s Stream, text string, partial bool) {
	w.t.Helper()
	w.raw(w.record(s, text, partial))
}

func (w *testWriter) line(text string) { w.t.Helper(); w.write(Stdout, text, false) }

func (w *testWriter) raw(b []byte) {
	w.t.Helper()
	_, err := w.file.Write(b)
	w.check(err)
}

// rotate renames the files as the format's runtime does, of which keep are kept.
func (w *testWriter) rotate(keep int, compress bool) {
	w.t.Helper()
	w.file.Close()
	if w.format == CRI {
		to := w.path + "." + w.now.UTC().Format("20060102-150405")
		for i := 0; ; i++ { // tests rotate more than once a second
			if _, err := os.Stat(to); err != nil {
				if _, err := os.Stat(to + ".gz"); err != nil {
					break
				}
			}
			w.now = w.now.Add(time.Second)
			to = w.path + "." + w.now.UTC().Format("20060102-150405")
		}
		w.check(os.Rename(w.path, to))
		if compress {
			w.compress(to)
		}
		w.open()
		return
	}
	ext := ""
	if compress {
		ext = ".gz"
	}
	os.Remove(fmt.Sprintf("%s.%d%s", w.path, keep-1, ext))
	for i := keep - 1; i > 1; i-- {
		os.Rename(fmt.Sprintf("%s.%d%s", w.path, i-1, ext), fmt.Sprintf("%s.%d%s", w.path, i, ext))
	}
	w.check(os.Rename(w.path, w.path+".1"))
	w.open()
	if compress {
		w.compress(w.path + ".1")
	}
}

func (w *testWriter) compress(path string) {
	w.t.Helper()
	b, err := os.ReadFile(path)
	w.check(err)
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	g.Header.Extra = []byte(`{"lastTime":"2024-01-01T00:00:00Z"}`)
	g.Write(b)
	g.Close()
	w.check(os.WriteFile(path+".gz", z.Bytes(), 0o600))
	w.check(os.Remove(path))
}

// piece is a text that Docker takes for a piece.
func piece(c byte) string { return strings.Repeat(string(c), dockerPiece) }

// watcher makes a watcher for a test.
func watcher(t testing.TB) *Watcher {
	t.Helper()
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func (w *testWriter) log(o Options) *Log { return New(w.path, o) }

// reader makes a reader that the test closes.
func reader(t testing.TB, l *Log) *Reader {
	t.Helper()
	r := l.Reader()
	t.Cleanup(r.Close)
	return r
}

// noErrors fails the test if the reader has something to say.
func noErrors(t testing.TB, r *Reader) {
	t.Helper()
	for _, err := range r.Errors() {
		t.Errorf("%T: %v", err, err)
	}
}

// rest reads all lines that are ahead, as text with marks.
func rest(r *Reader) (all []string) {
	for r.Next() {
		all = append(all, show(r.Line()))
	}
	return all
}

// show writes a line in short: long texts by their ends and length.
func show(l *Line) string {
	s := string(l.Text)
	if len(s) > 64 {
		s = fmt.Sprintf("%s…%s(%d)", s[:4], s[len(s)-4:], len(s))
	}
	if l.Stream == Stderr {
		s = "E:" + s
	}
	if l.Open {
		s += " open"
	}
	if l.Cut {
		s += " cut"
	}
	return s
}

func equal(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
