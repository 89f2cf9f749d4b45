package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/shipping"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

const (
	rulesWait  = 5 * time.Second // how long the file of rules may take: its file server may be gone
	rulesEvery = time.Second     // how often it is looked at
)

// rulesFile is the file of shipping rules. It is read again when it changes; a content that
// is invalid is refused, and the rules before it stay.
type rulesFile struct {
	path   string
	source *bounded.Source
	log    *slog.Logger

	content []byte // of the rules that apply
	seen    []byte // another content, at the last look: it may still be being written
	why     string // the file is refused; "" if it is not
	refused atomic.Bool
}

// load reads the rules with which the collector starts.
func (f *rulesFile) load() (*rules.Rules, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	f.content = content
	r, err := rules.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return r, nil
}

func (f *rulesFile) read() ([]byte, error) {
	return bounded.Do(f.source, f.path, rulesWait, func() ([]byte,
		error) {
		return regularfile.Read(f.path, rules.MaxBytes)
	})
}

// follow lets a shipper use the rules whenever they change, until ctx ends.
func (f *rulesFile) follow(ctx context.Context, s *shipping.Shipper) {
	tick := time.NewTicker(rulesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.look(s)
		}
	}
}

// look takes a content that has changed, once it is the same at two looks.
func (f *rulesFile) look(s *shipping.Shipper) {
	content, err := f.read()
	switch {
	case err != nil:
		f.refuse(err)
		return
	case bytes.Equal(content, f.content):
		f.accept(nil)
		return
	case f.seen == nil || !bytes.Equal(content, f.seen):
		f.seen = append(make([]byte, 0, len(content)+1), content...) // not nil
		return
	}
	r, err := rules.Parse(content)
	if err == nil && len(bytes.TrimSpace(content)) == 0 {
		err = errors.New("it is empty: to ship everything unchanged, write {}")
	}
	if err != nil {
		f.refuse(fmt.Errorf("%s: %w", f.path, err))
		return
	}
	s.SetRules(r)
	f.accept(content)
	f.log.Info("the rules of log shipping were read again", "path", f.path)
}

func (f *rulesFile) accept(content []byte) {
	if content != nil {
		f.content = content
	}
	f.seen, f.why = nil, ""
	f.refused.Store(false)
}

// refuse keeps the rules that apply, and says so once for each reason.
func (f *rulesFile) refuse(why error) {
	if f.why != why.Error() {
		f.why = why.Error()
		f.log.Error("the file of shipping rules is refused, the rules before it stay", "err", why)
	}
	f.refused.Store(true)
}
