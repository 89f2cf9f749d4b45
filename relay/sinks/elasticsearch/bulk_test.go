package elasticsearch

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// open returns a sink for a server that answers as told.
func open(t *testing.T, c Config, answer http.HandlerFunc) sink.Sink {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	c.URLs = sink.StringList{srv.URL}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// L-A14: one answer, many fates: 90 created, 5 busy, 3 mapping errors, a conflict, and a
// parse error.
func TestLA14ManyFates(t *testing.T) {
	var items []string
	for i := range 100 {
		switch {
		case i >= 10 && i < 15:
			items = append(items, `{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}`)
		case i >= 20 && i < 23:
			items = append(items, `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no number"}}}`)
		case i == 30:
			items = append(items, `{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}`)
		case i == 40:
			items = append(items, `{"create":{"status":400,"error":{"type":"parse_exception","reason":"bad UTF-8"}}}`)
		default:
			items = append(items, `{"create":{"status":201}}`)
		}
	}
	s := open(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.Join(items, ","))
	})
	res := s.Write(t.Context(), testlog.Records(0, 100))
	if !reflect.DeepEqual(res.Retry, []int{10, 11, 12, 13, 14}) || res.Known != 1 || len(res.TooLarge) != 0 ||
		res.Err == nil {
		t.Errorf("%+v", res)
	}
	var refused []string
	for _, r := range res.Refused {
		refused = append(refused, fmt.Sprint(r.Index, r.Reason))
	}
	if got := strings.Join(refused, " "); got != "20mapping 21mapping 22mapping 40parse" ||
		!strings.Contains(res.Refused[0].Detail, "no number") {
		t.Errorf("refused %s: %+v", got, res.Refused)
	}
}

func TestAnswers(t *testing.T) {
	status, body, after := 0, "", ""
	s := open(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
	write := func(n, code int, answer string) sink.Result {
		status, body = code, answer
		return s.Write(t.Context(), testlog.Records(0, n))
	}
	for _, code := range []int{401, 403, 404, 429, 500, 502, 503} {
		if r := write(3, code, "{}"); len(r.Retry) != 3 || r.Err == nil {
			t.Errorf("%d: %+v", code, r)
		}
	}
	after = "7"
	if r := write(3, 429, ""); r.After != 7*time.Second {
		t.Errorf("%+v", r)
	}
	after = ""
	if r := write(3, 413, ""); len(r.TooLarge) != 3 {
		t.Errorf("413: %+v", r)
	}
	if r := write(3, 400, ""); len(r.TooLarge) != 3 {
		t.Errorf("400 of three: %+v", r)
	}
	if r := write(1, 400, "why"); len(r.Refused) != 1 || !strings.Contains(r.Refused[0].Detail, "why") {
		t.Errorf("400 of one: %+v", r)
	}
	for _, nonsense := range []string{"", "<html>", "[]", "{}", `{"errors":false,"items":[{"create":{"status":201}}]}`,
		`{"errors":false,"items":[{},{},{}]}`} {
		if r := write(3, 200, nonsense); len(r.Retry) != 3 || r.Err == nil {
			t.Errorf("%q: %+v", nonsense, r)
		}
	}
	item := func(code int, typ string) string {
		return fmt.Sprintf(`{"errors":true,"items":[{"create":{"status":%d,"error":{"type":%q}}}]}`, code, typ)
	}
	for _, full := range []string{"validation_exception", "invalid_index_name_exception"} {
		if r := write(1, 200, item(400, full)); len(r.Retry) != 1 {
			t.Errorf("%s: %+v", full, r)
		}
	}
	if r := write(1, 200, item(413, "x")); len(r.TooLarge) != 1 {
		t.Errorf("%+v", r)
	}
	if r := write(1, 200, item(403, "cluster_block_exception")); len(r.Retry) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestRequest(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []byte
	s := open(t, Config{Index: "logs-%Y.%m.%d", Pipeline: "p 1", APIKey: sink.File(secret)},
		func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "ApiKey abc" || r.URL.Query().Get("pipeline") != "p 1" ||
				r.URL.Path != "/_bulk" {
				t.Errorf("%v %v", r.URL, r.Header)
			}
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			got, _ = io.ReadAll(z)
			fmt.Fprint(w, `{"errors":false,"items":[{"create":{"status":201}}]}`)
		})
	r := testlog.Record(1, "hello")
	if res := s.Write(t.Context(), []*sink.Record{r}); res.Err != nil || len(res.Retry) > 0 {
		t.Errorf("%+v", res)
	}
	want := fmt.Sprintf(`{"create":{"_index":"logs-%s","_id":"%s"}}`, r.Time().Format("2006.01.02"), r.ID)
	if lines := bytes.Split(got, []byte("\n")); len(lines) != 3 || string(lines[0]) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []Config{
		{}, {URLs: sink.StringList{"es1:9200"}}, {URLs: sink.StringList{"http://u:p@es1"}},
		{URLs: sink.StringList{"http://es1"}, Index: "Logs"}, {URLs: sink.StringList{"http://es1"}, Index: "-x"},
		{URLs: sink.StringList{"http://es1"}, APIKey: "/x", User: "u"},
		{URLs: sink.StringList{"http://es1"}, APIKey: "/missing"},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}
