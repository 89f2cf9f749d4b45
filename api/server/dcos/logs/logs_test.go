package logs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// fixture is the routes over logs in memory.
type fixture struct {
	t     *testing.T
	store *testlogs.Logs
	srv   *httptest.Server
}

var webTask = Task{ID: "web.1", Agent: "A", Framework: "F", Executor: "web.1", Container: "C"}

func newFixture(t *testing.T) *fixture { return newFixtureWith(t, logstream.Options{}) }

func newFixtureWith(t *testing.T, o logstream.Options) *fixture {
	f := &fixture{t: t, store: testlogs.New("")}
	api := &API{Logs: f.store, Streams: logstream.New(o), Agent: "A",
		Known:   func(id string) bool { return id == "A" || id == "B" },
		Task:    func(id string) (Task, bool) { return webTask, id == webTask.ID },
		Tasks:   func(agent string) []Task { return []Task{webTask} },
		Running: func(agent, c string) (Task, bool) { return webTask, agent == "A" && c == "C" }}
	log := slog.New(slog.DiscardHandler)
	f.srv = httptest.NewUnstartedServer(nil)
	f.srv.Config = web.NewHTTPServer(web.Bounded(web.Mux(api.Routes(), "", log)), log)
	f.srv.Start()
	t.Cleanup(f.srv.Close)
	return f
}

// lines adds numbered lines of the container C.
func (f *fixture) lines(from, to int) {
	for i := from; i <= to; i++ {
		f.store.Add(testlogs.Line("A", "C", "STDOUT", "line "+strconv.Itoa(i), i))
	}
}

func (f *fixture) do(path string, header ...string) *http.Response {
	f.t.Helper()
	req, err := http.NewRequest("GET", f.srv.URL+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// get returns the status and the body of an answer that ends.
func (f *fixture) get(path string, header ...string) (int, string) {
	f.t.Helper()
	resp := f.do(path, header...)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, string(b)
}

// numbers returns the numbers of the lines in an answer of text.
func numbers(body string) (list []int) {
	for line := range strings.Lines(body) {
		n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndex(strings.TrimRight(line, "\n"), " ")+1:]))
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}

func upTo(from, to int) (list []int) {
	for i := from; i <= to; i++ {
		list = append(list, i)
	}
	return list
}

const (
	v1        = "/system/v1/agent/A/logs/v1"
	v2        = "/system/v1/logs/v2"
	run       = "/system/v1/agent/A/logs/v2/task/frameworks/F/executors/E/runs/C"
	container = "/framework/F/executor/E/container/C"
)

func TestWhereReadingBegins(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 95)
	cursor := func(n int) string { return fmt.Sprintf("s=test;i=%x", n) }
	for _, c := range []struct {
		path string
		want []int
	}{
		{v1 + "/range/?limit=10", upTo(1, 10)},
		{v1 + "/range?limit=10", upTo(1, 10)},
		{v1 + "/range/?skip_next=3&limit=2", upTo(4, 5)},
		{v1 + "/range/?skip_prev=10", upTo(86, 95)},
		{v1 + "/range/?skip_prev=10&limit=3", upTo(86, 88)},
		{v1 + "/range/?skip_prev=200", upTo(1, 95)},
		{v1 + "/range/?cursor=" + cursor(20) + "&limit=3", upTo(20, 22)},
		{v1 + "/range/?cursor=" + cursor(20) + "&limit=3&skip_next=1", upTo(21, 23)},
		{v1 + "/range/?cursor=" + cursor(20) + "&limit=10&skip_prev=10", upTo(10, 19)},
		{v1 + "/range/?cursor=" + cursor(20) + "&limit=3&read_reverse=true", []int{20, 19, 18}},
		{v1 + "/range/?cursor=" + cursor(20) + "&limit=3&read_reverse=true&skip_prev=1", []int{19, 18, 17}},
		{v1 + "/range/?limit=2&read_reverse=true", []int{95, 94}},
		{v1 + "/range" + container + "?skip_prev=2&filter=STREAM:STDOUT", upTo(94, 95)},
		{v1 + "/range/?filter=number:7", []int{7}},
		{v1 + "/range/?filter=number:7&filter=NUMBER:9", []int{7, 9}},
		{v1 + "/range/?filter=number:7&filter=stream:STDERR", nil},
		{v1 + "/range/?cursor=" + cursor(95) + "&skip_next=1", nil},  // L-A2
		{v1 + "/range/?cursor=" + cursor(95) + "&skip_next=50", nil}, // L-A2
		{v2 + "/component?skip=-5", upTo(91, 95)},
		{v2 + "/component?skip=0&limit=4", upTo(1, 4)},
		{v2 + "/component?cursor=BEG&skip=2&limit=2", upTo(3, 4)},
		{v2 + "/component?cursor=END&skip=-3&limit=2", upTo(93, 94)},
		{v2 + "/component?cursor=END", nil},
		{v2 + "/component?cursor=" + cursor(7) + "&limit=2", upTo(7, 8)},
		{v2 + "/component?cursor=" + cursor(7) + "&skip=-2&limit=2", upTo(5, 6)},
		{run + "/stdout?cursor=END&skip=-3", upTo(93, 95)},
		{run + "/tasks/T/stdout?cursor=BEG&limit=2", upTo(1, 2)},
		{run + "/stderr", nil},
	} {
		status, body := f.get(c.path)
		if got := numbers(body); !slices.Equal(got, c.want) || status != map[bool]int{true: 204, false: 200}[c.want == nil] {
			t.Errorf("%s: status %d, %v, want %v (%.100q)", c.path, status, got, c.want, body)
		}
	}
}

// L-A2: pages are disjoint, and together they are everything.
func TestPagesBackwards(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 95)
	for _, params := range []string{"&skip_prev=10&limit=10", "&read_reverse=true&skip_prev=1&limit=10"} {
		_, body := f.get(v1+"/range/?skip_prev=10&limit=10", "Accept", "application/json")
		all := map[int]int{}
		for page := 0; body != "" && page < 20; page++ {
			oldest, cursor := 1000, ""
			for line := range strings.Lines(body) {
				var e struct {
					Cursor string
					Fields map[string]string
				}
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				n, _ := strconv.Atoi(e.Fields["NUMBER"])
				if all[n]++; n < oldest {
					oldest, cursor = n, e.Cursor
				}
			}
			limit := ""
			if strings.Contains(params, "skip_prev=10") && oldest <= 10 {
				limit = "&limit=" + strconv.Itoa(oldest-1) // less than a page is left
				if oldest == 1 {
					break
				}
			}
			_, body = f.get(v1+"/range/?cursor="+cursor+strings.Replace(params, "&limit=10", limit, 1)+
				map[bool]string{true: "&limit=10"}[limit == ""], "Accept", "application/json")
		}
		for n := 1; n <= 95; n++ {
			if all[n] != 1 {
				t.Errorf("%s: line %d came %d times", params, n, all[n])
			}
		}
	}
}

func TestFormats(t *testing.T) {
	f := newFixture(t)
	e := testlogs.Line("A", "C", "STDOUT", "umlaut ä \u0085 \"quoted\" 🎉", 0)
	e.Fields = append(e.Fields, entry.Field{Name: "TAG", Value: []byte("one")},
		entry.Field{Name: "TAG", Value: []byte("two")},
		entry.Field{Name: "BINARY", Value: []byte{0xff, 0, 'x'}})
	f.store.Add(e)
	const data = `{"fields":{"MESSAGE":"umlaut \u00e4 \u0085 \"quoted\" \ud83c\udf89","PRIORITY":"6","STREAM":"STDOUT",` +
		`"NUMBER":"0","TAG":"one","BINARY":"\ufffd\u0000x","AGENT_ID":"A","CONTAINER_ID":"C"},"cursor":"s=test;i=1",` +
		`"monotonic_timestamp":0,"realtime_timestamp":1767323045000000}`
	for _, c := range []struct{ path, accept, contentType, want string }{
		{v1 + "/range", "application/json", "application/json", data + "\n"},
		{v1 + "/range", "text/event-stream", "text/event-stream", "data: " + data + "\n\n"},
		{v2 + "/component?limit=1", "application/json", "application/json", data + "\n"},
		{run + "/stdout", "text/plain", "text/plain", "umlaut ä \u0085 \"quoted\" 🎉\n"},
		{run + "/stdout", "application/json", "application/json",
			strings.Replace(data, `"CONTAINER_ID":"C"}`, `"CONTAINER_ID":"C","FILE":"stdout"}`, 1) + "\n"},
	} {
		resp := f.do(c.path, "Accept", c.accept)
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != c.want || resp.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: %v %s\n%s\nwant\n%s", c.path, c.accept, err, resp.Header.Get("Content-Type"), body, c.want)
		}
		if resp.Header.Get("Cache-Control") != "no-cache" || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", c.path, resp.Header)
		}
	}
	if _, body := f.get(v1+"/range", "Accept", "application/x-protobuf", "Accept", "application/json"); body != data+"\n" {
		t.Errorf("two Accept headers: %s", body)
	}
	if _, body := f.get(v1 + "/range"); !strings.HasSuffix(body, ": umlaut ä \u0085 \"quoted\" 🎉\n") || len(body) < 30 ||
		body[4] != '-' {
		t.Errorf("text: %q", body)
	}
}

// stream reads events of a stream.
type stream struct {
	t    *testing.T
	body *bufio.Reader
}

func (f *fixture) stream(path string, header ...string) *stream {
	f.t.Helper()
	resp := f.do(path, append([]string{"Accept", "text/event-stream"}, header...)...)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" ||
		resp.Header.Get("X-Accel-Buffering") != "no" {
		f.t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
	}
	return &stream{f.t, bufio.NewReader(resp.Body)}
}

// next returns the id and the message of the next entry.
func (s *stream) next() (id, message string) {
	s.t.Helper()
	for {
		line, err := s.body.ReadString('\n')
		if err != nil {
			s.t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(line, "id: "):
			id = strings.TrimSpace(line[4:])
		case strings.HasPrefix(line, "data: "):
			var e struct{ Fields map[string]string }
			if err := json.Unmarshal([]byte(line[6:]), &e); err != nil {
				s.t.Fatal(err)
			}
			return id, e.Fields["MESSAGE"]
		}
	}
}

func (s *stream) want(messages ...string) (id string) {
	s.t.Helper()
	for _, want := range messages {
		var got string
		if id, got = s.next(); got != want {
			s.t.Fatalf("%q, want %q", got, want)
		}
	}
	return id
}

func TestStreams(t *testing.T) {
	f := newFixture(t)
	for i, c := range []struct{ path, what string }{
		{v1 + "/stream/?skip_prev=2", "v1"},
		{v1 + "/stream" + container + "?skip_prev=2", "v1 container"},
		{v2 + "/component?skip=-2", "component"},
		{run + "/stdout?cursor=END&skip=-2", "file"},
	} {
		from := 100*i + 1
		f.lines(from, from+4)
		s := f.stream(c.path)
		line := func(n int) string { return "line " + strconv.Itoa(from+n) }
		s.want(line(3), line(4))
		f.lines(from+5, from+6)
		id := s.want(line(5), line(6))
		if id == "" {
			t.Errorf("%s: events have no id", c.what)
		}
		// With Last-Event-ID the skip of the URL is done already.
		f.lines(from+7, from+7)
		f.stream(c.path, "Last-Event-ID", id).want(line(7))
	}
}

// L-A3: a stream is answered at once, also if nothing matches yet.
func TestStreamOfNothingYet(t *testing.T) {
	f := newFixture(t)
	s := f.stream(v2 + "/component/quiet.service?skip=-10")
	if line, err := s.body.ReadString('\n'); line != ": ping\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	e := testlogs.Line("A", "C", "STDOUT", "at last", 1)
	e.Fields = append(e.Fields, entry.Field{Name: "_SYSTEMD_UNIT", Value: []byte("quiet.service")})
	f.store.Add(e)
	s.want("at last")
}

// A gap is an entry that says so, since clients know nothing else.
func TestEventsAreShown(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 1)
	f.store.Event(entry.Event{Kind: entry.Vacuumed, Time: 5, Count: 3, Message: "3 entries were deleted"})
	f.lines(2, 2)
	if _, body := f.get(run + "/stdout"); body != "line 1\n-- 3 entries were deleted --\nline 2\n" {
		t.Errorf("%q", body)
	}
	s := f.stream(v1 + "/stream/")
	first := s.want("line 1")
	if id := s.want("-- 3 entries were deleted --"); id != first || id == "" {
		t.Errorf("the event has the id %q, the entry before it %q", id, first)
	}
	s.want("line 2")
}

func TestDownloads(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 20_000)
	for path, name := range map[string]string{
		v1 + "/range/download":                                 "root-range.log.gz",
		v1 + "/range/download/?postfix=a/b":                    "root-range-a_b.log.gz",
		v1 + "/range" + container + "/download?postfix=stdout": "task-C-stdout.log.gz",
	} {
		resp := f.do(path)
		if got := resp.Header.Get("Content-Disposition"); got != "attachment; filename="+name {
			t.Errorf("%s: %s", path, got)
		}
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if n := bytes.Count(b, []byte("\n")); err != nil || n != 20_000 {
			t.Errorf("%s: %d lines, %v", path, n, err)
		}
	}
}

// A task's file comes as it is.
func TestFileDownload(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 20_000)
	resp := f.do(run + "/stdout/download")
	b, err := io.ReadAll(resp.Body)
	if n := bytes.Count(b, []byte("\n")); err != nil || n != 20_000 || !bytes.HasPrefix(b, []byte("line 1\nline 2\n")) ||
		resp.Header.Get("Content-Disposition") != "attachment; filename=stdout" ||
		resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d lines, %v, %v", n, resp.Header, err)
	}
	if _, body := f.get(run + "/stdout/download?cursor=END&skip=-2"); body != "line 19999\nline 20000\n" {
		t.Errorf("the end: %q", body)
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 3)
	for path, want := range map[string]int{
		v1 + "/range?limit=0": 400, v1 + "/range?limit=-1": 400, v1 + "/range?limit=x": 400,
		v1 + "/stream?limit=5": 400, v1 + "/stream?read_reverse=true": 400, v1 + "/range?skip_prev=-1": 400,
		v1 + "/range?filter=x": 400, v1 + "/range?filter=:x": 400, v1 + "/range?cursor=rubbish": 400,
		v1 + "/range?read_reverse=maybe": 400, v1 + "/fields/MESSAGE": 400, v2 + "/component?skip=x": 400,
		"/system/v1/agent/nobody/logs/v1/range": 404,
		"/system/v1/logs/v2/task/unknown":       404,
		run + "/core":                           404,
		"/system/v1/agent/A/logs/v2/task/frameworks/F/executors/E/runs/X/stdout": 404,
		v2 + "/component/none.service":                                           204, v1 +
			"/range/framework/F/executor/E/container/X": 204,
		v1 + "/range?filter=MESSAGE:a:b": 204,
	} {
		if status, body := f.get(path); status != want {
			t.Errorf("%s: status %d, want %d: %s", path, status, want, body)
		}
	}
}

// The cursor of a task's file may be a number of bytes.
func TestByteOffsets(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 20) // 9 lines of 7 bytes, then 11 of 8
	get := func(params string, header ...string) []int {
		_, body := f.get(run+"/stdout?"+params, header...)
		return numbers(body)
	}
	for params, want := range map[string][]int{
		"cursor=0": upTo(1, 20), "cursor=5": upTo(1, 20), "cursor=6": upTo(2, 20), "cursor=7": upTo(2, 20),
		"cursor=63": upTo(10, 20), "cursor=71&limit=2": upTo(11, 12), "cursor=71&skip=-2&limit=3": upTo(9, 11),
		"cursor=71&skip=3": upTo(14, 20), "cursor=149": upTo(20, 20), "cursor=7&skip=-5&limit=1": upTo(1, 1),
	} {
		if got := get(params); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", params, got, want)
		}
	}
	for _, params := range []string{"cursor=150", "cursor=151", "cursor=99999", "cursor=151&limit=5"} {
		if status, body := f.get(run + "/stdout?" + params); status != 204 {
			t.Errorf("%s: %d %s", params, status, body)
		}
	}
	if got := get("cursor=0&limit=2", "Last-Event-ID", "63"); !slices.Equal(got, upTo(10, 20)) {
		t.Errorf("after an event: %v", got)
	}
	f.stream(run+"/stdout?cursor=END", "Last-Event-ID", "143").want("line 20")
}

func TestFieldValues(t *testing.T) {
	f := newFixture(t)
	if status, _ := f.get(v1 + "/fields/STREAM"); status != 204 {
		t.Errorf("no entries: status %d", status)
	}
	f.lines(1, 2)
	f.store.Add(testlogs.Line("A", "D", "STDERR", "x", 3))
	for field, want := range map[string]string{"STREAM": `["STDERR","STDOUT"]`, "container_id": `["C","D"]`} {
		if status, body := f.get(v1 + "/fields/" + field); status != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s", field, status, body)
		}
	}
}

func TestDiscovery(t *testing.T) {
	f := newFixture(t)
	done := testlogs.Line("B", "D", "STDERR", "the end", 1)
	done.Origin.SetTag("task_id", "job.7")
	f.store.Add(done)
	const base = "/system/v1/logs/v2/task/"
	const to = "/system/v1/agent/A/logs/v2/task/frameworks/F/executors/web.1/runs/C/"
	const ended = "/system/v1/agent/B/logs/v2/task/frameworks/containers/executors/job.7/runs/D/"
	for path, want := range map[string]string{
		base + "web.1": to + "stdout", base + "web.1/file/stderr?cursor=END&skip=-10": to + "stderr?cursor=END&skip=-10",
		base + "web.1/browse": to + "files/browse", base + "web.1/download": to + "stdout/download",
		base + "web.1/file/stderr/download": to + "stderr/download",
		base + "job.7/file/stderr":          ended + "stderr", base +
			"job.job.7/file/stderr": strings.Replace(ended, "job.7", "job.job.7", 1) + "stderr",
	} {
		resp := f.do(path)
		if resp.StatusCode != 303 || resp.Header.Get("Location") != want {
			t.Errorf("%s: %s %s, want %s", path, resp.Status, resp.Header.Get("Location"), want)
		}
	}
	if resp := f.do(base + "eb."); resp.StatusCode != 303 || resp.Header.Get("Location") != to+"stdout" {
		t.Errorf("a part of an id: %s %s", resp.Status, resp.Header.Get("Location"))
	}
	if _, body := f.get(ended + "stderr"); body != "the end\n" {
		t.Errorf("the log of a task that has ended: %q", body)
	}
}
