package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Question is what somebody may do or not: an action with a resource that has some tags.
type Question struct {
	Action   Action
	Resource Resource
	Tags     Tags
}

// ParseQuestion returns the question of an action, the id of a resource, which may name an
// application, and tags KEY=VALUE.
func ParseQuestion(action, id string, tags []string) (*Question, error) {
	var q Question
	var err error
	if q.Action, err = ParseAction(action); err != nil {
		return nil, err
	}
	r, key, value, err := ParseResource(id)
	if err != nil {
		return nil, err
	}
	if q.Resource = r; q.Action != Full && !table[r].has(q.Action) {
		return nil, fmt.Errorf("%s has no action %s: it has %s", table[r].ID, q.Action, table[r].all().words())
	}
	if key != "" {
		tags = append(slices.Clip(tags), key+"="+value)
	}
	set := map[string]bool{}
	for _, t := range tags {
		k, v, ok := strings.Cut(t, "=")
		if !ok || v == "" || set[k] {
			return nil, fmt.Errorf("tag %s: give KEY=VALUE, each key once", t)
		}
		set[k] = true
		if err := q.Tags.SetTag(k, v); err != nil {
			return nil, fmt.Errorf("tag %s: %w", t, err)
		}
	}
	return &q, nil
}
