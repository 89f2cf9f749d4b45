package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daytwo/daytwo/api/client"
)

// A stream that breaks in the middle of an entry goes on at the last cursor, with what is
// left of its limit.
func TestLogsGoOnAfterABreak(t *testing.T) {
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch requests.Add(1) {
		case 1:
			if q.Get("limit") != "3" || q.Get("tail") != "1" || r.Header.Get("Accept") != "text/event-stream" {
				t.Errorf("the first request: %v", q)
			}
			fmt.Fprint(w, ": ping\n\nid: c1\ndata: {\"realtime_timestamp\":1,\"fields\":{\"MESSAGE\":\"one\"}}\n\n"+
				"id: c2\ndata: {\"real")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			if q.Get("limit") != "2" || q.Get("cursor") != "c1" {
				t.Errorf("after the break: %v", q)
			}
			fmt.Fprint(w, "event: gap\ndata: {\"realtime_timestamp\":2,\"event\":\"gap\",\"count\":7}\n\n"+
				"id: c2\r\ndata: {\"realtime_timestamp\":3,\"fields\":{\"MESSAGE\":\"two\"}}\r\n\r\n")
		}
	}))
	defer srv.Close()
	var got []string
	for e, err := range newClient(t, srv.URL, token).Logs(t.Context(), url.Values{"limit": {"3"}, "tail": {"1"}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Event, e.Cursor, e.Fields["MESSAGE"], e.Count))
	}
	want := []string{"c1one0", client.Reconnecting + "<nil> 0", "gap<nil> 7", "c2two0"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", got, want)
	}
}

// The same in the export format, of which only whole entries come.
func TestExportGoesOnAfterABreak(t *testing.T) {
	binary := "MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00two\n\n\n"
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch requests.Add(1) {
		case 1:
			if q.Get("limit") != "5" || r.Header.Get("Accept") != "application/vnd.fdo.journal" {
				t.Errorf("the first request: %v", q)
			}
			fmt.Fprint(w, "__CURSOR=c1\nDAYTWO_EVENT=slow_reader\n__CURSOR=x\nMESSAGE=one\n\n__CURSOR=c2\n"+binary[:20])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			if q.Get("cursor") != "c1" || q.Has("limit") || q.Has("tail") {
				t.Errorf("after the break: %v", q)
			}
			fmt.Fprint(w, "__CURSOR=c2\n"+binary+"\n")
		}
	}))
	defer srv.Close()
	var got strings.Builder
	for e, err := range newClient(t, srv.URL, token).LogsExport(t.Context(), url.Values{"limit": {"5"}, "follow": {"1"}}) {
		if err != nil {
			t.Fatal(err)
		}
		got.Write(e.Bytes)
		if e.Notice != nil {
			got.WriteString(e.Notice.Event + "\n")
		}
	}
	if want := "__CURSOR=c1\nDAYTWO_EVENT=slow_reader\n__CURSOR=x\nMESSAGE=one\n\n" + client.Reconnecting + "\n" +
		"__CURSOR=c2\n" + binary + "\n"; got.String() != want {
		t.Errorf("%q, want %q", got.String(), want)
	}
}

// An error of the first request is the caller's, and no request is sent again.
func TestLogsFirstError(t *testing.T) {
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":"nothing matches"}`)
	}))
	defer srv.Close()
	n := 0
	for e, err := range newClient(t, srv.URL, token).Logs(t.Context(), url.Values{"follow": {"1"}}) {
		if n++; e != nil || !client.NotFound(err) || err.Error() != "nothing matches" {
			t.Errorf("%v, %v", e, err)
		}
	}
	if n != 1 || requests.Load() != 1 {
		t.Errorf("%d results of %d requests", n, requests.Load())
	}
	if _, err := newClient(t, srv.URL, token).LogsRaw(t.Context(), nil, "text/plain"); !client.NotFound(err) {
		t.Errorf("raw: %v", err)
	}
}
