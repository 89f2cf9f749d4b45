package web

import "sync"

// pumpBytes is how much of a stream waits for a slow client before the source waits too.
const pumpBytes = 64 << 10

// Pump writes a stream until next returns an error, which it returns, or the client goes.
// next appends the next part to a buffer; it may wait for it. Parts that come faster than
// the client accepts them are written together, and each part is sent at once.
func (s *Stream) Pump(next func(dst []byte) ([]byte, error)) error {
	p := pump{s: s}
	p.changed.L = &p.mu
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.write()
	}()
	err := p.fill(next)
	<-done
	return err
}

// pump is a buffer between a source and a client.
type pump struct {
	s       *Stream
	mu      sync.Mutex
	changed sync.Cond
	b       []byte // appended by fill, taken by write
	ended   bool   // fill has ended
	gone    error  // of writing
}

// fill appends parts until there are no more, or writing has failed.
func (p *pump) fill(next func([]byte) ([]byte, error)) error {
	defer func() { // also if next panics
		p.mu.Lock()
		p.ended = true
		p.changed.Broadcast()
		p.mu.Unlock()
	}()
	var part []byte
	for {
		var err error
		part, err = next(part[:0])
		p.mu.Lock()
		for len(p.b) >= pumpBytes && p.gone == nil {
			p.changed.Wait()
		}
		p.b = append(p.b, part...)
		if err == nil {
			err = p.gone
		}
		p.changed.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// write writes what there is, until fill has ended or the client goes.
func (p *pump) write() {
	var b []byte
	for {
		p.mu.Lock()
		for len(p.b) == 0 && !p.ended {
			p.changed.Wait()
		}
		b, p.b = p.b, b[:0]
		ended := p.ended && len(b) == 0
		p.changed.Broadcast()
		p.mu.Unlock()
		if ended {
			return
		}
		_, err := p.s.Write(b)
		if err == nil {
			err = p.s.Flush()
		}
		if err != nil {
			p.mu.Lock()
			p.gone = err
			p.changed.Broadcast()
			p.mu.Unlock()
			return
		}
	}
}
