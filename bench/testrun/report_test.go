package main

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	var r report
	r.note("no race detector")
	for _, e := range []event{
		{Action: "output", Package: "p", Test: "TestA", Output: "=== RUN   TestA\n"},
		{Action: "output", Package: "p", Test: "TestA", Output: "    a_test.go:1: missing part qemu\n"},
		{Action: "output", Package: "p", Test: "TestA", Output: "--- SKIP: TestA (0.00s)\n"},
		{Action: "skip", Package: "p", Test: "TestA"},
		{Action: "pass", Package: "p", Test: "TestB"},
		{Action: "output", Package: "p", Output: "PASS\n"},
		{Action: "output", Package: "p", Output: "ok  \tp\t0.1s\n"},
		{Action: "pass", Package: "p"},
	} {
		r.add(&e)
	}
	var b strings.Builder
	r.print(&b)
	want := "\n1 tests passed, 1 skipped\n  note: no race detector\n" +
		"  skipped: p TestA: a_test.go:1: missing part qemu\n\nok  \tp\t0.1s\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	if r.failed {
		t.Error("nothing failed")
	}
	r.add(&event{Action: "fail", Package: "p", Test: "TestC"})
	if !r.failed {
		t.Error("a failed test did not fail the run")
	}
}

func TestPasses(t *testing.T) {
	got := passes([]string{"-race", "./...", "--", "-run", "Alloc", "./x"})
	if len(got) != 2 || strings.Join(got[0], " ") != "-race ./..." || strings.Join(got[1], " ") != "-run Alloc ./x" {
		t.Errorf("got %q", got)
	}
}

func TestAgain(t *testing.T) {
	f := func(name string, fails []failure, second func(*report, []string) error, wantRuns int, wantFailed bool) {
		t.Helper()
		r := report{failures: fails, failed: true, lines: []string{"FAIL\tp\t1s\n"}}
		runs := 0
		again(&r, true, func(r *report, args []string) error { runs++; return second(r, args) })
		if runs != wantRuns || r.failed != wantFailed {
			t.Errorf("%s: %d runs, failed %v; want %d, %v", name, runs, r.failed, wantRuns, wantFailed)
		}
		var b strings.Builder
		r.print(&b)
		if named := strings.HasSuffix(b.String(),
			"passed alone; their first output is above.\n  p TestA/6.1/x, TestB\n"); named == wantFailed || !wantFailed &&
			len(r.lines) != 0 {
			t.Errorf("%s: %s", name, &b)
		}
	}
	pass := func(r *report, args []string) error {
		if want := `-race -count=1 -timeout=30m -run=^TestA$/^6\.1$/^x$|^TestB$ p`; strings.Join(args, " ") != want {
			t.Errorf("args %q, want %q", args, want)
		}
		for _, test := range []string{"TestA/6.1/x", "TestA/6.1", "TestA", "TestB", ""} {
			r.add(&event{Action: "pass", Package: "p", Test: test})
		}
		return nil
	}
	both := []failure{{"p", "TestA/6.1/x"}, {"p", "TestA/6.1"}, {"p", "TestA"}, {"p", "TestB"}, {"p", ""}}
	f("passes alone", both, pass, 1, false)
	f("does not run again", both, func(r *report, _ []string) error {
		r.add(&event{Action: "pass", Package: "p", Test: "TestA"})
		return nil
	}, 1, true)
	f("fails again", both, func(r *report, _ []string) error {
		r.add(&event{Action: "fail", Package: "p", Test: "TestA"})
		return errors.New("exit status 1")
	}, 1, true)
	f("nothing to run again", []failure{{"p", ""}}, pass, 0, true)
}

// A test that fails twice in a pass fails the run, and neither runs again nor is called
// flaky after the next pass.
func TestRunAll(t *testing.T) {
	f := func(name string, results []string, want bool, wantFlaky string) {
		t.Helper()
		var r report
		var runs []string
		got := r.runAll(passes([]string{"first", "--", "second"}), func(r *report, args []string) error {
			runs = append(runs, args[0])
			if len(runs) > len(results) {
				t.Fatalf("%s: a run more: %q", name, args)
			}
			action := results[len(runs)-1]
			if action == "" { // it does not build
				return errors.New("exit status 1")
			}
			r.add(&event{Action: action, Package: "p", Test: "TestA"})
			r.add(&event{Action: action, Package: "p"})
			if action == "fail" {
				return errors.New("exit status 1")
			}
			return nil
		})
		if len(runs) != len(results) || got != want || strings.Join(r.flaky, " ") != wantFlaky || r.failed == want {
			t.Errorf("%s: runs %q, passed %v, flaky %q, failed %v", name, runs, got, r.flaky, r.failed)
		}
	}
	f("all pass", []string{"pass", "pass"}, true, "")
	f("fails twice", []string{"fail", "fail", "pass"}, false, "")
	f("fails twice, later one is flaky", []string{"fail", "fail", "fail", "pass"}, false, "p TestA")
	f("flaky", []string{"fail", "pass", "pass"}, true, "p TestA")
	f("does not build", []string{"", "pass"}, false, "")
	f("fails twice at the end", []string{"pass", "fail", "fail"}, false, "")
}

// Programs sleep only a moment at their end, unless the caller has it otherwise.
func TestEnvironment(t *testing.T) {
	last := func() (value string) {
		for _, v := range environment("CGO_ENABLED=1") {
			if strings.HasPrefix(v, "GORACE=") {
				value = v // of several, the last one counts
			}
		}
		return value
	}
	t.Setenv("GORACE", "halt_on_error=1")
	if got := last(); got != "GORACE=halt_on_error=1" {
		t.Errorf("the caller's own became %s", got)
	}
	os.Unsetenv("GORACE")
	if got := last(); got != exitSleep {
		t.Errorf("%q, want %s", got, exitSleep)
	}
}
