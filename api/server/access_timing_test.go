package server

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/bench/rig/history"
)

// What a request of somebody who may see a part costs more than one of the admin: the narrowed
// server of its route, without what the handler does.
func BenchmarkNarrowed(b *testing.B) {
	h := history.New(b)
	s := newServer(Options{Fleet: h.Fleet, History: h.Store, Logs: query.NoLogs{}, Log: slog.New(slog.DiscardHandler)},
		shared{streams: logstream.New(logstream.Options{Log: slog.New(slog.DiscardHandler)})}, nil)
	rules, err := policy.Parse([]byte(testRules), "policy.yaml")
	if err != nil {
		b.Fatal(err)
	}
	p, err := auth.NewPrincipal("anna", nil, auth.MethodJWT, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		group int
		route string
	}{"native": {0, "GET /api/v1/agents"}, "logs of DC/OS": {len(groups) - 1, "GET /system/v1/logs/v1/range"}} {
		b.Run(name, func(b *testing.B) {
			n := needs[c.route]
			r := httptest.NewRequest("GET", "/", nil)
			a := &access{policy: func() *policy.Policy { return rules }, log: s.Log}
			b.ReportAllocs()
			for b.Loop() {
				v, err := a.view(r, p, n)
				if err != nil {
					b.Fatal(err)
				}
				if groups[c.group](s.narrowed(v, a.still(r, v, n)))[0].Handle == nil {
					b.Fatal("no route")
				}
			}
		})
	}
}
