package oidc

import "fmt"

// Reason is why signing in failed, for the one who tried.
type Reason string

const (
	Denied  Reason = "denied"   // the provider says no, or the user did
	Expired Reason = "expired"  // it took too long, or began elsewhere
	Away    Reason = "provider" // the provider does not answer, or not as it should
	Refused Reason = "refused"  // what the provider says of the user is not accepted
)

// Failure is the error of signing in.
type Failure struct {
	Reason Reason
	err    error // for the log
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Reason, f.err) }
func (f *Failure) Unwrap() error { return f.err }
