package server

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/v1"
)

// seriesLabels returns the labels of a series in an answer: those of its row and of
// its container.
func seriesLabels(name string, c column, s *query.Series) map[string]string {
	if c.Metric.Kind == metric.App {
		labels := appLabels(s.Agent, s.Row, s.Parent)
		labels["__name__"] = name
		if c.Rows == nil { // asked for by the column, not by a name that tasks sent
			labels["app_metric"] = s.Row.Key
		}
		return labels
	}
	labels := map[string]string{"__name__": name, "agent_id": s.Agent}
	if c.name != "" {
		labels["__name__"] = c.name
	}
	for _, r := range []*frame.Row{s.Parent, s.Row} {
		if r == nil {
			continue
		}
		for _, l := range r.Labels {
			labels[l.Name] = l.Value
		}
	}
	switch {
	case s.Parent != nil:
		labels["cgroup"] = s.Parent.Key
	case c.Metric.Kind == metric.Container,
		c.Metric.Kind == metric.Statsd && s.Row.Key != "" && labels["container_id"] == "":
		labels["cgroup"] = s.Row.Key
	}
	for fixed := range strings.SplitSeq(c.Labels, ",") {
		if k, v, ok := strings.Cut(fixed, "="); ok {
			labels[k] = strings.Trim(v, `"`)
		}
	}
	return labels
}

// appendMatrix appends the answer of a query as JSON, as Prometheus answers a range
// query. It does not use encoding/json: there may be a million points.
func appendMatrix(dst []byte, m *v1.Matrix) []byte {
	dst = append(dst, `{"status":"success","data":{"resultType":"matrix","metric":`...)
	dst = appendJSONString(dst, m.Metric)
	dst = append(dst, `,"unit":`...)
	dst = appendJSONString(dst, m.Unit)
	dst = append(dst, `,"type":`...)
	dst = appendJSONString(dst, m.Type)
	dst = append(dst, `,"result":[`...)
	for i := range m.Result {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSeries(dst, &m.Result[i])
	}
	return append(dst, "]}}\n"...)
}

func appendSeries(dst []byte, s *v1.Series) []byte {
	names := make([]string, 0, len(s.Labels))
	for name := range s.Labels {
		names = append(names, name)
	}
	sort.Strings(names)
	dst = append(dst, `{"metric":{`...)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONString(dst, name)
		dst = append(dst, ':')
		dst = appendJSONString(dst, s.Labels[name])
	}
	dst = append(dst, `},"values":[`...)
	for i, p := range s.Points {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		dst = strconv.AppendFloat(dst, float64(p.Time.UnixMilli())/1e3, 'f', -1, 64)
		dst = append(dst, `,"`...)
		dst = strconv.AppendFloat(dst, p.Value, 'g', -1, 64)
		dst = append(dst, `"]`...)
	}
	return append(dst, "]}"...)
}

func appendJSONString(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // unreachable: every string has a JSON form
	}
	return append(dst, b...)
}
