package enter

import "fmt"

// Reason says why a container is not entered.
type Reason string

const (
	Gone        Reason = "gone"         // the process that was authorised has ended
	Starting    Reason = "starting"     // the container's runtime has not yet started its command
	Frozen      Reason = "frozen"       // the container is paused
	Notify      Reason = "notify"       // a seccomp filter asks a supervisor, which cannot be copied
	Traced      Reason = "traced"       // the seccomp filters cannot be read, as another process traces
	NoUser      Reason = "no-user"      // the container has no such user or group
	NoWorkdir   Reason = "no-workdir"   // there is no such directory, or the user may not enter it
	NotFound    Reason = "not-found"    // there is no such command
	NotRunnable Reason = "not-runnable" // the command is no program, or the user may not run it
	Limit       Reason = "limit"        // a limit of the container is reached
	Forbidden   Reason = "forbidden"    // the container's own seccomp filter forbids to start a command
	Timeout     Reason = "timeout"      // entering took too long
	Invalid     Reason = "invalid"      // the specification has no meaning
	NoParity    Reason = "no-parity"    // something of the first process cannot be had
)

// Refusal is why a container was not entered.
type Refusal struct {
	Reason Reason
	Text   string
	Err    error `json:"-"`
}

func (r *Refusal) Error() string {
	if r.Err != nil {
		return r.Text + ": " + r.Err.Error()
	}
	return r.Text
}

func (r *Refusal) Unwrap() error { return r.Err }

// ExitStatus is that of a shell whose command does not start.
func (r *Refusal) ExitStatus() int {
	switch r.Reason {
	case NotFound:
		return 127
	case NotRunnable, NoWorkdir:
		return 126
	}
	return 125
}

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// because returns a refusal for an error of the kernel.
func because(reason Reason, err error, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Text: fmt.Sprintf(format, args...), Err: err}
}
