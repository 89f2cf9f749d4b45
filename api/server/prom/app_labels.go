package prom

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// reservedLabels are the labels that no tag may have as its name: they are the
// origin of a series, or have a meaning in Prometheus.
var reservedLabels = func() map[string]bool {
	m := map[string]bool{"id": true, "agent_id": true, "le": true, "quantile": true, seriesLabel: true}
	for _, name := range exposedLabels[metric.Container] {
		m[name] = true
	}
	return m
}()

// TagName returns the label name for a tag: like AppName, with ":" replaced too.
// A reserved name is preceded by "tag_", whether its container has such a label or
// not, so that a tag has the same name everywhere.
func TagName(tag string) string {
	name := sanitise(tag)
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	if reservedLabels[name] || strings.HasPrefix(name, "container_label_") || strings.HasPrefix(name, "__") {
		return "tag_" + name
	}
	return name
}

// appendTagLabels appends the tags of a row of kind App. Values of tags that get
// the same name are joined with ";".
func appendTagLabels(dst []byte, r *frame.Row) []byte {
	var tags []frame.Label
	for _, l := range r.Labels {
		tag, ok := strings.CutPrefix(l.Name, metric.TagLabel)
		if !ok || tag == "" || l.Value == "" {
			continue
		}
		name := TagName(tag)
		if i := slices.IndexFunc(tags, func(t frame.Label) bool { return t.Name == name }); i >= 0 {
			tags[i].Value += ";" + l.Value
			continue
		}
		tags = append(tags, frame.Label{Name: name, Value: l.Value})
	}
	for _, t := range tags {
		dst = appendLabel(dst, t.Name, t.Value)
	}
	return dst
}

// seriesLabel holds a series' name and tags as they were sent, if without it two
// series would be one: a.b and a_b have the same name in Prometheus.
const seriesLabel = "statsd_series"

// appendSeriesLabel returns the label text tags plus seriesLabel.
func appendSeriesLabel(tags string, r *frame.Row) string {
	sent, mark := r.Key, "|#"
	for _, l := range r.Labels {
		if tag, ok := strings.CutPrefix(l.Name, metric.TagLabel); ok {
			sent += mark + tag + ":" + l.Value
			mark = ","
		}
	}
	return string(appendLabel([]byte(tags), seriesLabel, sent))
}
