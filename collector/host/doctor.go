package host

import (
	"time"

	"github.com/daytwo/daytwo/api/rpc"
)

// Doctor reads the machine once and reports each source that cannot be read. One
// that this kernel does not have is no fault.
func Doctor(o Options) []rpc.Check {
	r, err := New(o)
	if err != nil {
		return []rpc.Check{{Name: "host", State: rpc.Fail, Detail: err.Error()}}
	}
	defer r.Close()
	r.Read(time.Now())
	var checks []rpc.Check
	for _, st := range r.Status() {
		state := rpc.Warn
		if st.Missing {
			state = rpc.OK
		}
		checks = append(checks, rpc.Check{Name: "host " + st.Source, State: state, Detail: st.Reason})
	}
	if len(checks) == 0 {
		checks = append(checks, rpc.Check{Name: "host", State: rpc.OK, Detail: "every source is read"})
	}
	return checks
}
