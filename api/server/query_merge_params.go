package server

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/server/web"
)

const (
	maxQuantiles = 32
	maxBy        = 16
)

// parseQuantiles reads ?q=0.5,0.99 or ?percentile=50,99. It returns quantiles from
// 0 to 1 and their texts, nil if neither is given.
func parseQuantiles(q, percentile string) (quantiles []float64, texts []string, err error) {
	list, scale, name := q, 1.0, "q"
	if percentile != "" {
		if q != "" {
			return nil, nil, web.BadRequest("give q or percentile, not both")
		}
		list, scale, name = percentile, 100, "percentile"
	}
	if list == "" {
		return nil, nil, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0 && v <= scale) {
			return nil, nil, web.BadRequest("%s=%q: use numbers from 0 to %g, as %s=%g,%g", name, text, scale, name,
				scale*0.5, scale*0.99)
		}
		v = math.Round(v/scale*1e12) / 1e12 // 99.9 is 0.999, not 0.9990000000000001
		if !slices.Contains(quantiles, v) {
			quantiles, texts = append(quantiles, v), append(texts, strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	if len(quantiles) > maxQuantiles {
		return nil, nil, web.BadRequest("%s: at most %d numbers", name, maxQuantiles)
	}
	return quantiles, texts, nil
}

// parseBy reads ?by=: label names, or * to merge no series.
func parseBy(by string) ([]string, error) {
	if by == "" || by == "*" {
		return nil, nil
	}
	names := strings.Split(by, ",")
	if len(names) > maxBy {
		return nil, web.BadRequest("by: at most %d labels", maxBy)
	}
	for _, name := range names {
		if !matchKey.MatchString(name) {
			return nil, web.BadRequest("by: %q is not a label name: use by=label,label or by=*", name)
		}
	}
	return names, nil
}

// parseMergeParams reads the parameters of a query for percentiles or distinct
// members.
func (q *querySpec) parseMergeParams(v url.Values) (err error) {
	if q.quantiles, q.quantileTexts, err = parseQuantiles(v.Get("q"), v.Get("percentile")); err != nil {
		return err
	}
	if q.by, err = parseBy(v.Get("by")); err != nil {
		return err
	}
	if q.distinct, err = boolParam(v, "distinct"); err != nil {
		return err
	}
	q.alone = v.Get("by") == "*"
	switch {
	case q.quantiles == nil && !q.distinct && v.Has("by"):
		return web.BadRequest("by: only percentiles and distinct members are merged: " +
			"give q, percentile or distinct=1 too")
	case q.quantiles != nil && q.distinct:
		return web.BadRequest("distinct=1: a set has no percentiles: give q, percentile or distinct, one of them")
	case q.distinct && q.app == nil:
		return web.BadRequest("%s has no distinct members: only what tasks send as sets has", q.name)
	case q.distinct && q.rate:
		return web.BadRequest("rate=1: distinct members have no rate")
	case q.quantiles != nil && q.app == nil:
		return web.BadRequest("%s has no percentiles: only what tasks send as timers, histograms or distributions has",
			q.name)
	case q.quantiles != nil && q.rate:
		return web.BadRequest("rate=1: percentiles have no rate")
	}
	return nil
}
