package logs

import (
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// Limits of lists and counts.
const (
	defaultValues = 1000
	maxFound      = 100_000 // values of a field
	defaultSpan   = 3600e6  // of a histogram, microseconds
	defaultSteps  = 60
	maxBuckets    = 10_000
)

// fields answers GET /api/v1/logs/fields.
func (a *API) fields(w http.ResponseWriter, r *http.Request) error {
	q, err := parseParams(r)
	if err != nil {
		return err
	}
	ask, err := a.selected(r, q)
	if err != nil {
		return err
	}
	var answer v1.LogFields
	answer.Fields, err = a.o.Logs.Fields(r.Context(), ask)
	if answer.Away, answer.Unfinished, err = missing(err); err != nil {
		return err
	}
	if answer.Fields == nil {
		answer.Fields = []string{}
	}
	return web.WriteJSON(w, r, answer)
}

// values answers GET /api/v1/logs/values.
func (a *API) values(w http.ResponseWriter, r *http.Request) error {
	q, err := parseParams(r, "field", "limit")
	if err != nil {
		return err
	}
	ask, err := a.selected(r, q)
	if err != nil {
		return err
	}
	answer := v1.LogValues{Field: q.Get("field")}
	if !fieldName(answer.Field) {
		return web.BadRequest("field=%q: give the name of a field, such as _SYSTEMD_UNIT", answer.Field)
	}
	limit, given, err := intParam(q, "limit")
	if err != nil {
		return err
	}
	if !given {
		limit = defaultValues
	}
	if limit < 1 || limit > maxFound {
		return web.BadRequest("limit=%d: use a number from 1 to %d", limit, maxFound)
	}
	answer.Values, err = a.o.Logs.Values(r.Context(), ask, answer.Field, int(limit)+1)
	if answer.Away, answer.Unfinished, err = missing(err); err != nil {
		return err
	}
	if len(answer.Values) > int(limit) {
		answer.Values, answer.More = answer.Values[:limit], true
	}
	if answer.Values == nil {
		answer.Values = []string{}
	}
	return web.WriteJSON(w, r, answer)
}

// histogram answers GET /api/v1/logs/histogram.
func (a *API) histogram(w http.ResponseWriter, r *http.Request) error {
	q, err := parseParams(r, "step")
	if err != nil {
		return err
	}
	ask, err := a.selected(r, q)
	if err != nil {
		return err
	}
	var answer v1.LogHistogram
	if answer.Step, err = spanParam(q, "step"); err != nil {
		return err
	}
	if ask.Until == 0 {
		ask.Until = a.o.Now().UnixMicro()
	}
	if ask.Since == 0 {
		ask.Since = ask.Until - defaultSpan
	}
	if ask.Since > ask.Until {
		return web.BadRequest("since is after until")
	}
	if answer.Step == 0 {
		answer.Step = max((ask.Until-ask.Since)/defaultSteps/1e6, 1) * 1e6
	}
	if (ask.Until-ask.Since)/answer.Step >= maxBuckets {
		return web.BadRequest("more than %d intervals: use a longer step", maxBuckets)
	}
	buckets, err := a.o.Logs.Histogram(r.Context(), ask, answer.Step)
	if answer.Away, answer.Unfinished, err = missing(err); err != nil {
		return err
	}
	answer.Buckets = make([]v1.LogBucket, 0, len(buckets))
	for i := range buckets {
		if b := newBucket(&buckets[i]); b.Count > 0 {
			answer.Buckets = append(answer.Buckets, b)
		}
	}
	return web.WriteJSON(w, r, answer)
}

func newBucket(b *query.LogBucket) v1.LogBucket {
	out := v1.LogBucket{Start: b.Start, ByPriority: map[string]uint64{}}
	for p, n := range b.Counts {
		if n > 0 {
			out.ByPriority[strconv.Itoa(p)] = n
			out.Count += n
		}
	}
	return out
}

// boots answers GET /api/v1/logs/boots.
func (a *API) boots(w http.ResponseWriter, r *http.Request) error {
	q, err := parseParams(r)
	if err != nil {
		return err
	}
	ask, err := a.selected(r, q)
	if err != nil {
		return err
	}
	boots, err := a.o.Logs.Boots(r.Context(), ask)
	var answer v1.LogBoots
	if answer.Away, _, err = missing(err); err != nil {
		return err
	}
	answer.Boots = make([]v1.LogBoot, len(boots))
	for i := range boots {
		b := &boots[i]
		answer.Boots[i] = v1.LogBoot{AgentID: b.Agent, BootID: hex.EncodeToString(b.ID[:]), First: b.First, Last: b.Last}
	}
	return web.WriteJSON(w, r, answer)
}
