package loki

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// line is one line of a push.
type line struct {
	stream, text string
	nanos        int64
	meta         map[string]string
}

// fields calls f with each field of a message.
func fields(t *testing.T, b []byte, f func(n protowire.Number, v []byte, i uint64)) {
	t.Helper()
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			t.Fatal("no protobuf")
		}
		b = b[size:]
		switch typ {
		case protowire.BytesType:
			v, size := protowire.ConsumeBytes(b)
			f(n, v, 0)
			b = b[size:]
		case protowire.VarintType:
			v, size := protowire.ConsumeVarint(b)
			f(n, nil, v)
			b = b[size:]
		default:
			t.Fatal("wire type", typ)
		}
	}
}

func decode(t *testing.T, body []byte) (lines []line) {
	t.Helper()
	raw, err := s2.Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	fields(t, raw, func(_ protowire.Number, stream []byte, _ uint64) {
		name := ""
		fields(t, stream, func(n protowire.Number, v []byte, _ uint64) {
			if n == 1 {
				name = string(v)
				return
			}
			l := line{stream: name, meta: map[string]string{}}
			fields(t, v, func(n protowire.Number, v []byte, _ uint64) {
				switch n {
				case 1:
					fields(t, v, func(n protowire.Number, _ []byte, i uint64) {
						l.nanos += int64(i) * map[protowire.Number]int64{1: 1e9, 2: 1}[n]
					})
				case 2:
					l.text = string(v)
				case 3:
					var pair [2]string
					fields(t, v, func(n protowire.Number, v []byte, _ uint64) { pair[n-1] = string(v) })
					l.meta[pair[0]] = pair[1]
				}
			})
			lines = append(lines, l)
		})
	})
	return lines
}

// server stores lines as Loki does: those that are too old are refused, the others stored.
type server struct {
	t      *testing.T
	status int // instead
	lines  []line
	times  int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.times++
	if s.status != 0 {
		w.WriteHeader(s.status)
		return
	}
	limit := time.Now().Add(-7 * 24 * time.Hour).UTC()
	refused := ""
	for _, l := range decode(s.t, body) {
		if l.nanos < limit.UnixNano() {
			refused = fmt.Sprintf("entry for stream '%s' has timestamp too old: %s, oldest acceptable timestamp is: %s",
				l.stream, time.Unix(0, l.nanos).UTC().Format(time.RFC3339), limit.Format(time.RFC3339))
			continue
		}
		s.lines = append(s.lines, l)
	}
	if refused != "" {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, refused)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func open(t *testing.T, c Config) (sink.Sink, *server) {
	t.Helper()
	s := &server{t: t}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c.URL = srv.URL
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	p, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, s
}

// L-A16: late lines are refused alone and not sent again, equal times all survive, and what
// is not taken now is tried again in order.
func TestLA16LateAndEqual(t *testing.T) {
	s, srv := open(t, Config{})
	var batch []*sink.Record
	for i := range 100 {
		e := testlog.Entry(i, "the same text")
		switch {
		case i >= 50 && i < 53:
			e.Realtime -= 10 * 24 * 3600 * 1e6
		case i >= 60 && i < 70:
			e.Realtime = testlog.Entry(60, "").Realtime
		}
		batch = append(batch, sink.New(testlog.Agent, entry.Record{Entry: e}))
	}
	srv.status = http.StatusTooManyRequests
	if res := s.Write(t.Context(), batch); len(res.Retry) != 100 {
		t.Errorf("busy: %+v", res)
	}
	srv.status = http.StatusServiceUnavailable
	if res := s.Write(t.Context(), batch); len(res.Retry) != 100 {
		t.Errorf("away: %+v", res)
	}
	srv.status, srv.times = 0, 0
	res := s.Write(t.Context(), batch)
	var refused []int
	for _, r := range res.Refused {
		refused = append(refused, r.Index)
		if r.Reason != "too_old" {
			t.Errorf("%+v", r)
		}
	}
	if !reflect.DeepEqual(refused, []int{50, 51, 52}) || len(res.Retry)+len(res.TooLarge) > 0 || srv.times != 1 {
		t.Errorf("%+v after %d requests", res, srv.times)
	}
	seen := map[int64]bool{}
	for _, l := range srv.lines { // Loki keeps one line of a time and a text
		seen[l.nanos] = true
	}
	if len(srv.lines) != 97 || len(seen) != 97 {
		t.Errorf("%d lines of %d times", len(srv.lines), len(seen))
	}
}

func TestLabels(t *testing.T) {
	s, srv := open(t, Config{Static: map[string]string{"env": "test"}})
	r := testlog.Record(1, "hello \xff")
	if res := s.Write(t.Context(), []*sink.Record{r, testlog.Event()}); res.Err != nil {
		t.Fatal(res.Err)
	}
	l := srv.lines[0]
	if l.stream != `{agent="node-1", host="host-1", unit="web.service", container="web-1", env="test"}` ||
		l.text != "hello \uFFFD" || l.meta["id"] != r.ID || l.meta["container_id"] != "0123456789ab" ||
		l.meta["level"] != "info" || l.meta["message_base64"] == "" || l.nanos/1000 != r.Time().UnixMicro() {
		t.Errorf("%+v", l)
	}
	if l := srv.lines[1]; l.stream != `{agent="node-1", host="node-1", env="test"}` || l.meta["event"] != "suppressed" {
		t.Errorf("%+v", l)
	}
	if res := s.Write(t.Context(), testlog.Odd()); res.Err != nil {
		t.Fatal(res.Err)
	}
	for _, bad := range []Config{{}, {URL: "http://x", Labels: sink.StringList{"container_id"}},
		{URL: "http://x", Labels: sink.StringList{}}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// Answers that name no line of the request.
func TestOtherRefusals(t *testing.T) {
	batch := testlog.Records(0, 10)
	streams := make([]string, 10)
	say := func(text string) sink.Result {
		return refused(batch, streams, &sink.Answer{Status: 400, Body: []byte(text)})
	}
	if r := say("entry with timestamp 1 ignored, reason: 'entry too far behind', total ignored: 2 out of " +
		"10"); len(r.Refused) != 2 {
		t.Errorf("%+v", r)
	}
	if r := say("couldn't parse push request"); len(r.TooLarge) != 10 {
		t.Errorf("%+v", r)
	}
	if r := refused(batch[:1], streams[:1], &sink.Answer{Status: 400, Body: []byte("no")}); len(r.Refused) != 1 ||
		!strings.Contains(r.Refused[0].Detail, "no") {
		t.Errorf("%+v", r)
	}
}
