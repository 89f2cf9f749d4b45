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

// A supervisor's descriptors beside the standard streams.
const (
	orderFD  = 3 // to read its order from
	answerFD = 4 // to say there what became of it
)

// order is what a supervisor is to launch.
type order struct {
	ID   string
	Task Task
}

// answer is what became of an order: with no error, the task runs.
type answer struct {
	Status int
	Error  string
}

// detachWithin is how long a task may take to start.
const detachWithin = 30 * time.Second

// detach starts a task under a supervisor, and returns when the command runs.
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
	stop := context.AfterFunc(ctx, func() { // its watcher removes what it made
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

// supervise is the supervisor's process.
func supervise() (status int) {
	unix.CloseOnExec(orderFD) // so that they stay open here
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
