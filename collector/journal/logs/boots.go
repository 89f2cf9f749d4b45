package logs

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
)

// findBoot reads a boot as journalctl -b does: an id, an offset from the boot that runs
// (0, or negative for those before) or from the first one (positive), or an id and an
// offset from it, with a sign.
func (o *opened) findBoot(spec string) (journal.ID, error) {
	bad := fmt.Errorf("%w: boot=%.80q: use an id, 0 for the current boot, -1 for the one before",
		query.ErrBadLogQuery, spec)
	var from journal.ID
	rest := spec
	if len(spec) >= 32 {
		var err error
		if from, err = journal.ParseID(spec[:32]); err != nil {
			if from, err = journal.ParseID(spec); err != nil {
				return from, bad
			}
			return from, nil
		}
		if rest = spec[32:]; rest == "" {
			return from, nil
		}
		if !strings.ContainsAny(rest[:1], "+-") {
			return from, bad
		}
	}
	offset, err := strconv.Atoi(rest)
	if err != nil {
		return from, bad
	}
	all, _ := o.j.Boots() // files that cannot be read are told of by whoever reads entries
	at := len(all) - 1
	if from == (journal.ID{}) && offset > 0 {
		at, offset = 0, offset-1
	} else {
		if from == (journal.ID{}) {
			from = currentBoot()
		}
		if i := slices.IndexFunc(all, func(b journal.Boot) bool { return b.ID == from }); i >= 0 {
			at = i
		}
	}
	if at += offset; at < 0 || at >= len(all) {
		return from, fmt.Errorf("boot %s: %w", spec, query.ErrNoSuchSource)
	}
	return all[at].ID, nil
}

// currentBoot returns the id of the boot that runs, zero if the kernel does not tell.
func currentBoot() (id journal.ID) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err == nil {
		id, _ = journal.ParseID(strings.TrimSpace(string(b)))
	}
	return id
}

var thisBoot = sync.OnceValue(currentBoot)

// Boots implements query.Logs.
func (n *Node) Boots(ctx context.Context, q *query.LogQuery) ([]query.LogBoot, error) {
	o, p, err := n.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	defer n.release()
	var boots []query.LogBoot
	all, _ := o.j.Boots()
	for _, b := range all {
		boot := query.LogBoot{Agent: n.o.Agent, ID: b.ID, First: int64(b.First), Last: int64(b.Last)}
		if !p.plain() {
			var ok bool
			if ok, err = o.boundsOf(ctx, p, &boot); err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		boots = append(boots, boot)
	}
	return boots, nil
}

// boundsOf sets the times of a boot to those of its first and last entry that a plan has,
// and reports whether there is one.
func (o *opened) boundsOf(ctx context.Context, p *plan, b *query.LogBoot) (bool, error) {
	of := *p
	of.match = journal.All(p.match, journal.Equal("_BOOT_ID", journal.ID(b.ID).String()))
	w := o.walk(&of)
	defer w.close()
	for _, d := range []direction{forward, backward} {
		at := &b.First
		if d == forward {
			w.r.SeekHead()
		} else {
			w.at, at = none, &b.Last
			w.seekEnd()
		}
		for {
			ok, err := w.step(ctx, d)
			if !ok || err != nil {
				return false, err
			}
			if w.wanted {
				break
			}
		}
		*at = int64(w.r.Realtime())
	}
	return true, nil
}
