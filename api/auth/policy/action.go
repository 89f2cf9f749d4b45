package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Action is what is done with a resource.
type Action uint8

const (
	Create Action = iota
	Read
	Update
	Delete
	numActions
	Full = numActions // all actions of the resource
)

var actionNames = [...]string{"create", "read", "update", "delete", "full"}

// String returns the word for an action in policy files.
func (a Action) String() string {
	if int(a) >= len(actionNames) {
		return fmt.Sprintf("unknown action %d", uint8(a))
	}
	return actionNames[a]
}

// ParseAction returns the action of a word.
func ParseAction(s string) (Action, error) {
	if i := slices.Index(actionNames[:], s); i >= 0 {
		return Action(i), nil
	}
	return 0, fmt.Errorf("unknown action %q: use %s", s, strings.Join(actionNames[:], ", "))
}

// actions is a set of actions.
type actions uint8

func set(a Action) actions { return 1 << a }

func (s actions) has(a Action) bool { return s&set(a) != 0 }

// words returns the names of a set.
func (s actions) words() string {
	var words []string
	for a := range numActions {
		if s.has(a) {
			words = append(words, a.String())
		}
	}
	return strings.Join(words, ", ")
}
