package loki

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
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
	body   string
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
	if s.body != "" {
		io.WriteString(w, s.body)
		return
	}
	limit := time.Now().Add(-7 * 24 * time.Hour).UTC()
	said := map[string]int{}
	for _, l := range decode(s.t, body) {
		if l.nanos < limit.UnixNano() {
			said[saysTooOld(sorted(l.stream), time.Unix(0, l.nanos).UTC(), limit)]++
			continue
		}
		s.lines = append(s.lines, l)
	}
	refused := grouped(said)
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

// sorted returns labels as Loki shows them: by name, with one of its own.
func sorted(stream string) string {
	all := append(label.FindAllString(stream, -1), `service_name="unknown; {service}"`)
	slices.Sort(all)
	return "{" + strings.Join(all, ", ") + "}"
}

func saysTooOld(stream string, at, oldest time.Time) string {
	return fmt.Sprintf("entry for stream '%s' has timestamp too old: %s, oldest acceptable timestamp is: %s", stream,
		at.Format(time.RFC3339), oldest.Format(time.RFC3339))
}

// grouped is GroupedErrors.Error of Loki.
func grouped(said map[string]int) string {
	var all []string
	for text, n := range said {
		if len(said) > 1 || n > 1 {
			text = fmt.Sprintf("%d errors like: %s", n, text)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// L-A16: what Loki says of some lines, in its own words, and what becomes of each.
func TestLA16Refusals(t *testing.T) {
	batch := testlog.Records(0, 10)
	at := func(i int, ago time.Duration) {
		e := *batch[i].Entry
		e.Realtime -= ago.Microseconds()
		batch[i] = sink.New(testlog.Agent, entry.Record{Entry: &e})
	}
	at(3, 10*24*time.Hour)
	at(4, 10*24*time.Hour)
	at(6, 2*time.Hour)
	at(7, -2*time.Hour)
	streams, lengths := make([]string, 10), make([]int, 10)
	for i := range batch {
		streams[i] = `{agent="node-1", unit="a \" b"}`
		lengths[i] = 6
	}
	streams[8], lengths[8] = `{agent="node-2"}`, 300_000
	one, other := sorted(streams[0]), sorted(streams[8])
	second := func(i int) string { return batch[i].Time().Format(time.RFC3339) }
	tooOld := saysTooOld(one, batch[3].Time(), time.Now().Add(-7*24*time.Hour).UTC())
	tooNew := fmt.Sprintf("entry for stream '%s' has timestamp too new: %s", one, second(7))
	tooLong := fmt.Sprintf("max entry size '262144' bytes exceeded for stream '%s' while adding an entry with length "+
		"'300000' bytes", other)
	behind := func(i int) string {
		return fmt.Sprintf("entry with timestamp %s ignored, reason: 'entry too far behind, entry timestamp is: %s, "+
			"oldest acceptable timestamp is: %s',\n", batch[i].Time(), second(i), second(0))
	}
	for name, c := range map[string]struct{ said, want string }{
		"old":    {grouped(map[string]int{tooOld: 2}), "3too_old 4too_old"},
		"new":    {tooNew, "7too_new"},
		"long":   {tooLong, "large[8]"},
		"all":    {grouped(map[string]int{tooOld: 2, tooNew: 1, tooLong: 1}), "3too_old 4too_old 7too_new large[8]"},
		"behind": {behind(6) + "user 'fake', total ignored: 1 out of 9 for stream: " + one, "6too_far_behind"},
		"ten named": {behind(3) + behind(6) + "user 'fake', total ignored: 3 out of 9 for stream: " + one,
			"3too_far_behind 4too_far_behind 6too_far_behind"},
		"older Loki": {behind(6) + "total ignored: 1 out of 10", "6too_far_behind"},
		"out of order": {strings.Replace(behind(6), "entry too far", "entry out of order, far", 1) +
			"total ignored: 1 out of 10", "6out_of_order"},
		"strangers": {behind(8) + "user 'fake', total ignored: 1 out of 9 for stream: {a=\"b\"}", "8too_far_behind"},
		"and more": {grouped(map[string]int{tooNew: 1, "stream '" + other + "' has label value too long: 'x'": 1}),
			"7too_new retry[0 1 2 3 4 5 6 8 9]"},
		"else":    {"couldn't parse push request", "large[0 1 2 3 4 5 6 7 8 9]"},
		"nothing": {"", "large[0 1 2 3 4 5 6 7 8 9]"},
	} {
		r := refused(batch, streams, lengths, &sink.Answer{Status: 400, Body: []byte(c.said)})
		var got []string
		for _, x := range r.Refused {
			got = append(got, fmt.Sprint(x.Index, x.Reason))
		}
		if len(r.Retry) > 0 {
			got = append(got, fmt.Sprint("retry", r.Retry))
		}
		if len(r.TooLarge) > 0 {
			got = append(got, fmt.Sprint("large", r.TooLarge))
		}
		if s := strings.Join(got, " "); s != c.want || (r.Err == nil) != (len(r.Retry)+len(r.TooLarge) == 0) {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
	no := sink.Answer{Status: 400, Body: []byte("no")}
	if r := refused(batch[:1], streams[:1], lengths[:1], &no); len(r.Refused) != 1 ||
		!strings.Contains(r.Refused[0].Detail, "no") {
		t.Errorf("%+v", r)
	}
}

// L-A16: a batch that is sent again has the same times again, by which Loki knows it.
func TestLA16SentAgain(t *testing.T) {
	s, srv := open(t, Config{})
	var batch []*sink.Record
	for range 3 {
		batch = append(batch, sink.New(testlog.Agent, entry.Record{Entry: testlog.Entry(5, "the same text")}))
	}
	write := func(status int) {
		srv.status = status
		s.Write(t.Context(), batch)
	}
	write(0)
	write(http.StatusServiceUnavailable)
	write(http.StatusTooManyRequests)
	write(0)
	for i, l := range srv.lines {
		if want := batch[0].Time().UnixNano() + int64(i); l.nanos != want {
			t.Errorf("line %d has the time %d, want %d", i, l.nanos, want)
		}
	}
	srv.body = "hello"
	if res := s.Write(t.Context(), batch); len(res.Retry) != 3 || res.Err == nil {
		t.Errorf("nonsense: %+v", res)
	}
}

// Whatever an answer says, each record has one fate at most, and at least one is not taken.
func FuzzRefusal(f *testing.F) {
	f.Add("2 errors like: " + saysTooOld(`{a="b"}`, time.Unix(1e9, 0).UTC(), time.Unix(2e9, 0).UTC()))
	f.Add("entry with timestamp 2026-01-02 03:04:05.1 +0000 UTC ignored, reason: 'entry too far behind',\n" +
		"user 'x', total ignored: 99 out of 3 for stream: {}")
	batch := testlog.Records(0, 3)
	f.Fuzz(func(t *testing.T, said string) {
		r := refused(batch, make([]string, 3), make([]int, 3), &sink.Answer{Status: 400, Body: []byte(said)})
		seen := map[int]bool{}
		for _, i := range slices.Concat(r.Retry, r.TooLarge) {
			if seen[i] || i < 0 || i > 2 {
				t.Errorf("%+v", r)
			}
			seen[i] = true
		}
		for _, x := range r.Refused {
			if seen[x.Index] {
				t.Errorf("%+v", r)
			}
			seen[x.Index] = true
		}
		if len(seen) == 0 {
			t.Error("none was refused")
		}
	})
}
