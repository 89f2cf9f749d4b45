package logs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// goEntry is how DC/OS' command line written in Go decodes a line: a value of another type
// ends its output.
type goEntry struct {
	Fields struct {
		Message    string `json:"MESSAGE"`
		Priority   string `json:"PRIORITY"`
		Identifier string `json:"SYSLOG_IDENTIFIER"`
		PID        string `json:"_PID"`
		Unit       string `json:"_SYSTEMD_UNIT"`
		Hostname   string `json:"_HOSTNAME"`
		Cut        string `json:"DAYTWO_CUT"`
	} `json:"fields"`
	Cursor    string `json:"cursor"`
	Monotonic int64  `json:"monotonic_timestamp"`
	Realtime  int64  `json:"realtime_timestamp"`
}

// goRequest sends what that command line sends.
func (f *fixture) goRequest(path, accept string) *http.Response {
	f.t.Helper()
	resp := f.do(path, "Accept", accept, "Accept-Encoding", "gzip", "Authorization", "token=t",
		"User-Agent", goAgent(accept))
	if resp.Header.Get("Content-Encoding") != "" {
		f.t.Fatalf("%s is compressed", path)
	}
	return resp
}

// goAgent is its User-Agent: it follows without one.
func goAgent(accept string) string {
	if accept == eventsType {
		return ""
	}
	return "dcos-cli/1.2.0 linux"
}

// That client reads 64 KiB a line, and no more of an event: what is longer is cut for it, and
// says so. Every other client gets it whole.
func TestGoClientCuts(t *testing.T) {
	f := newFixture(t)
	long := map[int]string{1: strings.Repeat("x", 64<<10), 2: strings.Repeat("\xff", 1<<20),
		3: strings.Repeat("\U0001f600", 30_000), 4: strings.Repeat("\x00", 11_000), 5: "short"}
	for i := 1; i <= len(long); i++ {
		e := testlogs.Line("A", "C", "STDOUT", long[i], i)
		e.Fields = append(e.Fields, entry.Field{Name: "_CMDLINE", Value: []byte(strings.Repeat("y", 1<<16*(i%2)))})
		for k := range 100 {
			e.Fields = append(e.Fields, entry.Field{Name: fmt.Sprint("F", k), Value: make([]byte, 1000*(i%2))})
		}
		f.store.Add(e)
	}
	check := func(line []byte, n int) {
		t.Helper()
		var e goEntry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %.200s", err, line)
		}
		message, mark, was := strings.Cut(e.Fields.Message, " [cut: ")
		whole := strings.ReplaceAll(long[n], "\xff", "\ufffd")
		marked := strings.Contains(mark, "more bytes") && e.Fields.Cut == strconv.Itoa(len(long[n]))
		if !strings.HasPrefix(whole, message) || was != (n < 5) || was && (len(message) < 6000 || !marked) {
			t.Errorf("entry %d: %d bytes %.40q, %q, %q", n, len(message), message, mark, e.Fields.Cut)
		}
	}
	const path = "/system/v1/agent/A/logs/v2/component?skip=-10"
	scan := bufio.NewScanner(f.goRequest(path, jsonType).Body)
	n := 0
	for scan.Scan() {
		n++
		check(scan.Bytes(), n)
	}
	if scan.Err() != nil || n != len(long) {
		t.Errorf("%d lines, %v", n, scan.Err())
	}
	scan = bufio.NewScanner(f.goRequest(path, eventsType).Body)
	scan.Split(func(data []byte, _ bool) (int, []byte, error) { // as its library has it
		if i := bytes.Index(data, []byte("\n\n")); i >= 0 {
			return i + 2, data[:i], nil
		}
		return 0, nil, nil
	})
	for n = 0; n < len(long) && scan.Scan(); {
		if _, data, ok := strings.Cut(scan.Text(), "data: "); ok {
			n++
			check([]byte(data), n)
		}
	}
	if scan.Err() != nil || n != len(long) {
		t.Errorf("%d events, %v", n, scan.Err())
	}
	b, err := io.ReadAll(f.do(path, "Accept", jsonType, "User-Agent", "curl/8").Body)
	if err != nil || bytes.Contains(b, []byte("[cut: ")) || bytes.Count(b, []byte("x")) < 64<<10 {
		t.Errorf("another client: %d bytes, %v", len(b), err)
	}
}

func TestGoClientReads(t *testing.T) {
	f := newFixture(t)
	for i, message := range []string{"plain", "bad \xff bytes", "", "an escape \x1b[0m", strings.Repeat("x", 40<<10)} {
		e := testlogs.Line("A", "C", "STDOUT", message, i)
		e.Fields = append(e.Fields, entry.Field{Name: "_PID", Value: []byte("7")},
			entry.Field{Name: "_PID", Value: []byte("8")},
			entry.Field{Name: "_SYSTEMD_UNIT", Value: []byte("web.service")},
			entry.Field{Name: "MESSAGE", Value: []byte("second")})
		f.store.Add(e)
	}
	resp := f.goRequest("/system/v1/agent/A/logs/v2/component/web.service?skip=-10&filter=_PID:7", jsonType)
	scan := bufio.NewScanner(resp.Body) // with its limit of 64 KiB a line, as there
	n := 0
	for ; scan.Scan(); n++ {
		var e goEntry
		if err := json.Unmarshal(scan.Bytes(), &e); err != nil {
			t.Fatalf("%v: %.200s", err, scan.Text())
		}
		if e.Cursor == "" || e.Realtime == 0 || e.Fields.PID != "7" || e.Fields.Unit != "web.service" {
			t.Errorf("line %d: %+v", n, e)
		}
	}
	if scan.Err() != nil || n != 5 {
		t.Errorf("%d lines, %v", n, scan.Err())
	}
	if resp := f.goRequest("/system/v1/leader/mesos/logs/v2/component?skip=-1", jsonType); resp.StatusCode != 200 {
		t.Errorf("the leader's log: %s", resp.Status)
	}
}

// A stream never ends well, since that client hangs for ever then, and has no line that it
// cannot read.
func TestGoClientFollows(t *testing.T) {
	f := newFixture(t)
	f.lines(1, 3)
	resp := f.goRequest("/system/v1/agent/A/logs/v2/component?skip=-10", eventsType)
	body := bufio.NewReader(resp.Body)
	for seen := 0; seen < 3; {
		line, err := body.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "data":
			var e goEntry
			if err := json.Unmarshal([]byte(value), &e); err != nil || e.Realtime == 0 {
				t.Errorf("%v: %s", err, line)
			}
			seen++
		case name == "id" && strings.TrimSpace(value) == "":
			t.Error("an empty id")
		}
	}
	go f.srv.Config.Shutdown(t.Context())
	if _, err := io.ReadAll(body); err == nil {
		t.Error("the stream ended well")
	}
}
