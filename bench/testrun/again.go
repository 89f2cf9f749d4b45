package main

import (
	"regexp"
	"slices"
	"strings"
)

// failure is a test that failed in a pass, or a whole package with Test "".
type failure struct{ Package, Test string }

// again runs the tests that failed once more, each package alone: emulated kernels,
// daemons and clocks share this machine with the other tests. Of a test with subtests only
// the subtests that failed run again. What passes then is flaky, and the report ends with
// its name; what fails again, or does not run, fails the run. A package that failed as a
// whole, without a test to blame, is not tried again.
func again(r *report, race bool, test func(*report, []string) error) {
	failures := r.failures
	r.failures, r.failed = nil, false
	var packages []string
	tests := map[string][]string{}
	for _, f := range failures {
		if !slices.Contains(packages, f.Package) {
			packages = append(packages, f.Package)
		}
		if f.Test != "" && !slices.Contains(tests[f.Package], f.Test) {
			tests[f.Package] = append(tests[f.Package], f.Test)
		}
	}
	for _, p := range packages {
		if len(tests[p]) == 0 {
			r.failed = true
			continue
		}
		r.lines = slices.DeleteFunc(r.lines, func(l string) bool { return strings.HasPrefix(l, "FAIL\t"+p+"\t") })
		failed := leaves(tests[p])
		args := []string{"-count=1", "-timeout=30m", "-run=" + only(failed), p}
		if race {
			args = append([]string{"-race"}, args...)
		}
		r.passes = map[failure]bool{}
		if test(r, args) != nil || slices.ContainsFunc(r.failures, func(f failure) bool { return f.Package == p }) {
			r.failed = true
			continue
		}
		if i := slices.IndexFunc(failed, func(t string) bool { return !r.passes[failure{p, t}] }); i >= 0 {
			r.note(short(p) + " " + failed[i] + " failed, and did not run when it was run again: its name changes")
			r.failed = true
			continue
		}
		r.flaky = append(r.flaky, short(p)+" "+strings.Join(failed, ", "))
	}
}

// leaves returns the tests without those whose subtests are among them: a test fails
// with its subtests.
func leaves(tests []string) []string {
	return slices.DeleteFunc(slices.Clone(tests), func(t string) bool {
		return slices.ContainsFunc(tests, func(sub string) bool { return strings.HasPrefix(sub, t+"/") })
	})
}

// only returns the -run that selects these tests and subtests, and no other.
func only(tests []string) string {
	var all []string
	for _, t := range tests {
		levels := strings.Split(t, "/")
		for i, name := range levels {
			levels[i] = "^" + regexp.QuoteMeta(name) + "$"
		}
		all = append(all, strings.Join(levels, "/"))
	}
	return strings.Join(all, "|")
}
