package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// redaction replaces what a pattern, or known kinds of secrets, match.
type redaction struct {
	Known   known      `yaml:"known"`
	Pattern expression `yaml:"pattern"`
	Fields  globs      `yaml:"fields"`  // default MESSAGE
	Replace string     `yaml:"replace"` // ${1} is what group 1 of the pattern matched

	find finder
}

const defaultReplacement = "[redacted]"

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *redaction) UnmarshalYAML(n *yaml.Node) error {
	r.Replace = defaultReplacement
	if err := decode(n, r); err != nil {
		return err
	}
	switch {
	case (r.Pattern.Regexp == nil) == (r.Known.finder == nil):
		return fmt.Errorf("line %d: write one of pattern and known in each rule of redact", n.Line)
	case r.Pattern.Regexp != nil && r.Pattern.MatchString(""):
		return fmt.Errorf("line %d: pattern %q matches the empty text: it would be replaced everywhere", n.Line, r.Pattern)
	case r.Pattern.Regexp != nil:
		r.find = expressionFinder{re: r.Pattern.Regexp}
	default:
		r.find = r.Known.finder
	}
	return nil
}

// covers reports whether fields of a name are redacted.
func (r *redaction) covers(name string) bool {
	if r.Fields == nil {
		return name == "MESSAGE"
	}
	return r.Fields.matchText(name)
}

// replacement appends what replaces a match.
func (r *redaction) replacement(dst, v []byte, groups []int) []byte {
	if r.Pattern.Regexp == nil {
		return append(dst, r.Replace...)
	}
	return r.Pattern.Expand(dst, []byte(r.Replace), v, groups)
}

// span is a text to be redacted, and what the groups of an expression match.
type span struct {
	start, end int
	groups     []int
}

// finder finds texts to be redacted.
type finder interface {
	// possible reports whether v may contain such a text. It is fast.
	possible(v []byte) bool
	// find appends such texts, from left to right.
	find(v []byte, found []span) []span
}

// expressionFinder finds what an expression matches, or its first group.
type expressionFinder struct {
	re    *regexp.Regexp
	group bool
	any   []string // one of them is in each such text, in upper or lower case
}

func (f expressionFinder) possible(v []byte) bool {
	if f.any == nil {
		return f.re.Match(v)
	}
	for _, text := range f.any {
		if containsFold(v, text) {
			return true
		}
	}
	return false
}

func (f expressionFinder) find(v []byte, found []span) []span {
	for _, g := range f.re.FindAllSubmatchIndex(v, -1) {
		s := span{g[0], g[1], g}
		if f.group {
			s.start, s.end = g[2], g[3]
		}
		found = append(found, s)
	}
	return found
}

// containsFold reports whether v contains a text of lower-case letters and other
// characters, in upper or lower case. It is only as precise as it has to be to rule
// texts out.
func containsFold(v []byte, lower string) bool {
	first := lower[0]
	for at := 0; ; {
		i := bytes.IndexByte(v[at:], first)
		if first >= 'a' && first <= 'z' {
			if j := bytes.IndexByte(v[at:], first-'a'+'A'); j >= 0 && (i < 0 || j < i) {
				i = j
			}
		}
		if i < 0 || len(v)-at-i < len(lower) {
			return false
		}
		if at += i; equalFold(v[at:at+len(lower)], lower) {
			return true
		}
		at++
	}
}

func equalFold(v []byte, lower string) bool {
	for i, c := range v {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// known are kinds of secrets that daytwo knows, all of them found in one rule.
type known struct{ finder finder }

// UnmarshalYAML implements yaml.Unmarshaler.
func (k *known) UnmarshalYAML(n *yaml.Node) error {
	names, err := texts(n)
	if err != nil {
		return err
	}
	var all severalFinder
	for _, name := range names {
		f, ok := knownKinds[name]
		if !ok {
			return fmt.Errorf("line %d: known: there is no %q: use %s", n.Line, name,
				strings.Join(slices.Sorted(maps.Keys(knownKinds)), ", "))
		}
		all = append(all, f)
	}
	k.finder = all
	if len(all) == 1 {
		k.finder = all[0]
	}
	return nil
}

// severalFinder finds what one of several finds. Where two overlap, the first counts, or
// the longer one if they begin at the same place.
type severalFinder []finder

func (s severalFinder) possible(v []byte) bool {
	for _, f := range s {
		if f.possible(v) {
			return true
		}
	}
	return false
}

func (s severalFinder) find(v []byte, found []span) []span {
	for _, f := range s {
		if f.possible(v) {
			found = f.find(v, found)
		}
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	n := 0
	for _, f := range found {
		if n == 0 || f.start >= found[n-1].end {
			found[n] = f
			n++
		}
	}
	return found[:n]
}
