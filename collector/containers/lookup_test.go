package containers

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A waiting path is due when its pause is over, not before, and once for each pause.
func TestWaiting(t *testing.T) {
	var w waiting
	now := time.Unix(1000, 0)
	if d := w.next(now); d != time.Hour {
		t.Errorf("nobody waits, and is due in %v", d)
	}
	for _, path := range []string{"/a", "/b"} {
		w[0] = append(w[0], waiter{path, now.Add(retries[0])})
	}
	tried := map[string]int{}
	for end := now.Add(2 * time.Minute); now.Before(end); {
		if _, _, ok := w.due(now.Add(w.next(now) - 1)); ok {
			t.Fatal("one came before its time")
		}
		now = now.Add(w.next(now))
		for path, n, ok := w.due(now); ok; path, n, ok = w.due(now) {
			if tried[path]++; tried[path] != n {
				t.Fatalf("%s comes for the %d. time, and is said to for the %d.", path, tried[path], n)
			}
			if n < len(retries) {
				w[n] = append(w[n], waiter{path, now.Add(retries[n])})
			}
		}
	}
	if tried["/a"] != len(retries) || tried["/b"] != len(retries) {
		t.Errorf("looked up %v times, want %d", tried, len(retries))
	}
}

// listed finds the processes in a list as the kernel writes it. It ignores an incomplete
// last line.
func TestOldest(t *testing.T) {
	dir := t.TempDir()
	r := New(none())
	self := os.Getpid()
	for text, want := range map[string]int{
		"":                                      0,
		fmt.Sprintf("%d\n", self):               self,
		fmt.Sprintf("%d\n%d\n", self, 1):        1,
		fmt.Sprintf("4194304\n%d\n", self):      self,
		strings.Repeat("4194303\n", 63) + "1\n": 1,
		strings.Repeat("4194303\n", 64) + "1\n": 0,
		"1":                                     0,
	} {
		if err := os.WriteFile(dir+"/procs", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := r.oldest(dir + "/procs"); got != want {
			t.Errorf("%.40q: %d, want %d", text, got, want)
		}
	}
	if got := r.oldest(dir + "/none"); got != 0 {
		t.Errorf("no list: %d", got)
	}
}

// The process count of a cgroup says whether it is empty. If the count is not 0 or does
// not exist, the lists of processes are read.
func TestFirstProcess(t *testing.T) {
	self := os.Getpid()
	root, pids := t.TempDir(), t.TempDir()
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{root + "/a", pids + "/a"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(root+"/a/cgroup.procs", fmt.Sprintln(self))
	first := func(pids string) int {
		o := none()
		o.Cgroups = []string{root}
		r := New(o)
		r.pids = pids
		return r.firstProcess("/a")
	}
	check := func(pids string, want int) {
		t.Helper()
		if got := first(pids); got != want {
			t.Errorf("first process %d, want %d", got, want)
		}
	}
	check("", self)
	check(pids, self)
	write(pids+"/a/pids.current", "0\n")
	check(pids, 0)
	check("", self)
	write(pids+"/a/pids.current", "10\n")
	check(pids, self)
}
