package fleet

import (
	"errors"
	"testing"

	"github.com/daytwo/daytwo/bench/load"
)

func TestFind(t *testing.T) {
	w := newWorld(t, Options{})
	for _, name := range []string{"n1", "n2"} {
		w.tick(simulated(name, load.NodeOptions{Containers: 3}))
	}
	for id, want := range map[string]string{
		"n1-c0002":      "n1-c0002", // an id
		"task.n2-c0000": "n2-c0000", // a task
	} {
		c, err := w.fleet.ContainerByID(id)
		if err != nil || c.Row.Label("container_id") != want || c.Agent != want[:2] {
			t.Errorf("%s: %+v %v", id, c, err)
		}
	}
	for id, want := range map[string]error{
		"n1-c":    ErrAmbiguous, // a prefix of several ids
		"app":     ErrAmbiguous, // the application of all
		"n3":      ErrNoContainer,
		"":        ErrNoContainer,
		"1-c0001": ErrNoContainer, // the end of an id
	} {
		if c, err := w.fleet.ContainerByID(id); !errors.Is(err, want) {
			t.Errorf("%q: %+v %v, want %v", id, c, err, want)
		}
	}
	for pattern, want := range map[string]int{
		"": 6, "c0001": 2, "n2-": 3, "task.n1-*": 3, "n?-c000[01]": 4,
		"registry.example": 6, "nothing": 0, "[x": 0, "/docker/n1": 3,
	} {
		if got := w.fleet.Containers(pattern); len(got) != want {
			t.Errorf("%q: %d containers, want %d", pattern, len(got), want)
		}
	}
}
