package logs

import (
	"fmt"
	"sync"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/journal"
)

// namesWait is how long reading the names in a directory may take before a query goes on
// with those that are known: its filesystem may be a network's, whose server is gone.
const namesWait = 5 * time.Second

// catalogReader reads the names that come to the files of one directory. It runs in a bounded
// call, one at a time, and without the catalog's lock: what it finds waits until somebody
// takes it.
type catalogReader struct {
	key   string // of the call: an answer to another catalog must not stand for this one
	known *journal.Known
	epoch int // of the catalog that known has read for

	mu    sync.Mutex
	found batch
}

func newCatalogReader(j *journal.Journal, dir string) *catalogReader {
	r := &catalogReader{known: j.Known(dir, catalogFields...)}
	r.key = fmt.Sprintf("names in %s %p", dir, r)
	return r
}

// batch is what was found since somebody took it.
type batch struct {
	epoch int
	gone  bool // files went whose names are in the catalog
	names []foundName
}

type foundName struct {
	field int
	value string
}

// read reads what came, or all that there is for another epoch than the one before.
func (r *catalogReader) read(epoch int) {
	found := batch{epoch: epoch}
	if epoch != r.epoch {
		r.epoch = epoch
		r.known.Forget()
	}
	_ = r.known.Update(func() { found.gone = true }, func(field int, value []byte) bool {
		pieces := isPieceField(catalogFields[field])
		if pieces || len(value) > 0 && len(value) <= maxName && len(found.names) < maxCatalog {
			found.names = append(found.names, foundName{field, string(value)})
		}
		return !pieces // one is enough
	}) // errors of files are told by whoever reads the entries
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.found.epoch == epoch {
		found.gone, found.names = found.gone || r.found.gone, append(r.found.names, found.names...)
	}
	r.found = found
}

func (r *catalogReader) take() batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.found
	r.found.gone, r.found.names = false, nil
	return found
}

// closeNames gives back what the readers of names hold, but for one that still reads.
func (o *opened) closeNames() {
	for _, r := range o.names {
		_, _ = bounded.Do(o.node.o.Calls.journal, r.key, endWait, func() (time.Time, error) {
			r.known.Close()
			return time.Now(), nil
		})
	}
}

// maxEpochs bounds how often one query has names read anew, where files do not cease to go.
const maxEpochs = 3

// view brings the catalog up to date and locks it. The caller unlocks it. Names in a
// directory that does not respond are as they were.
func (o *opened) view() *view {
	c := o.catalog
	for n := 1; ; n++ {
		c.mu.Lock()
		epoch := c.epoch
		c.mu.Unlock()
		for _, r := range o.names {
			o.read(r, epoch)
		}
		c.mu.Lock()
		if !o.takeIn(epoch) || n == maxEpochs {
			return &view{node: o.node, catalog: c}
		}
		if c.gone {
			c.forget()
		}
		c.mu.Unlock()
	}
}

// read has the names in a directory read, and does not wait for long. A call whose answer is
// that to an earlier one counts as none.
func (o *opened) read(r *catalogReader, epoch int) {
	for range 2 {
		began := time.Now()
		at, err := bounded.Do(o.node.o.Calls.journal, r.key, namesWait, func() (time.Time, error) {
			at := time.Now()
			r.read(epoch)
			return at, nil
		})
		if err != nil || !at.Before(began) {
			return
		}
	}
}

// takeIn takes in what was read for an epoch, and reports whether more has to be read: files
// went, or somebody else has begun another epoch. The caller holds the catalog's lock.
func (o *opened) takeIn(epoch int) (more bool) {
	c := o.catalog
	for _, r := range o.names {
		if found := r.take(); found.epoch == c.epoch {
			c.gone = c.gone || found.gone
			for _, n := range found.names {
				c.add(n.field, n.value)
			}
		}
	}
	return c.gone || c.epoch != epoch
}
