package oidc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// reasons are those of failures, in the order of the metric.
var reasons = []Reason{Denied, Expired, Away, Refused}

// counters count how signing in ended.
type counters struct {
	ok     atomic.Uint64
	failed [4]atomic.Uint64 // by reasons
}

// count counts the end of an attempt, logs why it failed, and returns the error.
func (p *Provider) count(err error) error {
	var f *Failure
	switch {
	case err == nil:
		p.signIn.ok.Add(1)
	case errors.As(err, &f):
		for i, r := range reasons {
			if r == f.Reason {
				p.signIn.failed[i].Add(1)
			}
		}
		if p.say.Allow() { // anybody can fail
			p.o.Log.Warn("somebody could not sign in at the identity provider", "reason", string(f.Reason), "err", f.err)
		}
	}
	return err
}

// WriteMetrics writes the metrics of signing in, in the text format.
func (p *Provider) WriteMetrics(w io.Writer) {
	var b strings.Builder
	up := 0
	if p.Err() == nil {
		up = 1
	}
	fmt.Fprintf(&b, "# HELP daytwo_oidc_up Whether the identity provider's endpoints could be discovered last.\n"+
		"# TYPE daytwo_oidc_up gauge\ndaytwo_oidc_up %d\n", up)
	b.WriteString("# HELP daytwo_oidc_sign_ins_total Attempts to sign in at the identity provider, by how they ended.\n" +
		"# TYPE daytwo_oidc_sign_ins_total counter\n")
	fmt.Fprintf(&b, "daytwo_oidc_sign_ins_total{result=\"ok\"} %d\n", p.signIn.ok.Load())
	for i, r := range reasons {
		fmt.Fprintf(&b, "daytwo_oidc_sign_ins_total{result=%q} %d\n", string(r), p.signIn.failed[i].Load())
	}
	_, _ = io.WriteString(w, b.String()) // the client is gone
}
