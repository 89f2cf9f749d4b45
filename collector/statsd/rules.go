package statsd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

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
		return readRegular(o.RulesFile, maxRules)
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

// readRegular reads a regular file of at most the given number of bytes. Other files
// might have no end, or wait for a writer, as a FIFO does.
func readRegular(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return b, err
}
