package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of a build
	Elapsed                       float64
}

// report collects the results of all passes.
type report struct {
	lines    []string            // go test's own lines for packages
	skips    []string            // "package test: reason"
	notes    []string            // for the reader
	flaky    []string            // "package tests" that failed first and passed alone
	output   map[string][]string // of tests that have not ended, and of packages
	failed   bool
	failures []failure
	passes   map[failure]bool // tests that passed; not kept if nil
	passed   int
	skipped  int
}

func (r *report) note(s string) { r.notes = append(r.notes, s) }

func (r *report) add(e *event) {
	if r.output == nil {
		r.output = map[string][]string{}
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		if e.Test == "" && packageLine(e.Output) {
			if !strings.Contains(e.Output, "[no test files]") {
				r.lines = append(r.lines, e.Output)
			}
			return
		}
		r.output[key] = append(r.output[key], e.Output)
	case "pass":
		if e.Test != "" {
			r.passed++
			if r.passes != nil {
				r.passes[failure{e.Package, e.Test}] = true
			}
		} else {
			fmt.Fprintf(os.Stderr, "passed  %6.1fs  %s\n", e.Elapsed, e.Package)
		}
		delete(r.output, key)
	case "skip":
		if e.Test != "" {
			r.skipped++
			r.skips = append(r.skips, short(e.Package)+" "+e.Test+": "+reason(r.output[key]))
		}
		delete(r.output, key)
	case "fail":
		r.failed = true
		r.failures = append(r.failures, failure{e.Package, e.Test})
		for _, line := range r.output[key] {
			fmt.Print(line)
		}
		if e.Test == "" {
			fmt.Fprintf(os.Stderr, "FAILED  %6.1fs  %s\n", e.Elapsed, e.Package)
		}
		delete(r.output, key)
	}
}

// packageLine reports whether s is go test's closing line of a package.
func packageLine(s string) bool {
	return strings.HasPrefix(s, "ok  \t") || strings.HasPrefix(s, "FAIL\t") || strings.HasPrefix(s, "---\t") ||
		strings.HasPrefix(s, "?   \t")
}

// reason returns the reason that a skipped test printed.
func reason(output []string) string {
	var lines []string
	for _, l := range output {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return "no reason given"
	}
	return strings.Join(lines, " ")
}

func short(pkg string) string { return strings.TrimPrefix(pkg, "github.com/daytwo/daytwo/") }

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\n%d tests passed, %d skipped\n", r.passed, r.skipped)
	for _, s := range r.notes {
		fmt.Fprintf(w, "  note: %s\n", s)
	}
	for _, s := range r.skips {
		fmt.Fprintf(w, "  skipped: %s\n", s)
	}
	fmt.Fprintln(w)
	for _, s := range r.lines {
		fmt.Fprint(w, s)
	}
	if len(r.flaky) > 0 {
		fmt.Fprintln(w, "\nFLAKY: these failed among the other tests and passed alone; their first output is above.")
		for _, s := range r.flaky {
			fmt.Fprintf(w, "  %s\n", s)
		}
	}
	if r.failed {
		fmt.Fprintln(w, "FAIL")
	}
}
