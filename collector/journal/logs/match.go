package logs

import (
	"strings"

	"github.com/daytwo/daytwo/collector/journal"
)

// Ids of messages (systemd's src/systemd/sd-messages.h).
const (
	messageDropped  = "a596d6fe7bfa4994828e72309e95d61e" // entries were suppressed by the rate limit
	messageStarted  = "f77379a8490b408bbe5f6940505a777b" // journald was started
	messageStopped  = "d93fb3c9c24d451a97cea615ce59c00b" // journald was stopped
	messageCoredump = "fc2e22bc6ee647b6b90729ab34a250b1"
)

// nothing selects no entry: there is no such boot.
var nothing = journal.Equal("_BOOT_ID", "none")

// unitMatch selects what journalctl -u and --user-unit do (systemd's
// src/shared/logs-show.c, add_matches_for_unit).
func unitMatch(unit string) journal.Match {
	root, init := journal.Equal("_UID", "0"), journal.Equal("_PID", "1")
	all := []journal.Match{
		journal.Equal("_SYSTEMD_UNIT", unit),
		journal.All(init, journal.Equal("UNIT", unit)),
		journal.All(root, journal.Equal("OBJECT_SYSTEMD_UNIT", unit)),
		journal.All(journal.Equal("MESSAGE_ID", messageCoredump), root, journal.Equal("COREDUMP_UNIT", unit)),
		journal.Equal("_SYSTEMD_USER_UNIT", unit),
		journal.All(journal.Equal("_SYSTEMD_USER_UNIT", "init.scope"), journal.Equal("USER_UNIT", unit)),
		journal.All(root, journal.Equal("OBJECT_SYSTEMD_USER_UNIT", unit)),
		journal.All(journal.Equal("MESSAGE_ID", messageCoredump), root, journal.Equal("COREDUMP_USER_UNIT", unit)),
	}
	if strings.HasSuffix(unit, ".slice") {
		all = append(all, journal.Equal("_SYSTEMD_SLICE", unit))
	}
	return journal.Any(all...)
}

// candidates selects at least the entries of what has a name of a kind other than units:
// origins decides which ones really are.
func (v *view) candidates(k kind, name string) journal.Match {
	var all []journal.Match
	ids := map[string]bool{}
	for _, field := range v.catalog.names[k][name] {
		if field != "" {
			all = append(all, journal.Equal(field, name))
		}
	}
	if k == containers || k == tasks {
		ids[name] = true
	}
	var paths []string
	v.node.o.Identities.named(k, name, func(i *Identity, at []string) {
		ids[i.id()] = true
		paths = append(paths, at...)
	})
	if k == containers || k == tasks {
		for _, id := range v.catalog.idsByName[name] { // the name is in the path of its cgroup
			ids[id] = true
		}
	}
	for id := range ids {
		all = append(all, journal.Equal("CONTAINER_ID_FULL", id), journal.Equal("CONTAINER_ID", id))
		paths = append(paths, v.catalog.cgroups[id]...)
	}
	for _, p := range append(paths, v.catalog.below(paths)...) {
		all = append(all, journal.Equal("_SYSTEMD_CGROUP", p))
	}
	if len(all) == 0 {
		return nothing
	}
	return journal.Any(all...)
}
