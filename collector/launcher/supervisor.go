package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A supervisor's descriptors in addition to the standard streams.
const (
	orderFD  = 3 // it reads its order from this pipe
	answerFD = 4 // it writes its answer to this pipe
)

// order is a task to run. A supervisor receives it as JSON.
type order struct {
	ID   string // container id
	Task Task
}

// answer is a supervisor's answer to an order, as JSON. If Error is "", the task runs.
type answer struct {
	Status int // exit status of 'daytwo run' if there is an error
	Error  string
}

// detachWithin is how long a task may take to start.
const detachWithin = 30 * time.Second

// detach starts a task under a supervisor, and returns once the command runs. It returns
// an error if the command cannot be started, or if that takes longer than detachWithin.
func (o *order) detach(ctx context.Context) (status int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("run the task in the background: %w", err)
		}
	}()
	orders, send, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer send.Close()
	receive, answers, err := os.Pipe()
	if err != nil {
		orders.Close()
		return 0, err
	}
	defer receive.Close()
	cmd := helperCommand(supervisorName, []string{o.ID, o.Task.Name}, orders, answers)
	cmd.Env = inherited(os.Environ())
	err = cmd.Start()
	orders.Close()
	answers.Close()
	if err != nil {
		return 0, err
	}
	defer cmd.Process.Release()
	ctx, cancel := context.WithTimeout(ctx, detachWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { // the supervisor's watcher removes what the supervisor made
		cmd.Process.Kill()
		receive.SetReadDeadline(time.Now())
	})
	defer stop()
	var a answer
	if err = json.NewEncoder(send).Encode(o); err == nil {
		err = json.NewDecoder(receive).Decode(&a)
	}
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("its supervisor ended too early (%w)", err)
	case a.Error != "":
		return a.Status, errors.New(a.Error)
	}
	return 0, nil
}

// supervise does the work of a supervisor: it reads an order, runs the task, and writes
// an answer. It returns the exit status.
func supervise() (status int) {
	unix.CloseOnExec(orderFD) // closeInherited does not close descriptors with close-on-exec
	unix.CloseOnExec(answerFD)
	becomeHelper()
	orders, answers := os.NewFile(orderFD, "order"), os.NewFile(answerFD, "answer")
	var o order
	err := json.NewDecoder(orders).Decode(&o)
	orders.Close()
	answered := false
	tell := func(a answer) {
		if !answered {
			answered = true
			json.NewEncoder(answers).Encode(a)
			answers.Close()
		}
	}
	if err == nil {
		status, err = o.run(context.Background(), func() { tell(answer{}) })
	}
	if err != nil {
		tell(answer{Status: status, Error: err.Error()})
	}
	return status
}
