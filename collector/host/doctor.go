package host

import (
	"time"

	"github.com/daytwo/daytwo/api/health"
)

// Doctor reads the machine once, and reports each source that cannot be read. A
// source that this kernel does not have is reported as OK.
func Doctor(o Options) []health.Check {
	r, err := New(o)
	if err != nil {
		return []health.Check{{Name: "host", State: health.Fail, Detail: err.Error()}}
	}
	defer r.Close()
	r.Read(time.Now())
	var checks []health.Check
	for _, st := range r.Status() {
		state := health.Warn
		if st.Missing {
			state = health.OK
		}
		checks = append(checks, health.Check{Name: "host " + st.Source, State: state, Detail: st.Reason})
	}
	if len(checks) == 0 {
		checks = append(checks, health.Check{Name: "host", State: health.OK, Detail: "every source is read"})
	}
	return checks
}
