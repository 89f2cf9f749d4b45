package collector

import (
	"context"

	"github.com/daytwo/daytwo/collector/launcher"
)

// Task is a command to run as a task, with its limits, labels and user.
type Task launcher.Task

// RunTask runs a task until its command ends, as 'daytwo run' does, and returns the
// exit status. See launcher.Run.
func RunTask(ctx context.Context, t Task) (status int, err error) {
	return launcher.Run(ctx, launcher.Task(t))
}

// Helper reports whether this process is a helper that RunTask started. If it is,
// Helper first does the helper's work, and returns its exit status. See
// launcher.Helper.
func Helper() (status int, is bool) { return launcher.Helper() }
