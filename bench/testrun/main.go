package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	var r report
	all := r.runAll(passes(os.Args[1:]), run)
	r.print(os.Stdout)
	if !all {
		os.Exit(1)
	}
}

// runAll runs all passes, and the tests that fail in one again, and reports whether in
// the end all passed.
func (r *report) runAll(passes [][]string, test func(*report, []string) error) bool {
	failed := false
	for _, args := range passes {
		r.failures, r.failed = nil, false
		err := test(r, args)
		if err != nil {
			fmt.Fprintf(os.Stderr, "go test %s: %v\n", strings.Join(args, " "), err)
		}
		if len(r.failures) > 0 {
			again(r, slices.Contains(args, "-race"), test)
			failed = failed || r.failed
		} else if err != nil { // the build failed, or nothing ran
			failed = true
		}
	}
	r.failed = failed
	return !failed
}

// passes splits the command line at "--".
func passes(args []string) (all [][]string) {
	pass := []string{}
	for _, a := range args {
		if a == "--" {
			all, pass = append(all, pass), nil
			continue
		}
		pass = append(pass, a)
	}
	return append(all, pass)
}

// run runs one go test. The race detector needs cgo and a C compiler; without one the
// tests run without it, and the report says so.
func run(r *report, args []string) error {
	cgo := "CGO_ENABLED=0"
	var goArgs []string
	for _, a := range args {
		if a == "-race" {
			if _, err := exec.LookPath("cc"); err != nil {
				r.note("tests ran without the race detector: no C compiler (install: apt-get install gcc libc6-dev)")
				continue
			}
			cgo = "CGO_ENABLED=1"
		}
		goArgs = append(goArgs, a)
	}
	cmd := exec.Command("go", append([]string{"test", "-json"}, goArgs...)...)
	cmd.Env = environment(cgo)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for dec := json.NewDecoder(out); ; {
		var e event
		if err := dec.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			cmd.Process.Kill()
			cmd.Wait()
			return fmt.Errorf("read its events: %w", err)
		}
		r.add(&e)
	}
	return cmd.Wait()
}

// exitSleep shortens what the race detector sleeps at the end of a program, a second
// unless told otherwise, so that other goroutines can still report races. Tests start
// hundreds of programs, and many wait for their end.
const exitSleep = "GORACE=atexit_sleep_ms=50"

// environment returns the environment of go test. A GORACE of the caller's own stays.
func environment(more ...string) []string {
	return slices.Concat([]string{exitSleep}, os.Environ(), more)
}
