package statsd

import (
	"bytes"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

const (
	maxRules  = 4 << 20 // bytes of the file of rules
	rulesWait = 5 * time.Second
)

// rules reads the file of rules. It returns nil if none is configured. A file that
// cannot be read within rulesWait, for example because its file server is gone, is an
// error.
func (o *Options) rules() (*series.Rules, error) {
	if o.RulesFile == "" {
		return nil, nil
	}
	calls := o.Calls
	if calls == nil {
		calls = bounded.NewSet(o.Log)
	}
	text, err := bounded.Do(calls.Source("statsd_rules", 1, nil), o.RulesFile, rulesWait, func() ([]byte, error) {
		return regularfile.Read(o.RulesFile, maxRules)
	})
	if err != nil {
		return nil, fmt.Errorf("statsd rules: %w", err)
	}
	r, err := series.ReadRules(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.RulesFile, err)
	}
	return r, nil
}
