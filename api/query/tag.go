package query

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Tag is a tag of a series or an event.
type Tag struct {
	Text  string // as it was sent: NAME, NAME: or NAME:VALUE
	Name  string
	Value string // "true" if the tag has no colon
}

// newTag parses a tag.
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

// TagValue returns the value of the tag with a name, "" if no tag has it. It joins the
// non-empty values of several tags with ";".
func TagValue(labels []frame.Label, name string) string {
	var values []string
	for _, t := range Tags(labels) {
		if t.Name == name && t.Value != "" {
			values = append(values, t.Value)
		}
	}
	return strings.Join(values, ";")
}

// ExactTags is the key of TagMap for the tags that its other keys do not represent exactly.
const ExactTags = "statsd_tags"

// TagMap returns tags by name, as JSON answers show them. It joins the values of several
// tags with one name with ";", and puts "tag_" before a name that is taken. Such tags,
// and those without a name or a colon, are also listed under ExactTags
// (metric.AppendTag), so that different sets of tags always have different maps. It
// returns nil for no tags.
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
	users := map[string]int{} // how many tags have a key
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
