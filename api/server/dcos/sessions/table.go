package sessions

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
)

// Bounds of what a Table has.
const (
	keepEnded = 2 * time.Minute // how long the end of a nested container is known; clients ask within 30 s
	maxOfOne  = 2048            // nested containers of one principal, those that ended lately included
	maxOfAll  = 16384
)

// Table has the nested containers that clients opened through this relay. The zero value is
// ready; it is safe for concurrent use.
type Table struct {
	mu  sync.Mutex
	all map[key]*nested

	now func() time.Time // default time.Now
	one int              // bound for one principal; default maxOfOne
}

// key names a nested container. The principal is a part of it: what somebody else has opened
// under the same id is another one.
type key struct{ principal, agent, parent, id string }

// session returns the id of the session of a nested container. Whoever does not know the id that
// its client chose, or has another name, cannot name it.
func (k key) session() string {
	h := sha256.New()
	for _, part := range []string{"dcos", k.principal, k.agent, k.parent, k.id} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:20]))
}

var (
	errExists = &web.Error{Status: http.StatusConflict, Message: "there is a container of this id already"}
	errFull   = &web.Error{Status: http.StatusTooManyRequests,
		Message: "too many nested containers were opened here within two minutes: try again later"}
)

func (t *Table) time() time.Time {
	if t.now == nil {
		return time.Now()
	}
	return t.now()
}

// add adds a nested container, which may not be there yet.
func (t *Table) add(k key, tty bool) (*nested, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, most := t.time(), cmp.Or(t.one, maxOfOne)
	own := 0
	var oldest *nested // of the principal's that ended
	for other, n := range t.all {
		at, ended := n.endedAt()
		switch {
		case ended && now.Sub(at) > keepEnded:
			delete(t.all, other)
		case other.principal == k.principal:
			own++
			if ended && (oldest == nil || at.Before(oldest.at)) {
				oldest = n
			}
		}
	}
	switch {
	case t.all[k] != nil:
		return nil, errExists
	case own >= most && oldest != nil:
		delete(t.all, oldest.key) // its own quick ones push each other out, and nobody else's
	case own >= most || len(t.all) >= maxOfAll:
		return nil, errFull
	}
	n := &nested{key: k, id: k.session(), tty: tty, ended: make(chan struct{})}
	if t.all == nil {
		t.all = map[key]*nested{}
	}
	t.all[k] = n
	return n, nil
}

// remove forgets a nested container that was not opened.
func (t *Table) remove(n *nested) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, n.key)
}

// find returns a nested container that runs or has ended lately, nil if there is none.
func (t *Table) find(k key) *nested {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.all[k]
	if n == nil || !n.open() {
		return nil
	}
	if at, ended := n.endedAt(); ended && t.time().Sub(at) > keepEnded {
		return nil
	}
	return n
}
