package health

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Rooms that hang cost their own answers, and no others, and not one after the other.
func TestGather(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	hangs := func() []Check { <-hang; return nil }
	says := func(name string) func() []Check {
		return func() []Check { return []Check{{Name: name, State: OK}, {Name: name + "2", State: Warn}} }
	}
	begun := time.Now()
	checks := Gather(300*time.Millisecond, Group{"a", says("a")}, Group{"b", hangs}, Group{"c", hangs},
		Group{"d", says("d")})
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	var got []string
	for _, c := range checks {
		got = append(got, fmt.Sprint(c.Name, " ", c.State))
		if c.State == Fail && (c.Fix == "" || !strings.Contains(c.Detail, "no answer")) {
			t.Errorf("%+v", c)
		}
	}
	if text := strings.Join(got, ", "); text != "a ok, a2 warn, b fail, c fail, d ok, d2 warn" {
		t.Error(text)
	}
}
