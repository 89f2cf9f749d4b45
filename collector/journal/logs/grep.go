package logs

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
)

// grep is a regular expression that MESSAGE has to match.
type grep struct {
	re *regexp.Regexp
	// literal is a text that whatever matches has in it: to look for it is much faster.
	literal []byte
	rare    int  // index of its rarest byte, as texts go
	whole   bool // literal is all that there is to match
}

func newGrep(pattern string) (*grep, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	g := &grep{re: re}
	if prefix, complete := re.LiteralPrefix(); complete {
		g.literal, g.whole = []byte(prefix), true
	} else if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		g.literal = []byte(required(tree.Simplify()))
	}
	for i, b := range g.literal {
		if strings.IndexByte(common, b) < strings.IndexByte(common, g.literal[g.rare]) {
			g.rare = i
		}
	}
	return g, nil
}

// common are the bytes that are frequent in messages, the most frequent last.
const common = "zqjxkvbywgpfmucdlhrsnioate0123456789 "

// has reports whether a message has the literal. It looks for its rarest byte first.
func (g *grep) has(message []byte) bool {
	for from := g.rare; from < len(message); from++ {
		i := bytes.IndexByte(message[from:], g.literal[g.rare])
		if i < 0 {
			return false
		}
		if from += i; bytes.HasPrefix(message[from-g.rare:], g.literal) {
			return true
		}
	}
	return false
}

// match reports whether a message matches.
func (g *grep) match(message []byte) bool {
	if len(g.literal) > 0 && !g.has(message) {
		return false
	}
	return g.whole || g.re.Match(message)
}

// required returns the longest text that is in everything that an expression matches, ""
// if none is found.
func required(re *syntax.Regexp) (longest string) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if s := required(sub); len(s) > len(longest) {
				longest = s
			}
		}
	}
	return longest
}
