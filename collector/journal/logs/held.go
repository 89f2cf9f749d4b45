package logs

import (
	"errors"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/bounded"
)

// Calls holds the calls that a mount may hold for ever, by what can hold them.
type Calls struct {
	journal *bounded.Source // directories of the journal
	system  *bounded.Source // log files of the system's runtimes
	user    *bounded.Source // log files of users' runtimes
}

// NewCalls adds the sources of such calls to a set.
func NewCalls(set *bounded.Set) Calls {
	return Calls{
		journal: set.Source("journal", 8, nil),
		system:  set.Source("container_logs", 4, nil),
		user:    set.Source("user_container_logs", 2, nil),
	}
}

// fileWait is how long the directory of a log file may take to respond.
const fileWait = 500 * time.Millisecond

// responding returns the containers whose log file can be looked at, and the paths of
// those whose filesystem does not respond: a query that reads many must not wait for one.
func (o *opened) responding(all []*Identity) (files []*Identity, held []string) {
	for _, i := range all[:min(len(all), maxLogFiles)] {
		calls := o.node.o.Calls.system
		if i.LogUser != 0 {
			calls = o.node.o.Calls.user
		}
		_, err := bounded.Do(calls, i.LogPath, fileWait, func() (struct{}, error) {
			return struct{}{}, o.log(i).Look()
		})
		if errors.Is(err, bounded.ErrHeld) || errors.Is(err, bounded.ErrFull) {
			held = append(held, i.LogPath)
		} else { // whoever reads the file tells of any other error
			files = append(files, i)
		}
	}
	return append(files, all[min(len(all), maxLogFiles):]...), held
}

// heldEvents returns the events for log files that do not respond, but for those that were
// told of before.
func (n *Node) heldEvents(held []string, told map[string]bool) (events []entry.Event) {
	for _, path := range held {
		if !told[path] {
			told[path] = true
			events = append(events, n.event(entry.Unreadable, path, 0,
				fmt.Sprintf("%s: its filesystem does not respond, and the file is left out", path)))
		}
	}
	return events
}
