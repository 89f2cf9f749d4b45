package prom

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// reservedLabels are the labels that a tag must not take: they say whose a
// series is, or have a meaning to Prometheus.
var reservedLabels = func() map[string]bool {
	m := map[string]bool{"id": true, "agent_id": true, "le": true, "quantile": true, seriesLabel: true}
	for _, name := range exposedLabels[metric.Container] {
		m[name] = true
	}
	return m
}()

// TagName makes a label name of a tag's: as a metric name, without ":". One that
// is reserved gets "tag_" before it, whatever labels its container has, so that
// a tag has one name everywhere.
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

// appendTagLabels appends the tags of a row of kind App. Tags whose names
// become the same have their values joined with ";".
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

// seriesLabel holds name and tags as they were sent, where nothing else tells
// two series apart: a.b and a_b have one name in Prometheus.
const seriesLabel = "statsd_series"

// appendSeriesLabel appends to the tags of a row what it was sent as.
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
