package health

import (
	"fmt"
	"time"
)

// Group is the checks of one part of the program, which do not depend on those of another.
type Group struct {
	Name   string
	Doctor func() []Check
}

// Gather looks at all groups at once, and returns their checks in the order of the
// groups. A group that has not reported within limit is a failure of its own: a mount
// or a process of the machine may hold its calls for ever.
func Gather(limit time.Duration, groups ...Group) (checks []Check) {
	reports := make([]chan []Check, len(groups))
	for i, r := range groups {
		reports[i] = make(chan []Check, 1)
		go func() { reports[i] <- r.Doctor() }()
	}
	late := time.After(limit)
	for i, r := range groups {
		select {
		case c := <-reports[i]:
			checks = append(checks, c...)
			continue
		case <-late:
			late = closed
		}
		select {
		case c := <-reports[i]:
			checks = append(checks, c...)
		default:
			checks = append(checks, Check{
				Name: r.Name, State: Fail, Detail: fmt.Sprintf("no answer after %v", limit),
				Fix: "look for a mount that does not answer, or a process that hangs (state D in ps)",
			})
		}
	}
	return checks
}

// closed is a time that has come.
var closed = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()
