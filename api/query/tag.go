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

// ExactTags is the key of TagMap for tags that the map does not hold exactly.
const ExactTags = "statsd_tags"

// TagMap returns tags by name, as JSON shows them. Of a tag without a name or a
// colon, of several of one name, and of one whose name is taken, the values are
// joined with ";" under the name, with "tag_" before it if that is taken; the tags
// themselves are then in the list ExactTags (metric.AppendTag), so that no two sets
// of tags have one map. It returns nil for no tags.
func TagMap(tags []Tag, taken func(name string) bool) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	key := func(t *Tag) string {
		if t.Name == ExactTags || taken(t.Name) {
			return "tag_" + t.Name
		}
		return t.Name
	}
	users := map[string]int{} // tags that have a key
	for i := range tags {
		users[key(&tags[i])]++
	}
	m := make(map[string]string, len(tags))
	var list []byte
	for i := range tags {
		t := &tags[i]
		k := key(t)
		if users[k] > 1 || k != t.Name || k == "" || t.Text != t.Name+":"+t.Value {
			list = metric.AppendTag(list, t.Text)
		}
		if before := m[k]; before != "" && t.Value != "" {
			m[k] = before + ";" + t.Value
		} else if k != "" {
			m[k] = before + t.Value
		}
	}
	if len(list) > 0 {
		m[ExactTags] = string(list)
	}
	return m
}
