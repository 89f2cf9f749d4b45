package server

import (
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/v1"
)

// Every origin tag but the agent's, which belongs to the tick, has a place in
// what the API shows of containers and events.
func TestOriginTagsAreShown(t *testing.T) {
	for _, tag := range metric.OriginTags[1:] {
		if labelField(new(v1.Container), tag) == nil {
			t.Errorf("a container does not show %s", tag)
		}
		if eventOrigin(new(v1.Event), tag) == nil {
			t.Errorf("an event does not show %s", tag)
		}
	}
}
