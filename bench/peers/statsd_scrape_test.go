package main

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/sketch"
)

// node serves a counter and two timers of a task: one of whole weights, one of
// sampled ones with negative values.
func node() http.Handler {
	table := frame.Table{Kind: metric.App, Gen: 1}
	add := func(name, typ string, h *sketch.Histogram, column int, value float64) {
		table.Rows = append(table.Rows, &frame.Row{ID: uint64(len(table.Rows) + 1), Key: name,
			Labels: []frame.Label{{Name: "tag.env", Value: "a\"b"}, {Name: "type", Value: typ}}})
		row := make([]int64, metric.Width(metric.App))
		for i := range row {
			row[i] = metric.Absent
		}
		row[column] = metric.FromFloat(value)
		table.Vals, table.Histograms = append(table.Vals, row...), append(table.Histograms, h)
	}
	whole, sampled := new(sketch.Histogram), new(sketch.Histogram)
	for i := range 1000 {
		whole.Insert(float64(i), 1)
		sampled.Insert(float64(i)-500.5, 1/0.3)
	}
	add("hits", "c", nil, metric.AppValue, 12.5)
	add("took", "ms", whole, metric.AppCount, whole.Count())
	add("off", "h", sampled, metric.AppCount, sampled.Count())
	local := query.NewLocal("a", "h")
	local.Update(func(b *frame.Batch) {
		b.Header = frame.Header{Agent: "a", Boot: 1, Seq: 1, Key: 1, Time: 1e18, Interval: 1e9, Parts: 1}
		b.Tables = []frame.Table{table}
	})
	return server.NewNode(server.NodeOptions{Fleet: local, Agent: "a"})
}

// Prometheus' own parsers take every format, find the series, and have a native
// histogram whose buckets they hold to be valid.
func TestPrometheusScrapes(t *testing.T) {
	srv := httptest.NewServer(node())
	defer srv.Close()
	for _, accept := range []string{
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;q=0.3",
		"application/openmetrics-text;version=1.0.0", "text/plain;version=0.0.4",
	} {
		req, err := http.NewRequest(http.MethodGet, srv.URL+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		contentType := resp.Header.Get("Content-Type")
		p, err := textparse.New(body, contentType, nil,
			textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
		if err != nil {
			t.Fatal(err)
		}
		values, native := map[string]float64{}, map[string]*histogram.FloatHistogram{}
		for {
			e, err := p.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", contentType, err)
			}
			var l labels.Labels
			switch e {
			case textparse.EntrySeries:
				_, _, v := p.Series()
				p.Labels(&l)
				values[l.Get("__name__")+l.Get("le")] = v
			case textparse.EntryHistogram:
				_, _, h, f := p.Histogram()
				p.Labels(&l)
				if h != nil {
					if err := h.Validate(); err != nil {
						t.Errorf("%s: %v", l, err)
					}
					f = h.ToFloat(nil)
				}
				if err := f.Validate(); err != nil {
					t.Errorf("%s: %v", l, err)
				}
				native[l.Get("__name__")] = f
			default:
				continue
			}
			if l.Get("env") != "a\"b" {
				t.Errorf("%s: labels %s", contentType, l)
			}
		}
		if values["hits"] != 12.5 || values["took_count"] != 1000 || values["took_bucket+Inf"] != 1000 ||
			math.Abs(values["off_count"]-1000/0.3) > 1e-6 {
			t.Errorf("%s: %v", contentType, values)
		}
		if accept[:23] != "application/vnd.google." {
			continue
		}
		if f := native["took"]; f == nil || f.Count != 1000 || f.Sum != 499500 || f.ZeroCount != 1 ||
			f.Schema != sketch.Scale {
			t.Errorf("took: %v", f)
		}
		if f := native["off"]; f == nil || math.Abs(f.Count-1000/0.3) > 1e-6 || len(f.NegativeBuckets) == 0 ||
			len(f.PositiveBuckets) == 0 {
			t.Errorf("off: %v", f)
		}
	}
}
