package logs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// start is the time of the first entry of tests, in microseconds.
const start = 1_760_000_000_000_000

type site struct {
	*testing.T
	logs *testlogs.Logs
	url  string
	api  *API
	srv  *http.Server
}

// serve serves 50 entries of the task web, one a second, and 50 of the task db between them.
func serve(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	l := testlogs.New("node-1")
	for i := range 50 {
		at := int64(start + i*1e6)
		l.Say(at, "web", "web "+number(i), "PRIORITY=6", "_HOSTNAME=host-1", "SYSLOG_IDENTIFIER=nginx", "_PID=7")
		l.Say(at+500_000, "db", "db "+number(i), "PRIORITY=3")
	}
	o := Options{Logs: l, Now: func() time.Time { return time.UnixMicro(start + 100e6) }}
	for _, c := range change {
		c(&o)
	}
	a := New(o)
	quiet := slog.New(slog.DiscardHandler)
	srv := web.NewHTTPServer(web.Bounded(web.Mux(a.Routes(), "none", quiet)), quiet)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(listener)
	t.Cleanup(func() { srv.Close() })
	return &site{t, l, "http://" + listener.Addr().String(), a, srv}
}

func number(i int) string { return string([]byte{'0' + byte(i/10), '0' + byte(i%10)}) }

// get returns the answer to a path below /api/v1/logs.
func (s *site) get(path string, header ...string) (int, http.Header, string) {
	s.Helper()
	resp := s.open(path, header...)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Errorf("%s: %v", path, err)
	}
	if len(resp.Trailer) > 0 {
		for k, v := range resp.Trailer {
			resp.Header[k] = v
		}
	}
	return resp.StatusCode, resp.Header, string(b)
}

func (s *site) open(path string, header ...string) *http.Response {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), "GET", s.url+"/api/v1/logs"+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

// messages returns the messages of an answer as JSON lines, and those of its events.
func (s *site) messages(path string, header ...string) []string {
	s.Helper()
	code, _, body := s.get(path, append([]string{"Accept", "application/json"}, header...)...)
	if code != http.StatusOK {
		s.Fatalf("%s: %d %s", path, code, body)
	}
	var out []string
	for line := range strings.Lines(body) {
		out = append(out, s.message(line))
	}
	return out
}

func (s *site) message(line string) string {
	s.Helper()
	var e v1.LogEntry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		s.Fatalf("%s: %v", line, err)
	}
	if e.Event != "" {
		return e.Event
	}
	m, _ := e.Fields["MESSAGE"].(string)
	return m
}

// follow returns a function that returns the next message of a stream.
func (s *site) follow(path string, header ...string) (next func() string, end func()) {
	s.Helper()
	resp := s.open(path, append([]string{"Accept", "application/x-ndjson"}, header...)...)
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("%s: %d", path, resp.StatusCode)
	}
	lines := bufio.NewScanner(resp.Body)
	s.Cleanup(func() { resp.Body.Close() })
	return func() string {
		s.Helper()
		if !lines.Scan() {
			s.Fatalf("%s ended: %v", path, lines.Err())
		}
		return s.message(lines.Text())
	}, func() { resp.Body.Close() }
}

// readers waits until so many readers are open.
func (s *site) readers(n int) {
	s.Helper()
	rig.Eventually(s, 20*time.Second, func() error {
		if got := s.logs.Readers(); got != n {
			return fmt.Errorf("%d readers are open, want %d", got, n)
		}
		return nil
	})
}
