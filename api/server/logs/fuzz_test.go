package logs

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// No parameters, and no headers, make a query that contradicts itself.
func FuzzParse(f *testing.F) {
	f.Add("task=web&follow=1&limit=3", "", "text/plain")
	f.Add("order=desc&skip=-3&tail=1&boot&since=-1h&until=now", "s=1;i=2", "*/*;q=0.1, application/json")
	f.Add("match=A%3DB&match=%2B&priority=err..7&fields=A,B&download=1&limit=all", "m1.", "")
	f.Fuzz(func(t *testing.T, q, last, accept string) {
		r := httptest.NewRequest("GET", "/api/v1/logs", nil)
		r.URL = &url.URL{Path: "/api/v1/logs", RawQuery: q}
		r.Header.Set("Last-Event-ID", last)
		r.Header.Set("Accept", accept)
		ask, err := New(Options{Logs: testlogs.New("a")}).parse(r)
		if err != nil {
			return
		}
		p := ask.q
		if p.Follow && p.Reverse || p.Tail && (p.Reverse || p.Cursor != "" && p.Follow) || p.Limit < 0 || p.Since < 0 ||
			p.Until != 0 && p.Until < p.Since || ask.format == nil || ask.more && p.Limit != ask.limit+1 {
			t.Fatalf("%+v", p)
		}
	})
}
