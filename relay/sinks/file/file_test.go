package file

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

func open(t *testing.T, c Config) *lines {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "out.jsonl")
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*lines)
}

// messages returns the messages of a file and of those rotated from it, oldest first.
func messages(t *testing.T, path string) (all []string) {
	t.Helper()
	files, _ := filepath.Glob(path + ".*")
	slices.Sort(files)
	for _, f := range append(files, path) {
		file, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var r io.Reader = file
		if strings.HasSuffix(f, ".gz") {
			if r, err = gzip.NewReader(file); err != nil {
				t.Fatal(err)
			}
		}
		s := bufio.NewScanner(r)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			var d struct{ Message any }
			if err := json.Unmarshal(s.Bytes(), &d); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			m, _ := d.Message.(string)
			all = append(all, m)
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
	}
	return all
}

func TestRotates(t *testing.T) {
	for _, zip := range []bool{false, true} {
		l := open(t, Config{MaxSize: 20 << 10, MaxFiles: -1, Gzip: zip})
		for i := range 20 {
			if res := l.Write(t.Context(), testlog.Records(10*i, 10)); res.Err != nil {
				t.Fatal(res.Err)
			}
		}
		got := messages(t, l.cfg.Path)
		if len(got) != 200 || got[0] != "line 0" || got[199] != "line 199" {
			t.Errorf("%d messages", len(got))
		}
		files, _ := filepath.Glob(l.cfg.Path + ".*")
		if len(files) < 3 || strings.HasSuffix(files[0], ".gz") != zip {
			t.Errorf("%v", files)
		}
		l.cfg.MaxFiles = 2
		for i := range 20 {
			l.Write(t.Context(), testlog.Records(10*i, 10))
		}
		if files, _ := filepath.Glob(l.cfg.Path + ".*"); len(files) != 2 {
			t.Errorf("%d rotated files are left", len(files))
		}
	}
}

// A line that a crash left unfinished goes, and the file may be moved away while it is open.
func TestCrashAndMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	if err := os.WriteFile(path, []byte("{\"message\":\"whole\"}\n{\"mess"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{Path: path})
	write := func(i int) {
		t.Helper()
		if res := l.Write(t.Context(), testlog.Records(i, 1)); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	write(1)
	if got := messages(t, path); !slices.Equal(got, []string{"whole", "line 1"}) {
		t.Errorf("%q", got)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(2)
	if got := messages(t, path); !slices.Equal(got, []string{"whole", "line 1", "line 2"}) {
		t.Errorf("%q", got)
	}
	if res := l.Write(t.Context(), testlog.Odd()); res.Err != nil || len(messages(t, path)) != 3+len(testlog.Odd()) {
		t.Errorf("%+v", res)
	}
}

// L-A18: a record of 5 MiB among small ones is whole, also where it is larger than the file may be.
func TestLA18LargeRecord(t *testing.T) {
	l := open(t, Config{MaxSize: 1 << 20, MaxFiles: -1})
	batch := append(testlog.Records(0, 10), testlog.Record(10, strings.Repeat("x", 5<<20)))
	for _, b := range [][]*sink.Record{batch, testlog.Records(11, 10)} {
		if res := l.Write(t.Context(), b); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	got := messages(t, l.cfg.Path)
	if len(got) != 21 || len(got[10]) != 5<<20 || got[9] != "line 9" || got[20] != "line 20" {
		t.Errorf("%d messages", len(got))
	}
}

func TestCannotWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	l := open(t, Config{Path: filepath.Join(dir, "out.jsonl")})
	if res := l.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 || l.Test(t.Context()) == nil {
		t.Errorf("%+v", res)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if res := l.Write(t.Context(), testlog.Records(0, 3)); res.Err != nil || len(messages(t, l.cfg.Path)) != 3 {
		t.Errorf("%+v", res)
	}
	if err := (&Config{Path: "relative"}).Check(); err == nil {
		t.Error("a relative path is no error")
	}
	var _ sink.Sink = l
}
