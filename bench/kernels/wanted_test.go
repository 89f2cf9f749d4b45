package kernels

import (
	"regexp"
	"strings"
	"testing"
)

const allTests = "^TestKernel"

// wanted returns the -run of a package's test binary in a VM, for the -run that go test
// was given here and the name of the subtest that reports the package's results. Both
// have a regular expression for each level, between slashes, and alternatives between
// bars (go help testflag). It returns "" if no test of the package is asked for.
func wanted(run, name string) string {
	if run == "" {
		return allTests
	}
	var tests []string
	for _, pattern := range split(run, '|') {
		levels, names := split(pattern, '/'), strings.Split(name, "/")
		for i := 0; i < min(len(levels), len(names)) && names != nil; i++ {
			if re, err := regexp.Compile(levels[i]); err != nil || !re.MatchString(names[i]) {
				names = nil
			}
		}
		switch {
		case names == nil:
		case len(levels) <= len(names):
			return allTests
		default:
			tests = append(tests, strings.Join(levels[len(names):], "/"))
		}
	}
	return strings.Join(tests, "|")
}

// split splits a pattern at a byte that is not escaped or within brackets.
func split(pattern string, at byte) (parts []string) {
	depth, begin := 0, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == at && depth == 0:
			parts, begin = append(parts, pattern[begin:i]), i+1
		}
	}
	return append(parts, pattern[begin:])
}

func TestWanted(t *testing.T) {
	const name = "TestMatrix/6.1/v2/intake"
	for run, want := range map[string]string{
		"":                                   allTests,
		"TestMatrix":                         allTests,
		"TestMatrix/6.1":                     allTests,
		"(Matrix|Wanted)//v2":                allTests,
		"^TestMatrix$/^6\\.1$/v2/intake":     allTests,
		"TestMatrix/6.12":                    "",
		"TestMatrix/6.1/v2/intake/TestA$/^0": "TestA$/^0",
		"TestMatrix/6.1/v2/host/TestA":       "",
		"^TestMatrix$/^6\\.1$/^v2$/^intake$/^TestA$|^TestMatrix$/^6\\.1$/^v2$/^host$/^TestB$|M///[^/|]/C": "^TestA$|C",
	} {
		if got := wanted(run, name); got != want {
			t.Errorf("-run %s: %q, want %q", run, got, want)
		}
	}
}
