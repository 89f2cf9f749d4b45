package prom

import (
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

// Labels of StatsD series, in addition to their tags and their origin. They make every
// series unique. They depend only on the series itself, so that they do not change when
// another series appears.
const (
	typeLabel       = "statsd_type"       // always: counter, gauge and so on, see metric.AppTypeName
	separatorsLabel = "statsd_separators" // of a name that is not exposed as it was sent: see AppName
	tagsLabel       = "statsd_tags"       // tags that other labels do not represent exactly: see AppLabels

	decrementsType = "decrements" // typeLabel of a counter's decrements
)

// reservedLabels are the labels that no tag may use: they are the origin of a series, or
// have a meaning in Prometheus or in the native API.
var reservedLabels = func() map[string]bool {
	m := map[string]bool{"le": true, "quantile": true, typeLabel: true, separatorsLabel: true, tagsLabel: true,
		"id": true, "agent_id": true, "cgroup": true, "image_id": true, "parent_container_id": true, "app_metric": true}
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

// AppLabels returns the labels of a StatsD series, without its origin and its type.
//
// A tag NAME:VALUE is the label NAME if that is a valid label name that no other tag has. The
// values of all other tags are joined with ";" in the label of their name, if they have any
// ("true" for a tag without a colon), and the tags themselves are listed in the label
// statsd_tags (metric.AppendTag).
func AppLabels(r *frame.Row) []frame.Label {
	tags := query.Tags(r.Labels)
	labels := make([]frame.Label, 0, len(tags)+2)
	index := make(map[string]int, len(tags)) // of labels, by name
	users := make(map[string]int, len(tags)) // tags that have a label's name
	for i := range tags {
		users[TagName(tags[i].Name)]++
	}
	var list []byte
	for i := range tags {
		t := &tags[i]
		name := TagName(t.Name)
		if users[name] > 1 || name != t.Name || name == "" || t.Text != t.Name+":"+t.Value || t.Value == "" ||
			strings.Contains(t.Value, "\x00") { // which no label can hold
			list = metric.AppendTag(list, t.Text)
		}
		if name == "" || t.Value == "" {
			continue
		}
		if k, ok := index[name]; ok {
			labels[k].Value += ";" + t.Value
			continue
		}
		index[name] = len(labels)
		labels = append(labels, frame.Label{Name: name, Value: t.Value})
	}
	if len(list) > 0 {
		labels = append(labels, frame.Label{Name: tagsLabel, Value: string(list)})
	}
	if _, separators := AppName(r.Key, r.Label("type")); separators != "" {
		labels = append(labels, frame.Label{Name: separatorsLabel, Value: separators})
	}
	return labels
}

// typeTexts are the texts of typeLabel, by its value.
var typeTexts = func() map[string]string {
	m := map[string]string{decrementsType: string(appendLabel(nil, typeLabel, decrementsType))}
	for _, typ := range metric.AppTypes {
		name := metric.AppTypeName(typ)
		m[name] = string(appendLabel(nil, typeLabel, name))
	}
	return m
}()
