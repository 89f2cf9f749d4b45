package series

import (
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// template is a text in which $1 or ${1} stands for what the first * of a pattern
// matched.
type template struct {
	texts []string // one more than refs
	refs  []int    // counted from 0
}

var references = regexp.MustCompile(`\$(?:\{(\d+)\}|(\d+))`)

func newTemplate(s string, stars int) (t template, err error) {
	if !utf8.ValidString(s) {
		return t, fmt.Errorf("%q is not UTF-8", s)
	}
	at := 0
	for _, m := range references.FindAllStringSubmatchIndex(s, -1) {
		from, to := m[2], m[3]
		if from < 0 {
			from, to = m[4], m[5]
		}
		n, err := strconv.Atoi(s[from:to])
		if err != nil || n < 1 || n > stars {
			return t, fmt.Errorf("%q: the match has no * number %s", s, s[from:to])
		}
		t.texts = append(t.texts, s[at:m[0]])
		t.refs = append(t.refs, n-1)
		at = m[1]
	}
	t.texts = append(t.texts, s[at:])
	return t, nil
}

func (t *template) expand(found [][]byte) []byte {
	var b []byte
	for i, ref := range t.refs {
		b = append(append(b, t.texts[i]...), found[ref]...)
	}
	return append(b, t.texts[len(t.refs)]...)
}
