package sinks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/elasticsearch"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// opensearch returns a node. Its limit of requests is above a record of 5 MiB, as the default is.
func opensearch(t testing.TB) *target {
	t.Helper()
	libs := rig.Jars(t, "opensearch", "org.opensearch:opensearch:2.19.3",
		"org.opensearch.plugin:transport-netty4-client:2.19.3", "org.apache.logging.log4j:log4j-core:2.21.0")
	g := &target{t: t, name: "opensearch", config: "elasticsearch: {urls: [\"http://%s\"], index: every}",
		address: rig.FreePort(t)}
	home, transport := t.TempDir(), port(t)
	g.command = func() *exec.Cmd {
		return exec.Command("java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", libs+"/*",
			filepath.Join("testdata", "Start.java"), home, portOf(g.address), transport, "http.max_content_length=8mb")
	}
	g.ready = func() error {
		_, err := ask(t, "GET", "http://"+g.address+"/_cluster/health?wait_for_status=yellow&timeout=2s", "")
		return err
	}
	g.read = func() []got { return searched(t, "http://"+g.address, "every") }
	return g
}

// searched returns all documents of an index.
func searched(t testing.TB, url, index string) (all []got) {
	t.Helper()
	if _, err := ask(t, "POST", url+"/"+index+"/_refresh", ""); err != nil {
		return nil
	}
	answer, err := ask(t, "POST", url+"/"+index+"/_search?scroll=1m&size=1000&sort=_doc", "")
	for err == nil {
		var page struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct {
				Hits []struct {
					ID     string   `json:"_id"`
					Source document `json:"_source"`
				}
			}
		}
		if err = json.Unmarshal([]byte(answer), &page); err != nil || len(page.Hits.Hits) == 0 {
			break
		}
		for i := range page.Hits.Hits {
			all = append(all, page.Hits.Hits[i].Source.got(t))
		}
		answer, err = ask(t, "POST", url+"/_search/scroll", fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, page.Scroll))
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ask sends a request and returns the answer, with an error for an error status.
func ask(t testing.TB, method, url, body string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = errors.New(resp.Status + ": " + string(b))
	}
	return string(b), err
}

// L-A14 and L-A18 on a real node: an index and a data stream, records of every kind, a
// delivery that is repeated, mapping errors, and requests that are too large.
func testLA14OpenSearch(t *testing.T, url string) {
	must := func(method, path, body string) string {
		t.Helper()
		answer, err := ask(t, method, url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	must("PUT", "/_index_template/logs", `{"index_patterns":["logs-*"],"data_stream":{},"priority":1}`)
	must("PUT", "/typed", `{"mappings":{"properties":{"message":{"type":"integer"}}}}`)
	count := func(index string, want int) {
		t.Helper()
		must("POST", "/"+index+"/_refresh", "")
		var n struct{ Count int }
		if err := json.Unmarshal([]byte(must("GET", "/"+index+"/_count", "")), &n); err != nil || n.Count != want {
			t.Errorf("%s has %d documents, want %d (%v)", index, n.Count, want, err)
		}
	}
	for _, index := range []string{"logs-daytwo-default", "plain-%Y.%m.%d"} {
		s := open(t, &elasticsearch.Config{URLs: sink.StringList{url}, Index: index})
		if err := s.Test(t.Context()); err != nil {
			t.Fatal(err)
		}
		odd := testlog.Odd()
		batch := append(testlog.Records(0, 500), odd...)
		delivered(t, s.Write(t.Context(), batch))
		res := s.Write(t.Context(), batch) // as after a crash
		delivered(t, res)
		if res.Known != len(batch) {
			t.Errorf("%s: %d of %d were known", index, res.Known, len(batch))
		}
		count(strings.ReplaceAll(index, "%Y.%m.%d", "*"), len(batch))
	}
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string                   `json:"_id"`
				Source struct{ Message string } `json:"_source"`
			}
		}
	}
	long := testlog.Odd()[12]
	answer := must("POST", "/logs-daytwo-default/_search", fmt.Sprintf(`{"query":{"ids":{"values":[%q]}}}`, long.ID))
	if err := json.Unmarshal([]byte(answer), &found); err != nil || len(found.Hits.Hits) != 1 ||
		found.Hits.Hits[0].Source.Message != string(long.Message()) {
		t.Errorf("a long message is not as it was: %v", err)
	}

	typed := open(t, &elasticsearch.Config{URLs: sink.StringList{url}, Index: "typed"})
	res := typed.Write(t.Context(), []*sink.Record{testlog.Record(1, "1"), testlog.Record(2, "no number"),
		testlog.Record(3, "3")})
	if len(res.Refused) != 1 || res.Refused[0].Index != 1 || res.Refused[0].Reason != "mapping" || len(res.Retry) > 0 {
		t.Errorf("%+v", res)
	}
	count("typed", 2)
	s := open(t, &elasticsearch.Config{URLs: sink.StringList{url}, NoGzip: true})
	if res := s.Write(t.Context(), []*sink.Record{testlog.Record(2000, strings.Repeat("x", 9<<20)),
		testlog.Record(2001, "y")}); len(res.TooLarge) != 2 {
		t.Errorf("9 MiB: %+v", res)
	}
	must("PUT", "/typed/_settings", `{"index.blocks.write":true}`)
	if res := typed.Write(t.Context(), testlog.Records(10, 2)); len(res.Retry) != 2 ||
		!strings.Contains(res.Err.Error(), "cluster_block") {
		t.Errorf("a blocked index: %+v", res)
	}
}
