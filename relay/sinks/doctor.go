package sinks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// probeWithin is how long Doctor waits for a receiver.
const probeWithin = 8 * time.Second

// Doctor reports whether a configuration file is valid, and whether each of its receivers
// can be reached from this machine and accepts the credentials. It delivers no record.
func Doctor(path string) []health.Check {
	f, err := Load(path)
	if err != nil {
		return []health.Check{{Name: "sinks", State: health.Fail, Detail: err.Error(),
			Fix: "correct the file: a relay that runs keeps the sinks that it has, and none starts with this file"}}
	}
	checks := make([]health.Check, 1+len(f.Sinks))
	checks[0] = health.Check{Name: "sinks", State: health.OK, Detail: fmt.Sprintf("%s: %d sinks", path, len(f.Sinks))}
	var probes sync.WaitGroup
	for i := range f.Sinks {
		probes.Go(func() { checks[1+i] = f.Sinks[i].probe() })
	}
	probes.Wait()
	return checks
}

func (c *Config) probe() health.Check {
	_, t, _ := c.typ() // was checked
	check := health.Check{Name: "sink " + c.Name, State: health.OK, Detail: c.target()}
	s, err := t.Open()
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
		defer cancel()
		defer s.Close()
		err = sink.Explain(s.Test(ctx))
	}
	switch {
	case err != nil:
		check.State, check.Detail = health.Fail, c.target()+": "+err.Error()
		check.Fix = "log entries wait in the stream of logs until the receiver takes them: see 'daytwo sink list'"
	case c.insecure():
		check.State = health.Warn
		check.Fix = "whoever is on the way can read and change logs and credentials: give ca_file of tls instead of insecure"
	}
	return check
}
