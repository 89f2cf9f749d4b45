package fleet

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// tick is a decoded tick.
type tick struct {
	batch *frame.Batch
	refs  int  // readers of the batch
	isKey bool // the batch is the keyframe, which deltas are decoded against
}

// View calls fn with the newest complete tick of an agent (see query.Fleet). A tick is
// decoded once for all its readers.
func (f *Fleet) View(agent string, fn func(*frame.Batch)) error {
	n, newest, err := f.find(agent)
	if err != nil {
		return err
	}
	t, err := f.acquire(n, newest)
	if err != nil {
		return err
	}
	defer n.release(t)
	fn(t.batch)
	return nil
}

// acquire returns an agent's newest tick, which it decodes if no reader has done so. The
// caller releases it.
func (f *Fleet) acquire(n *node, newest frame.Header) (*tick, error) {
	n.mu.Lock()
	n.used = f.o.Now()
	if n.cur == nil || !n.cur.holds(&newest) {
		begun := time.Now()
		err := f.decode(n, newest)
		f.took(begun, err)
		if err != nil {
			n.mu.Unlock()
			return nil, err
		}
	}
	t := n.cur
	t.refs++
	n.mu.Unlock()
	f.bound(n)
	return t, nil
}

// took counts one decoding.
func (f *Fleet) took(begun time.Time, err error) {
	f.decoded.Add(1)
	f.nanos.Add(uint64(time.Since(begun)))
	if err != nil {
		f.errors.Add(1)
	}
}

// holds reports whether t is tick h, or a newer one of the same run that another reader
// decoded meanwhile.
func (t *tick) holds(h *frame.Header) bool {
	return t.batch.Boot == h.Boot && t.batch.Seq >= h.Seq
}

// release undoes acquire.
func (n *node) release(t *tick) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.refs--; t.refs == 0 && t != n.cur && !t.isKey && n.cur != nil {
		n.spare = t.batch
	}
}
