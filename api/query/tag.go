package query

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Tag is a tag of a series or an event.
type Tag struct {
	Text  string // as a task sent it: NAME, NAME: or NAME:VALUE
	Name  string
	Value string // "true" if the tag has no colon, as it says that something is so
}

// newTag takes a tag apart.
func newTag(text string) Tag {
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		value = "true"
	}
	return Tag{text, name, value}
}

// Tags returns the tags among the labels of a row, sorted by name (metric.TagLabel).
func Tags(labels []frame.Label) []Tag {
	var tags []Tag
	for _, l := range labels {
		if name, ok := strings.CutPrefix(l.Name, metric.TagLabel); ok {
			tags = append(tags, Tag{name + ":" + l.Value, name, l.Value})
		} else if l.Name == metric.TagsLabel {
			for _, text := range metric.SplitTags(l.Value) {
				tags = append(tags, newTag(text))
			}
			slices.SortStableFunc(tags, func(a, b Tag) int { return strings.Compare(a.Name, b.Name) })
		}
	}
	return tags
}

// TagValue returns the value of the tag of a name, "" if there is none. The values
// of several tags are joined with ";", but for empty ones.
func TagValue(labels []frame.Label, name string) string {
	var values []string
	for _, t := range Tags(labels) {
		if t.Name == name && t.Value != "" {
			values = append(values, t.Value)
		}
	}
	return strings.Join(values, ";")
}
