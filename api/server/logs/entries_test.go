package logs

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

func TestSelect(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{
		"?task=web&limit=2":                                           "web 00,web 01",
		"?task=web&limit=2&order=desc":                                "web 49,web 48",
		"?task=web&limit=2&tail=1":                                    "web 48,web 49",
		"?task=web,db&limit=3":                                        "web 00,db 00,web 01",
		"?task=web&task=db&limit=3&skip=1":                            "db 00,web 01,db 01",
		"?task=*b&limit=2&skip=97&order=asc":                          "db 48,web 49",
		"?task=w&limit=1":                                             "web 00",
		"?container=web-on-node-1&limit=1":                            "web 00",
		"?grep=b+4[89]":                                               "web 48,db 48,web 49,db 49",
		"?priority=err&limit=1":                                       "db 00",
		"?priority=6..7&limit=1":                                      "web 00",
		"?match=PRIORITY%3D3&limit=1":                                 "db 00",
		"?match=A%3DB&match=%2B&match=_PID%3D7&limit=1":               "web 00",
		fmt.Sprintf("?since=%d&limit=1", start+10_000_000):            "web 10",
		fmt.Sprintf("?since=%d.5&limit=1", start/1_000_000+10):        "db 10",
		"?since=-60s&limit=1":                                         "web 40",
		"?until=-1min39s&task=db":                                     "db 00",
		"?since=2025-10-09T08:53:20.25Z&limit=1":                      "db 00",
		"?task=web&limit=0":                                           "",
		"?task=web&limit=1&fields=PRIORITY":                           "",
		"?task=web&limit=1&cursor=s%3Dnode-1%3Bi%3D3":                 "web 02",
		"?task=web&limit=1&order=desc&cursor=s%3Dnode-1%3Bi%3D3":      "web 00",
		"?task=web&limit=2&cursor=s%3Dnode-1%3Bi%3D5&skip=-2":         "web 01,web 02",
		"/entries?SYSLOG_IDENTIFIER=nginx&limit=2&format=json":        "web 00,web 01",
		"/entries?limit=1&boot&format=json&cursor=s%3Dnode-1%3Bi%3D2": "web 01",
	} {
		if got := strings.Join(s.messages(path), ","); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	got := s.messages("?task=web", "Last-Event-ID", "s=node-1;i=3d") // web 30
	if len(got) != 19 || got[0] != "web 31" {
		t.Errorf("Last-Event-ID: %v", got)
	}
	for rng, want := range map[string]string{
		"entries=s=node-1;i=3:2":   "web 01,db 01",
		"entries=s=node-1;i=5:1:2": "db 02,web 03",
		"entries=:-1:2":            "web 49,db 49",
		"entries=:-2:1":            "db 48",
		"entries=:-1:5":            "web 49,db 49",
		"entries=::1":              "web 00",
	} {
		if got := strings.Join(s.messages("/entries", "Range", rng), ","); got != want {
			t.Errorf("Range: %s: %s, want %s", rng, got, want)
		}
	}
}

func TestBadRequests(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]int{
		"?limit=-1": 400, "?limit=x": 400, "?limit=1&limit=2": 400, "?order=up": 400, "?follow=maybe": 400,
		"?follow=1&order=desc": 400, "?follow=1&download=1": 400, "?since=soon": 400, "?since=now&until=-1h": 400,
		"?grep=(": 400, "?priority=9": 400, "?match=x": 400, "?match=a%3Db": 400, "?fields=a": 400, "?unknown=1": 400,
		"?task=": 400, "?cursor=x": 400, "?skip=x": 400, "?format=xml": 400, "?container=%zz": 400,
		"?task=" + strings.Repeat("x", 1025): 400, "?task=none": 404, "?unit=none.service": 404,
		"/values": 400, "/values?field=a": 400, "/values?field=A&limit=0": 400, "/histogram?step=0": 400,
		"/histogram?step=1ms": 400, "/histogram?since=now&until=-1h": 400, "/fields?limit=1": 400, "/boots?task=none": 404,
		"/entries?discrete": 400, "?task=" + strings.Repeat("a,", 129): 400,
	} {
		code, h, body := s.get(path)
		if code != want || !strings.Contains(body, `{"error":"`) || h.Get("Content-Type") == "text/plain" {
			t.Errorf("%s: %d %s, want %d", path, code, body, want)
		}
	}
	for _, rng := range []string{"bytes=0-1", "entries=a:b:c:d", "entries=a:b:c", "entries=a:0"} {
		if code, _, _ := s.get("/entries", "Range", rng); code != 400 {
			t.Errorf("Range: %s: %d", rng, code)
		}
	}
	if code, _, _ := s.get("", "Accept", "image/png"); code != http.StatusNotAcceptable {
		t.Errorf("image/png: %d", code)
	}
	s.logs.Say(start, "web-2", "x")
	s.logs.Say(start, "web-3", "x")
	code, _, body := s.get("?task=web-")
	if code != http.StatusConflict || !strings.Contains(body, `"candidates":["web-2","web-3"]`) {
		t.Errorf("ambiguous: %d %s", code, body)
	}
	for path, want := range map[string]string{
		"?task=none": "/api/v1/containers", "?unit=none.service": "/api/v1/logs/values?field=_SYSTEMD_UNIT",
	} {
		if _, _, body := s.get(path); !strings.Contains(body, "GET "+want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if code, _, body := serve(t, func(o *Options) { o.Logs = nil }).get(""); code != http.StatusNotImplemented {
		t.Errorf("without logs: %d %s", code, body)
	}
}

// A limited answer says whether there is more, and its last cursor continues it.
func TestMore(t *testing.T) {
	s := serve(t)
	_, h, _ := s.get("?limit=99")
	if h.Get(headerLimit) != "99" || h.Get(trailerMore) != "true" {
		t.Errorf("99 of 100: %v", h)
	}
	if _, h, _ = s.get("?limit=100"); h.Get(trailerMore) != "false" {
		t.Errorf("100 of 100: %v", h)
	}
	if _, h, _ = s.get("?limit=0"); h.Get(trailerMore) != "true" {
		t.Errorf("0 of 100: %v", h)
	}
	if _, h, _ = s.get(""); h.Get(headerLimit) != "1000" || h.Get(trailerMore) != "false" {
		t.Errorf("by default: %v", h)
	}
	_, h, _ = s.get("?download=1")
	if h.Get(headerLimit) != "" || h.Get("Content-Disposition") != `attachment; filename="logs.log"` {
		t.Errorf("a download: %v", h)
	}
}

// L-A3: with follow the last entries come, then new ones without end.
func TestFollow(t *testing.T) {
	s := serve(t)
	for path, first := range map[string]string{
		"?follow=1&task=web&limit=3":                           "web 47",
		"?follow=1&task=web&tail=1":                            "web 40",
		"?follow&task=web":                                     "web 40",
		"?follow=1&task=web&limit=0":                           "new 1",
		"?follow=1&task=web&since=-60s":                        "web 40",
		"?follow=1&task=web&since=-60s&limit=2":                "web 48",
		"?follow=1&task=web&limit=1&cursor=s%3Dnode-1%3Bi%3D3": "web 02",
	} {
		t.Run(path, func(t *testing.T) {
			s := serve(t)
			next, end := s.follow(path)
			for i, message := range []string{"new 1", "new 2"} {
				s.readers(1)
				s.logs.Say(start+60e6, "web", message)
				got := next()
				if i == 0 && got != first {
					t.Errorf("the first entry is %q, want %q", got, first)
				}
				for ; got != message; got = next() {
				}
			}
			end()
			s.readers(0)
		})
	}
	if code, _, _ := s.get("?follow=1&limit=-1"); code != 400 {
		t.Errorf("a negative limit: %d", code)
	}
	if code, _, _ := s.get("?follow=1&task=none"); code != 404 {
		t.Errorf("a task that does not exist: %d", code)
	}
}

// Events are in the stream in every format.
func TestEvents(t *testing.T) {
	event := entry.Event{
		Kind: entry.Gap, Time: start, Agent: "node-1", Source: "a.journal", Count: 7, Message: "7 entries are missing.",
	}
	for format, want := range map[string]string{
		"text": "-- " + time.UnixMicro(start).Format("Jan 02 15:04:05") + " gap: node-1: 7 entries are missing. --\n",
		"json": `{"agent_id":"node-1","realtime_timestamp":1760000000000000,"event":"gap","source":"a.journal",` +
			`"count":7,"message":"7 entries are missing."}` + "\n",
		"sse": "event: gap\n" + `data: {"agent_id":"node-1","realtime_timestamp":1760000000000000,"event":"gap",` +
			`"source":"a.journal","count":7,"message":"7 entries are missing."}` + "\n\n",
		"export": "__REALTIME_TIMESTAMP=1760000000000000\nPRIORITY=4\nSYSLOG_IDENTIFIER=daytwo\nDAYTWO_EVENT=gap\n" +
			"DAYTWO_AGENT_ID=node-1\nDAYTWO_SOURCE=a.journal\nDAYTWO_MISSING=7\nMESSAGE=7 entries are missing.\n\n",
	} {
		s := serve(t)
		resp := s.open("?follow=1&limit=0&format=" + format)
		s.readers(1)
		s.logs.Event(event)
		got := make([]byte, len(want))
		n := 0
		for n < len(got) {
			m, err := resp.Body.Read(got[n:])
			if n += m; err != nil {
				break
			}
		}
		resp.Body.Close()
		if string(got[:n]) != want {
			t.Errorf("%s:\n%swant\n%s", format, got[:n], want)
		}
	}
}

// What an asker may not see is nowhere: in no line, list or count.
func TestScope(t *testing.T) {
	s := serve(t, func(o *Options) {
		o.Scope = func(r *http.Request) *query.LogScope {
			task := query.LogCondition{Tag: "task_name", Patterns: []string{r.Header.Get("Task")}}
			return &query.LogScope{Selectors: [][]query.LogCondition{{task}}}
		}
	})
	if got := s.messages("", "Task", "w*"); len(got) != 50 || got[0] != "web 00" || got[1] != "web 01" {
		t.Errorf("%d entries: %v", len(got), got[:2])
	}
	if _, _, body := s.get("/values?field=MESSAGE", "Task", "w*"); strings.Contains(body, "db") {
		t.Error(body)
	}
	fields := `{"fields":["MESSAGE","PRIORITY"],"away":[],"unfinished":[]}` + "\n"
	if _, _, body := s.get("/fields", "Task", "db"); body != fields {
		t.Error(body)
	}
	_, _, body := s.get("/histogram?step=1h&until="+fmt.Sprint(start+100_000_000), "Task", "db")
	if !strings.Contains(body, `"by_priority":{"3":`) || strings.Contains(body, `"6"`) {
		t.Error(body)
	}
	if _, _, body := s.get("/boots", "Task", "none"); body != `{"boots":[],"away":[]}`+"\n" {
		t.Error(body)
	}
}

func TestFacets(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{
		"/fields": `{"fields":["MESSAGE","PRIORITY","SYSLOG_IDENTIFIER","_HOSTNAME","_PID"],` +
			`"away":[],"unfinished":[]}`,
		"/values?field=PRIORITY":          `{"field":"PRIORITY","values":["3","6"],"more":false,"away":[],"unfinished":[]}`,
		"/values?field=PRIORITY&limit=1":  `{"field":"PRIORITY","values":["3"],"more":true,"away":[],"unfinished":[]}`,
		"/values?field=PRIORITY&task=web": `{"field":"PRIORITY","values":["6"],"more":false,"away":[],"unfinished":[]}`,
		"/histogram?step=40s&since=-100s": `{"step":40000000,"buckets":[` +
			`{"start":1760000000000000,"count":80,"by_priority":{"3":40,"6":40}},` +
			`{"start":1760000040000000,"count":20,"by_priority":{"3":10,"6":10}}],"away":[],"unfinished":[]}`,
		"/histogram?since=-100s&until=-99s": `{"step":1000000,"buckets":[` +
			`{"start":1760000000000000,"count":2,"by_priority":{"3":1,"6":1}},` +
			`{"start":1760000001000000,"count":1,"by_priority":{"6":1}}],"away":[],"unfinished":[]}`,
		"/boots": `{"boots":[{"agent_id":"node-1","boot_id":"01020300000000000000000000000000",` +
			`"first":1760000000000000,"last":1760000049500000}],"away":[]}`,
	} {
		if code, _, body := s.get(path); code != 200 || body != want+"\n" {
			t.Errorf("%s: %d\n%s want\n%s", path, code, body, want)
		}
	}
}

// An answer in which something is missing says of which agents.
func TestPartialFacets(t *testing.T) {
	s := serve(t)
	s.logs.Fail(&query.PartialError{Away: []string{"b"}, Unfinished: []string{"a"}})
	for path, want := range map[string]string{
		"/fields":                `{"fields":[],"away":["b"],"unfinished":["a"]}`,
		"/values?field=PRIORITY": `{"field":"PRIORITY","values":[],"more":false,"away":["b"],"unfinished":["a"]}`,
		"/histogram?step=1h":     `{"step":3600000000,"buckets":[],"away":["b"],"unfinished":["a"]}`,
	} {
		if code, _, body := s.get(path); code != 200 || body != want+"\n" {
			t.Errorf("%s: %d\n%s want\n%s", path, code, body, want)
		}
	}
}

// A browser asks again with the parameters of the first request, and the last cursor.
func TestLastEventID(t *testing.T) {
	s := serve(t)
	q := url.Values{"follow": {"1"}, "limit": {"1"}, "task": {"web"}}
	next, end := s.follow("?"+q.Encode(), "Last-Event-ID", "s=node-1;i=5d")
	defer end()
	for _, want := range []string{"web 47", "web 48", "web 49"} {
		if got := next(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
