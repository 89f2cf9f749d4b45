package cgroups

import (
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/health"
)

// Doctor reports which hierarchies are mounted, and whether each part of the metrics
// is read by BPF or from files. It reads every cgroup once, and leaves nothing behind.
func Doctor(o Options) []health.Check {
	if o.Layout == nil {
		layout, err := Detect()
		if err != nil {
			return []health.Check{{Name: "cgroups", State: health.Fail, Detail: err.Error(),
				Fix: "mount a hierarchy, or run on the host instead of in a container"}}
		}
		o.Layout = layout
	}
	var dirs []string
	for _, m := range o.Layout.Mounts {
		dirs = append(dirs, m.Dir)
	}
	checks := []health.Check{{Name: "cgroups", State: health.OK, Detail: o.Layout.Mode + ": " + strings.Join(dirs, " ")}}
	r, err := New(o)
	if err != nil {
		return append(checks, health.Check{Name: "cgroup reader", State: health.Fail, Detail: err.Error()})
	}
	defer r.Close()
	start := time.Now()
	s, err := r.Read()
	if err != nil {
		return append(checks, health.Check{Name: "cgroup reader", State: health.Fail, Detail: err.Error()})
	}
	checks = append(checks, health.Check{Name: "cgroup reader", State: health.OK,
		Detail: fmt.Sprintf("%d cgroups in %v", len(s.Groups), time.Since(start).Round(time.Microsecond))})
	for _, st := range r.Status() {
		checks = append(checks, st.check(o.NoBPF))
	}
	return checks
}

// check returns the report on one part. It is a warning if BPF does not read the
// part, unless noBPF is set.
func (st *Status) check(noBPF bool) health.Check {
	c := health.Check{Name: "reading " + st.Part.String(), State: health.OK, Detail: "by " + st.Reader}
	if st.Reason != "" {
		c.Detail += ": " + st.Reason
	}
	switch {
	case st.Reader == "none":
		c.State, c.Detail = health.Warn, "not read: "+st.Reason
	case st.Reader != "bpf" && !noBPF:
		c.State = health.Warn
	}
	return c
}
