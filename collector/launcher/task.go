package launcher

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/daytwo/daytwo/api/launch"
)

// Task is a command to run, and how.
type Task struct {
	Command []string // the program and its arguments
	Name    string
	Labels  map[string]string
	Socket  string // path of the collector's launch API
}

// removeEndpointWithin bounds how long the collector may take to remove an
// endpoint.
const removeEndpointWithin = 5 * time.Second

// Run runs a task until its command ends, and returns the command's exit status:
// 128+N if signal N ended it, 126 if it could not be run, 127 if it was not
// found. An error says what went wrong besides; with status 0 no command ran.
// From its start on, signals are passed on to the command.
func Run(ctx context.Context, t Task) (status int, err error) {
	var raw [32]byte
	rand.Read(raw[:])
	id := hex.EncodeToString(raw[:])
	request := launch.Request{ContainerID: id, Cgroup: "/daytwo/" + id, Name: t.Name, Labels: t.Labels}
	g, err := makeGroup(request.Cgroup)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	client := launch.NewClient(t.Socket)
	c, err := client.Add(ctx, request)
	switch {
	case errors.Is(err, launch.ErrNoStatsd): // the task runs without an endpoint
	case errors.As(err, new(*net.OpError)):
		return 0, fmt.Errorf("%w (is 'daytwo up' or 'daytwo collector' running here? --socket says where it listens)", err)
	case err != nil:
		return 0, err
	default:
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeEndpointWithin)
			defer cancel()
			err = errors.Join(err, client.Remove(ctx, id))
		}()
	}
	return g.exec(t.Command, environment(os.Environ(), request, c))
}
