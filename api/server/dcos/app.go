package dcos

import (
	"maps"
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/api/v1"
)

// appQuantiles are the percentiles that a histogram is shown as.
var appQuantiles = []struct {
	suffix string
	q      float64
}{{".p50", 0.5}, {".p75", 0.75}, {".p90", 0.9}, {".p95", 0.95}, {".p99", 0.99}}

// app answers with the metrics that a container's tasks send: all, or those of one
// name.
func (s *API) app(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("metric")
	m, err := s.containerMetrics(r, func(b *frame.Batch, r *frame.Row, _ []int64) []v1.Datapoint {
		return appDatapoints(b, r, name)
	})
	if err != nil {
		return err
	}
	return writeDatapoints(w, r, m)
}

// appDatapoints returns the metrics that a container's tasks send. With a name it
// returns the datapoints that have it, or whose metric has it. On cgroup v1 a
// container may have several rows: all of them count.
func appDatapoints(b *frame.Batch, container *frame.Row, name string) []v1.Datapoint {
	t := b.Table(metric.App)
	if t == nil {
		return nil
	}
	rows := rowsOfContainer(b, container)
	origin := containerTags(container)
	for _, tag := range metric.OriginTags {
		if v := container.Label(tag); v != "" {
			origin[tag] = v
		}
	}
	origin["agent_id"] = b.Agent
	d := newDatapoints(b)
	for i, r := range t.Rows {
		if !rows[r.Parent] || name != "" && name != r.Key && !strings.HasPrefix(name, r.Key+".") {
			continue
		}
		from := len(d.list)
		d.app(t, i, appTags(r, origin))
		if name == "" || name == r.Key {
			continue
		}
		kept := d.list[:from]
		for _, p := range d.list[from:] {
			if p.Name == name {
				kept = append(kept, p)
			}
		}
		d.list = kept
	}
	return d.list
}

// rowsOfContainer returns the IDs of all rows of the container of a row.
func rowsOfContainer(b *frame.Batch, container *frame.Row) map[uint64]bool {
	rows := map[uint64]bool{container.ID: true}
	id := container.Label("container_id")
	if t := b.Table(metric.Container); t != nil && id != "" {
		for _, r := range t.Rows {
			if r.Label("container_id") == id {
				rows[r.ID] = true
			}
		}
	}
	return rows
}

// typeTag is the tag that tells the type of a series: tasks may send one name as
// several.
const typeTag = "statsd_type"

// appTags returns the tags of a series (query.TagMap), those of its sender, and its
// type. No tag of the series has the name of one of the others.
func appTags(r *frame.Row, origin map[string]string) map[string]string {
	tags := query.TagMap(query.Tags(r.Labels), func(name string) bool {
		_, taken := origin[name]
		return taken || metric.IsOriginTag(name) || name == typeTag
	})
	if tags == nil {
		tags = make(map[string]string, len(origin)+1)
	}
	maps.Copy(tags, origin)
	tags[typeTag] = metric.AppTypeName(r.Label("type"))
	return tags
}

// app appends one series: one number, or several for a histogram, since clients of
// DC/OS read plain numbers only.
func (d *datapoints) app(t *frame.Table, i int, tags map[string]string) {
	r, row := t.Rows[i], t.Row(i)
	typ := r.Label("type")
	value := func(column int, name, unit string) {
		if row[column] != metric.Absent {
			d.add([]string{name}, metric.ToFloat(row[column]), unit, tags)
		}
	}
	switch {
	case typ == metric.AppTypeCounter && row[metric.AppDecrements] != metric.Absent &&
		row[metric.AppValue] != metric.Absent:
		net := metric.ToFloat(row[metric.AppValue]) - metric.ToFloat(row[metric.AppDecrements])
		d.add([]string{r.Key}, net, "count", tags)
	case typ == metric.AppTypeCounter, typ == metric.AppTypeSet:
		value(metric.AppValue, r.Key, "count")
	case typ == metric.AppTypeGauge, typ == metric.AppTypeCheck:
		value(metric.AppValue, r.Key, "") // its unit is unknown
	case metric.IsAppHistogram(typ):
		unit := ""
		if typ == metric.AppTypeTimer {
			unit = "milliseconds"
		}
		value(metric.AppCount, r.Key+".count", "count")
		value(metric.AppSum, r.Key+".sum", unit)
		value(metric.AppMin, r.Key+".min", unit)
		value(metric.AppMax, r.Key+".max", unit)
		var h *sketch.Histogram
		if i < len(t.Histograms) {
			h = t.Histograms[i]
		}
		if h == nil || h.Count() == 0 {
			return
		}
		d.add([]string{r.Key + ".mean"}, h.Sum()/h.Count(), unit, tags)
		for _, q := range appQuantiles {
			d.add([]string{r.Key + q.suffix}, h.Quantile(q.q), unit, tags)
		}
	}
}
