package main

import (
	"slices"
	"strings"
)

// failure is a test that failed in a pass, or a whole package with Test "".
type failure struct{ Package, Test string }

// again runs the tests that failed once more, each package alone: emulated kernels,
// daemons and clocks share this machine with the other tests. What passes then is
// flaky, and the report ends with its name; what fails again fails the run. A
// package that failed as a whole, without a test to blame, is not tried again.
func again(r *report, race bool, test func(*report, []string) error) {
	failures := r.failures
	r.failures, r.failed = nil, false
	var packages []string
	tests := map[string][]string{}
	for _, f := range failures {
		if !slices.Contains(packages, f.Package) {
			packages = append(packages, f.Package)
		}
		if top, _, _ := strings.Cut(f.Test, "/"); top != "" && !slices.Contains(tests[f.Package], top) {
			tests[f.Package] = append(tests[f.Package], top)
		}
	}
	for _, p := range packages {
		if len(tests[p]) == 0 {
			r.failed = true
			continue
		}
		r.lines = slices.DeleteFunc(r.lines, func(l string) bool { return strings.HasPrefix(l, "FAIL\t"+p+"\t") })
		args := []string{"-count=1", "-timeout=30m", "-run=^(" + strings.Join(tests[p], "|") + ")$", p}
		if race {
			args = append([]string{"-race"}, args...)
		}
		if test(r, args) != nil || slices.ContainsFunc(r.failures, func(f failure) bool { return f.Package == p }) {
			r.failed = true
			continue
		}
		r.flaky = append(r.flaky, short(p)+" "+strings.Join(tests[p], ", "))
	}
}
