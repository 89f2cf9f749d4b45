package series

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// pattern is one part of a glob: what stands between its wildcards.
type pattern [][]byte

// match appends what each wildcard stands for, as little as possible, the last
// one what is left.
func (p pattern) match(part []byte, found [][]byte) ([][]byte, bool) {
	if !bytes.HasPrefix(part, p[0]) {
		return found, false
	}
	if len(p) == 1 {
		return found, len(part) == len(p[0])
	}
	part = part[len(p[0]):]
	for _, literal := range p[1 : len(p)-1] {
		i := bytes.Index(part, literal)
		if i < 0 {
			return found, false
		}
		found = append(found, part[:i])
		part = part[i+len(literal):]
	}
	last := p[len(p)-1]
	if !bytes.HasSuffix(part, last) {
		return found, false
	}
	return append(found, part[:len(part)-len(last)]), true
}

// template is a text with $1 or ${1} for what the first wildcard stands for.
type template struct {
	texts []string // one more than there are places
	refs  []int    // 0-based
}

var references = regexp.MustCompile(`\$(?:\{(\d+)\}|(\d+))`)

func newTemplate(s string, wildcards int) (t template, err error) {
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
		if err != nil || n < 1 || n > wildcards {
			return t, fmt.Errorf("%q: there is no wildcard %s", s, s[from:to])
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
