package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

type openapiDoc struct {
	OpenAPI    string                                `json:"openapi"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func TestOpenAPICoversRoutes(t *testing.T) {
	var doc openapiDoc
	if code := get(t, newTestServer(t, testtick.New(1, false)), "/api/v1/openapi.json", &doc); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") {
		t.Errorf("openapi %q", doc.OpenAPI)
	}
	served := map[string]bool{}
	routes, openPaths := allRoutes()
	for _, rt := range routes {
		path := strings.Replace(rt.Path, "{$}", "", 1)
		served[path] = true
		op, ok := doc.Paths[path][strings.ToLower(rt.Method)]
		if !ok {
			t.Errorf("%s %s is not described", rt.Method, rt.Path)
			continue
		}
		var described struct {
			Security *[]any `json:"security"`
		}
		if err := json.Unmarshal(op, &described); err != nil {
			t.Fatal(err)
		}
		if open := described.Security != nil && len(*described.Security) == 0; open != openPaths[rt.Method+" "+rt.Path] {
			t.Errorf("%s: described as open: %v, is %v", path, open, openPaths[rt.Method+" "+rt.Path])
		}
	}
	for path := range doc.Paths {
		if !served[path] {
			t.Errorf("%s is described and not served", path)
		}
	}
}

func TestOpenAPISchemasAreTheTypes(t *testing.T) {
	var doc openapiDoc
	if err := json.Unmarshal(openapiDocument, &doc); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{v1.Agent{}, v1.Container{}, v1.Series{}, v1.Metrics{}, v1.Datapoint{}, v1.Dimensions{},
		v1.StatsD{}, v1.Ledger{}, v1.SentMetric{}, v1.Event{}, v1.Sinks{}, v1.Sink{}, v1.DeadLetters{}, v1.SinkDone{},
		v1.NotReady{}, v1.PartWaiting{}, v1.SignInMethods{}, v1.OIDC{}, v1.Session{},
		v1.Checkpoints{}, v1.Checkpoint{},
		v1.EnrollRequest{}, v1.Enrolled{}, v1.EnrollCodesRequest{}, v1.EnrollCodes{}, v1.EnrolledNode{},
		v1.EnrolledNodes{}, v1.NodeRevoked{},
		v1.Sessions{}, v1.SessionsMissing{}, v1.SessionInfo{}, v1.SessionRequest{}, v1.SessionAnswer{}, v1.SessionOutput{},
		v1.Recording{}, v1.Recordings{}, v1.RecordingMatch{}, v1.RecordingMatches{}, recording.Span{},
		v1.SessionWaiting{}, v1.SessionPending{}, v1.SessionPendingRequest{}, v1.SessionDenial{},
		session.Command{}, session.Exit{}, session.Limits{},
		v1.LogEntry{}, v1.LogFields{}, v1.LogValues{}, v1.LogHistogram{}, v1.LogBucket{}, v1.LogBoots{}, v1.LogBoot{}} {
		typ := reflect.TypeOf(v)
		var want, got []string
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			want = append(want, name)
		}
		for name := range doc.Components.Schemas[typ.Name()].Properties {
			got = append(got, name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: described %v, is %v", typ.Name(), got, want)
		}
	}
}

// Every part of a path in braces is described.
func TestOpenAPIPathParameters(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []openapiParameter `json:"parameters"`
		} `json:"paths"`
		Components struct {
			Parameters map[string]openapiParameter `json:"parameters"`
		} `json:"components"`
	}
	if err := json.Unmarshal(openapiDocument, &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		var want []string
		for part := range strings.SplitSeq(path, "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok {
				want = append(want, strings.TrimSuffix(name, "}"))
			}
		}
		slices.Sort(want)
		for method, op := range methods {
			var got []string
			for _, p := range op.Parameters {
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					if p, ok = doc.Components.Parameters[name]; !ok {
						t.Errorf("%s %s: no parameter %q", method, path, name)
					}
				}
				if p.In == "path" {
					got = append(got, p.Name)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s %s: the described parts are %v", method, path, got)
			}
		}
	}
}

// openapiParameter describes a parameter, or refers to one.
type openapiParameter struct {
	Ref  string `json:"$ref"`
	Name string `json:"name"`
	In   string `json:"in"`
}

func TestOpenAPIReferencesResolve(t *testing.T) {
	var doc openapiDoc
	if err := json.Unmarshal(openapiDocument, &doc); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(openapiDocument), `"#/components/schemas/`) {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := doc.Components.Schemas[name]; !ok && !strings.HasPrefix(name, "{") {
			t.Errorf("no schema %q", name)
		}
	}
}
