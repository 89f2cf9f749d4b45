package collector

import (
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/join"
)

// checkCredential says until when the NATS credential in a file is valid; false without one.
func checkCredential(path string) (health.Check, bool) {
	c := health.Check{Name: "nats credential", State: health.OK}
	if path == "" {
		return c, false
	}
	from, end, err := join.Validity(path)
	left := time.Until(end).Round(time.Minute)
	switch {
	case err != nil:
		c.State, c.Detail, c.Fix = health.Fail, err.Error(), "put the credential file of this node there"
	case end.IsZero():
		c.Detail = path + " does not expire"
	case left <= 0:
		c.State, c.Detail = health.Fail, fmt.Sprintf("%s has expired at %s: NATS refuses it", path, end.Format(time.DateTime))
		c.Fix = "enrol this node again: daytwo node enroll --code CODE; a running collector takes the new file by itself"
	case left < end.Sub(from)/6: // nodes renew theirs when a third is left
		c.State, c.Detail = health.Warn, fmt.Sprintf("%s expires at %s", path, end.Format(time.DateTime))
		c.Fix = "a running collector renews it, if a relay was started with --cluster-keys and the file can be written"
	default:
		c.Detail = fmt.Sprintf("%s is valid until %s", path, end.Format(time.DateTime))
	}
	return c, true
}
