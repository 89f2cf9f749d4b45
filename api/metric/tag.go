package metric

import "strings"

// Tags of StatsD are compared as text: "env", "env:" and "env:true" are three different
// tags, and a series may have several tags with one name. In rows of kind App and Event, a
// tag that has a name and a value, and whose name no other tag has, is a label: TagLabel
// followed by the name, with the value. All other tags are in the label TagsLabel, as a
// sorted list (AppendTag).
const (
	TagLabel  = "tag."
	TagsLabel = "tags"
)

// IsTagLabel reports whether a row label is a tag, or the list of tags.
func IsTagLabel(name string) bool { return name == TagsLabel || strings.HasPrefix(name, TagLabel) }

// AppendTag appends a tag to a list. Tags are separated by commas; a comma, a backslash and
// NUL in a tag are escaped as \, \\ and \0.
func AppendTag(list []byte, tag string) []byte {
	if len(list) > 0 {
		list = append(list, ',')
	}
	return AppendEscaped(list, tag)
}

// AppendEscaped appends a text with the escapes of AppendTag.
func AppendEscaped(dst []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; c {
		case ',', '\\':
			dst = append(dst, '\\', c)
		case 0:
			dst = append(dst, '\\', '0')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// SplitTags returns the tags of a list.
func SplitTags(list string) (tags []string) {
	var tag []byte
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == ',':
			tags, tag = append(tags, string(tag)), tag[:0]
		case c == '\\' && i+1 < len(list):
			i++
			if c = list[i]; c == '0' {
				c = 0
			}
			tag = append(tag, c)
		default:
			tag = append(tag, c)
		}
	}
	if list != "" {
		tags = append(tags, string(tag))
	}
	return tags
}
