package kernels

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// result is the result of one test in the VM.
type result struct {
	test, action string
	output       strings.Builder
}

func (r *result) repeat(t *testing.T) {
	switch r.action {
	case "pass":
		t.Log(r.output.String())
	case "skip":
		rig.SkippedElsewhere(t, r.output.String())
	default: // "fail", or "" for a test that did not end
		t.Fatal(r.output.String())
	}
}

// parse turns the output of a test binary into results, in the order in which the
// tests began. A test with subtests is left out, unless it failed.
func parse(out string) ([]*result, error) {
	cmd := exec.Command("go", "tool", "test2json")
	cmd.Stdin = strings.NewReader(out)
	events, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []*result
	by := map[string]*result{}
	for dec := json.NewDecoder(bytes.NewReader(events)); dec.More(); {
		var e struct{ Action, Test, Output string }
		if err := dec.Decode(&e); err != nil {
			return nil, err
		}
		if e.Test == "" {
			continue
		}
		r := by[e.Test]
		if r == nil {
			r = &result{test: e.Test}
			by[e.Test] = r
			all = append(all, r)
		}
		switch e.Action {
		case "output":
			r.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			r.action = e.Action
		}
	}
	return leaves(all), nil
}

// leaves drops tests that passed or were skipped and have subtests.
func leaves(all []*result) []*result {
	var kept []*result
	for i, r := range all {
		parent := i+1 < len(all) && strings.HasPrefix(all[i+1].test, r.test+"/")
		if !parent || r.action == "fail" || r.action == "" {
			kept = append(kept, r)
		}
	}
	return kept
}

// Failures, skips and a test that does not end are reported as they were in the VM.
func TestParse(t *testing.T) {
	check := func(out string, want ...string) {
		t.Helper()
		results, err := parse(out)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range results {
			got = append(got, r.test+" "+r.action)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check("=== RUN   TestKernelA\n    a_test.go:1: hello\n--- PASS: TestKernelA (0.00s)\nPASS\n", "TestKernelA pass")
	check("=== RUN   TestKernelA\n=== RUN   TestKernelA/x\n=== RUN   TestKernelA/y\n"+
		"--- PASS: TestKernelA (0.00s)\n    --- PASS: TestKernelA/x (0.00s)\n    --- SKIP: TestKernelA/y (0.00s)\nPASS\n",
		"TestKernelA/x pass", "TestKernelA/y skip")
	check("=== RUN   TestKernelA\n=== RUN   TestKernelA/x\n"+
		"--- FAIL: TestKernelA (0.00s)\n    --- FAIL: TestKernelA/x (0.00s)\nFAIL\n",
		"TestKernelA fail", "TestKernelA/x fail")
	check("=== RUN   TestKernelA\nfatal error: boom\n", "TestKernelA ")
	check("testing: warning: no tests to run\nPASS\n")
}
