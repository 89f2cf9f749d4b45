package plaintext

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/daytwo/daytwo/api/health"
)

// Exposure is a listener or a connection that others on the network can read, or use without
// proof of who they are. As an error it says what to do.
type Exposure struct {
	Setting string // flag that asks for it: listen, nats
	Address string // without user and password
	Is      string // why the network reaches it
	Lacks   string // TLS, authentication
	Harm    string // what others can do
	Fix     string
}

// Error implements error.
func (e Exposure) Error() string {
	return fmt.Sprintf("%s: %s is %s, and without %s %s: %s; --insecure allows it all the same",
		e.Setting, e.Address, e.Is, e.Lacks, e.Harm, e.Fix)
}

// Refuse returns an error for exposures, nil if there are none or --insecure is given.
func Refuse(all []Exposure, insecure bool) error {
	if insecure {
		return nil
	}
	var errs []error
	for _, e := range all {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// Warn logs what --insecure allows.
func Warn(log *slog.Logger, all []Exposure) {
	for _, e := range all {
		log.Warn("INSECURE: "+e.Setting+" goes over the network without "+e.Lacks+", as --insecure allows: "+e.Harm,
			"address", e.Address, "fix", e.Fix)
	}
}

// Doctor returns checks of exposures.
func Doctor(all []Exposure, insecure bool) (checks []health.Check) {
	for _, e := range all {
		c := health.Check{Name: "plaintext " + e.Setting, State: health.Fail, Detail: e.Error(), Fix: e.Fix}
		if insecure {
			c.State = health.Warn
			c.Detail = fmt.Sprintf("INSECURE: %s goes over the network without %s, as --insecure allows: %s",
				e.Address, e.Lacks, e.Harm)
		}
		checks = append(checks, c)
	}
	return checks
}

// WriteMetrics writes in the text format what --insecure allows.
func WriteMetrics(w io.Writer, all []Exposure) {
	n := map[string]int{}
	for _, e := range all {
		n[e.Setting] = 1
	}
	const name = "daytwo_relay_insecure"
	// An error means that the client is gone.
	_, _ = fmt.Fprintf(w, "# HELP %s Whether it goes over the network without TLS or authentication, as --insecure "+
		"allows.\n# TYPE %s gauge\n%s{what=\"listen\"} %d\n%s{what=\"nats\"} %d\n",
		name, name, name, n["listen"], name, n["nats"])
}
