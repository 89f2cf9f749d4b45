package collector

import (
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/journal"
)

// droppedID is the MESSAGE_ID of the entry by which journald says how many entries of a
// unit its rate limit has suppressed (SD_MESSAGE_JOURNAL_DROPPED in sd-messages.h).
const droppedID = "a596d6fe7bfa4994828e72309e95d61e"

// suppressedSince returns how many entries of this process' unit journald says it has
// suppressed since a time. It opens the journal for each call, which is seldom made. It
// returns an error if this process may read no journal.
func suppressedSince(since time.Time) (n uint64, err error) {
	j := journal.Open(journal.Options{Log: slog.New(slog.DiscardHandler)})
	defer func() { err = errors.Join(err, j.Close()) }()
	own := []journal.Match{journal.Equal("OBJECT_PID", strconv.Itoa(os.Getpid()))}
	for _, path := range ownCgroups() {
		own = append(own, journal.Equal("OBJECT_SYSTEMD_CGROUP", path))
	}
	r := j.Reader(journal.All(journal.Equal("MESSAGE_ID", droppedID), journal.Any(own...)))
	defer func() { err = errors.Join(err, r.Close()) }()
	r.SeekRealtime(uint64(since.UnixMicro()))
	for r.Next() {
		err := r.Fields(func(name, value []byte) error {
			if string(name) == "N_DROPPED" {
				dropped, err := strconv.ParseUint(string(value), 10, 64)
				n += dropped
				return err
			}
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, errors.Join(append(r.Errors(), j.Bad()...)...)
}

// ownCgroups returns the cgroups of this process but for the root, which belongs to no
// unit.
func ownCgroups() (paths []string) {
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(part) == 3 && part[2] != "/" {
			paths = append(paths, part[2])
		}
	}
	return paths
}
