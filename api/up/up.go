package up

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"golang.org/x/term"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/ready"
)

// Program is a program that Run runs.
type Program struct {
	Name string
	// Run runs until ctx ends, then returns nil. It connects to NATS through server.
	Run func(ctx context.Context, c cli.Config, server nats.InProcessConnProvider) error
}

// Run starts a NATS server and runs programs until ctx ends, then returns nil. If a
// program ends before that, Run ends the others and returns an error. agentID returns
// this machine's agent id; it is called if c has none.
func Run(ctx context.Context, c cli.Config, agentID func(dataDir string) (string, error), programs ...Program) error {
	if c.AgentID == "" {
		id, err := agentID(c.Data)
		if err != nil {
			return err
		}
		c.AgentID = id
	}
	if c.TokenFile == "" {
		if _, err := auth.EnsureToken(c.Data, c.Log); err != nil {
			return err
		}
	}
	if c.Ready == nil {
		c.Ready = new(ready.Parts)
	}
	// The process is not ready before all of these are, whichever program starts first.
	c.Ready.Expect(ready.NATS, ready.API, ready.Frames, ready.Ticks, ready.NodeAtRelay)
	o := embedded.Options{StoreDir: filepath.Join(c.Data, "nats"), Log: c.Log}
	if c.NATSListen != "" {
		if err := openCluster(&c, &o); err != nil {
			return err
		}
	}
	server, err := embedded.Start(o)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	defer server.Close()
	c.Ready.Add(ready.NATS, server.Ready)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(programs))
	for _, p := range programs {
		go func() {
			err := p.Run(ctx, c, server)
			if err == nil && ctx.Err() == nil {
				err = fmt.Errorf("the %s ended without being asked to", p.Name)
			}
			ended <- err
		}()
	}
	go announce(ctx, &c, os.Stdout, term.IsTerminal(int(os.Stdout.Fd())))
	for range programs {
		err = errors.Join(err, <-ended)
		cancel()
	}
	return err
}
