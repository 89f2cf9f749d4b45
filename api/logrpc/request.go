package logrpc

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/daytwo/daytwo/api/query"
)

// Verbs of requests.
const (
	verbEntries = "logs"      // a stream of entries
	verbList    = "logs-list" // a list of fields, values, counts, boots or names
)

// Limits of a request.
const (
	maxRequest   = 256 << 10 // bytes
	maxSelectors = 1024      // of a list
)

// requestVersion is the version of the document. A field that a node does not know is an
// error, as it may be a filter that has to hold.
const requestVersion = 1

// request is the document of a request, as JSON.
type request struct {
	Version int      `json:"v"`
	Query   wire     `json:"query"`
	List    listKind `json:"list,omitempty"`  // of verbList
	Field   string   `json:"field,omitempty"` // of listValues
	Limit   int      `json:"limit,omitempty"` // of listValues
	Step    int64    `json:"step,omitempty"`  // of listHistogram, microseconds
}

type listKind string

const (
	listFields    listKind = "fields"
	listValues    listKind = "values"
	listHistogram listKind = "histogram"
	listBoots     listKind = "boots"
	listSources   listKind = "sources"
)

// wire is a query.LogQuery.
type wire struct {
	Agents       []string             `json:"agents,omitempty"`
	Containers   []string             `json:"containers,omitempty"`
	Tasks        []string             `json:"tasks,omitempty"`
	Frameworks   []string             `json:"frameworks,omitempty"`
	Executors    []string             `json:"executors,omitempty"`
	Applications []string             `json:"applications,omitempty"`
	Units        []string             `json:"units,omitempty"`
	Matches      []string             `json:"matches,omitempty"`
	Grep         string               `json:"grep,omitempty"`
	Priority     *query.PriorityRange `json:"priority,omitempty"`
	Since        int64                `json:"since,omitempty"`
	Until        int64                `json:"until,omitempty"`
	Boot         string               `json:"boot,omitempty"`
	Cursor       string               `json:"cursor,omitempty"`
	Skip         int64                `json:"skip,omitempty"`
	Tail         bool                 `json:"tail,omitempty"`
	Limit        int64                `json:"limit,omitempty"`
	Reverse      bool                 `json:"reverse,omitempty"`
	Follow       bool                 `json:"follow,omitempty"`
	Fields       []string             `json:"fields,omitempty"`
	Scope        *query.LogScope      `json:"scope,omitempty"`
}

func encodeRequest(r request, q *query.LogQuery) ([]byte, error) {
	r.Version, r.Query = requestVersion, wire(*q)
	b, err := json.Marshal(r)
	if err == nil && len(b) > maxRequest {
		err = fmt.Errorf("%w: it has %d bytes, and %d are allowed", query.ErrBadLogQuery, len(b), maxRequest)
	}
	return b, err
}

func decodeRequest(b []byte) (*request, *query.LogQuery, error) {
	if len(b) > maxRequest {
		return nil, nil, fmt.Errorf("%w: it has more than %d bytes", query.ErrBadLogQuery, maxRequest)
	}
	var r request
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return nil, nil, fmt.Errorf("%w: this node cannot read it, and may be older than the relay: %w",
			query.ErrBadLogQuery, err)
	}
	if r.Version != requestVersion {
		return nil, nil, fmt.Errorf("%w: this node knows version %d of requests, not %d",
			query.ErrBadLogQuery, requestVersion, r.Version)
	}
	w := &r.Query
	for _, list := range [][]string{
		w.Agents, w.Containers, w.Tasks, w.Frameworks, w.Executors, w.Applications, w.Units, w.Matches, w.Fields,
	} {
		if len(list) > maxSelectors {
			return nil, nil, fmt.Errorf("%w: a list has more than %d values", query.ErrBadLogQuery, maxSelectors)
		}
	}
	q := query.LogQuery(*w)
	return &r, &q, nil
}
