package sinks

import (
	"bytes"
	"sync"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// authorities are those that a sink trusts, of a file that may be replaced while it runs.
type authorities struct {
	tls *sink.TLS // nil for a sink without such settings

	mu      sync.Mutex
	content []byte // that the sink has, or shall have
	changed bool   // the sink does not have it yet
	err     string // why the newest content is not used; "" if it is
}

// newAuthorities returns those of a sink that is about to be started.
func newAuthorities(cfg *Config) *authorities {
	a := new(authorities)
	_, t, _ := cfg.typ()
	if e, ok := t.(Encrypted); ok {
		a.tls = e.Encryption()
	}
	a.content, _ = a.tls.Authorities() // whoever starts the sink says what is wrong
	return a
}

// read reads the file again. It reports whether the content is new and good; an error is
// returned once. After an error, the sink keeps the authorities of before.
func (a *authorities) read() (bool, error) {
	if a.tls == nil {
		return false, nil
	}
	content, err := a.tls.Authorities()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		news := a.err != err.Error()
		if a.err = err.Error(); !news {
			err = nil
		}
		return false, err
	}
	a.err = ""
	if bytes.Equal(content, a.content) {
		return false, nil
	}
	a.content, a.changed = content, true
	return true, nil
}

// take reports whether the content is not the one that the sink was started with.
func (a *authorities) take() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed := a.changed
	a.changed = false
	return changed
}
