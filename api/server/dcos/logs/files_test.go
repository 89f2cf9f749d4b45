package logs

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// file reads a task's file as DC/OS' client does: its size first, then parts of it.
func (f *fixture) file(name string, part int) string {
	f.t.Helper()
	read := func(offset, length int) (answer struct {
		Data   string
		Offset int
	}) {
		f.t.Helper()
		path := fmt.Sprintf("/slave/A/files/read.json?path=%s&offset=%d&length=%d",
			url.QueryEscape(webTask.Directory()+"/"+name), offset, length)
		status, body := f.get(path)
		if err := json.Unmarshal([]byte(body), &answer); status != 200 || err != nil {
			f.t.Fatalf("%s: %d %s", path, status, body)
		}
		return answer
	}
	size := read(-1, 0).Offset
	var all strings.Builder
	for all.Len() < size {
		a := read(all.Len(), part)
		if a.Offset != all.Len() || a.Data == "" || len(a.Data) > part {
			f.t.Fatalf("at %d of %d: %+v", all.Len(), size, a)
		}
		all.WriteString(a.Data)
	}
	if a := read(size, part); a.Data != "" {
		f.t.Fatalf("after the end: %+v", a)
	}
	return all.String()
}

func TestFiles(t *testing.T) {
	f := newFixture(t)
	if got := f.file("stdout", 100); got != "" {
		t.Errorf("a task without output: %q", got)
	}
	var want strings.Builder
	for i := range 5000 {
		line := fmt.Sprintf("line %d of the task, with umlauts äöü and 🎉", i)
		f.store.Add(testlogs.Line("A", "C", "STDOUT", line, i))
		want.WriteString(line + "\n")
	}
	f.store.Add(testlogs.Line("A", "C", "STDERR", "error", 1))
	for _, part := range []int{10_007, 64 << 10} {
		if got := f.file("stdout", part); got != want.String() {
			t.Errorf("parts of %d: %d bytes, want %d", part, len(got), want.Len())
		}
	}
	if got := f.file("stderr", 10); got != "error\n" {
		t.Errorf("stderr: %q", got)
	}
	f.store.Add(testlogs.Line("A", "C", "STDERR", "more", 2))
	if got := f.file("stderr", 4); got != "error\nmore\n" {
		t.Errorf("stderr that has grown: %q", got)
	}
	_, body := f.get("/slave/A/files/download?path=" + url.QueryEscape(webTask.Directory()+"/stdout"))
	if body != want.String() {
		t.Errorf("download: %d bytes", len(body))
	}
	var items []item
	for _, path := range []string{"/slave/A/files/browse.json?path=" + url.QueryEscape(webTask.Directory()+"/."),
		"/agent/A/files/browse?path=" + url.QueryEscape(webTask.Directory()), run + "/files/browse"} {
		_, body = f.get(path)
		if err := json.Unmarshal([]byte(body), &items); err != nil || len(items) != 2 ||
			!strings.HasPrefix(items[1].Path, "/var/lib/mesos/slave/slaves/A/frameworks/F/executors/") ||
			!strings.HasSuffix(items[1].Path, "/runs/C/stdout") || items[1].Size != int64(want.Len()) || items[0].Size != 11 {
			t.Errorf("%s: %s", path, body)
		}
	}
	if _, body := f.get("/agent/A/files/debug"); strings.TrimSpace(body) !=
		`{"/frameworks/F/executors/web.1/runs/C":"`+webTask.Directory()+`"}` {
		t.Errorf("debug: %s", body)
	}
	for path, status := range map[string]int{
		"/slave/A/files/read.json?path=/etc/passwd&offset=0":                                                    404,
		"/slave/A/files/read.json?path=" + webTask.Directory() + "/../../../../../../../../../../../etc/passwd": 404,
		"/slave/B/files/read.json?path=" + webTask.Directory() + "/stdout":                                      404,
		"/slave/A/files/read.json": 400,
		"/slave/A/files/read.json?path=" + webTask.Directory() + "/stdout&offset=x":                         400,
		"/slave/A/files/browse.json?path=" + strings.Replace(webTask.Directory(), "runs/C", "runs/none", 1): 404,
	} {
		if got, body := f.get(path); got != status {
			t.Errorf("%s: status %d, want %d: %s", path, got, status, body)
		}
	}
}

// A file that is polled is not read from its beginning each time.
func TestPositionsAreRemembered(t *testing.T) {
	store := testlogs.New("")
	long := strings.Repeat("x", 1023)
	for i := range 3000 {
		store.Add(testlogs.Line("A", "C", "STDOUT", long, i))
	}
	var s Sizes
	q := fileQuery("A", "C", "stdout", nil)
	if size, _, err := s.of(t.Context(), store, q); size != 3000<<10 || err != nil {
		t.Fatal(size, err)
	}
	p := s.file(q)
	if n := len(p.marks); n < 10 || n > 14 {
		t.Errorf("%d places of 3 MB are remembered, want one each 256 KiB", n)
	}
	b, err := s.read(t.Context(), store, q, 2_000_000, 4)
	if err != nil || string(b) != "xxxx" {
		t.Errorf("%q, %v", b, err)
	}
	for i := range maxSizes + 10 {
		s.file(fileQuery("A", fmt.Sprint(i), "stdout", nil))
	}
	if len(s.files) != maxSizes || len(s.order) != maxSizes {
		t.Errorf("%d files are remembered, %d in order", len(s.files), len(s.order))
	}
}
