package collector

import (
	"context"

	"github.com/daytwo/daytwo/collector/launcher"
)

// Task is a command to run as a task, and how.
type Task launcher.Task

// RunTask runs a task until its command ends: the program of 'daytwo run'. See
// launcher.Run.
func RunTask(ctx context.Context, t Task) (status int, err error) {
	return launcher.Run(ctx, launcher.Task(t))
}

// Helper does the work of a process that RunTask starts, and returns true, if this
// process is one. See launcher.Helper.
func Helper() (status int, is bool) { return launcher.Helper() }
