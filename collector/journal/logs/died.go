package logs

import (
	"sync"

	"github.com/daytwo/daytwo/collector/journal"
)

// starts remembers of which starts it was found out whether the journald before died. An
// answer costs a search in all files, and a query may pass the starts of years.
type starts struct {
	mu   sync.Mutex
	died map[start]bool
}

// start is the place of an entry.
type start struct {
	id     journal.ID
	number uint64
}

// maxStarts bounds what starts remembers.
const maxStarts = 8192

func (s *starts) of(c *journal.Cursor, find func() bool) bool {
	key := start{c.SeqnumID, c.Seqnum}
	s.mu.Lock()
	died, ok := s.died[key]
	s.mu.Unlock()
	if ok {
		return died
	}
	died = find()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.died == nil || len(s.died) >= maxStarts {
		s.died = map[start]bool{}
	}
	s.died[key] = died
	return died
}

// maxNamespaces bounds how many starts and stops of journalds of other namespaces are passed.
const maxNamespaces = 100

// died reports whether the journald before the one whose start the entry that it is on is
// about did not stop: it was killed, or crashed. Of a journald of the boot before this is not
// known, since the last entries of a boot may not reach the disk of a machine that is shut
// down well.
func (w *walk) died() bool {
	same := func(name string) (journal.Match, bool) {
		v, ok := value(w.fields, name)
		return journal.Equal(name, string(v)), ok
	}
	driver, _ := same("_TRANSPORT") // which nobody but journald itself can have
	boot, hasBoot := same("_BOOT_ID")
	machine, hasMachine := same("_MACHINE_ID")
	if transport, _ := value(w.fields, "_TRANSPORT"); string(transport) != "driver" || !hasBoot || !hasMachine {
		return false
	}
	r := w.o.j.Reader(journal.All(driver, boot, machine,
		journal.Any(journal.Equal("MESSAGE_ID", messageStarted), journal.Equal("MESSAGE_ID", messageStopped))))
	defer r.Close()
	r.SeekCursor(w.r.Cursor())
	namespace, _ := value(w.fields, "_NAMESPACE")
	for range maxNamespaces {
		if !r.Previous() {
			return false
		}
		var id, of string
		keep := func(to *string) func([]byte) { return func(v []byte) { *to = string(v) } }
		_, err := r.Value("_NAMESPACE", keep(&of))
		if err == nil && of == string(namespace) {
			_, err = r.Value("MESSAGE_ID", keep(&id))
			return err == nil && id == messageStarted
		}
	}
	return false
}
