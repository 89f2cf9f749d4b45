package relay

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/relay/sinks"
)

// roomWithin is how long Doctor waits for each of its checks.
const roomWithin = 15 * time.Second

// Doctor reports whether a relay of this configuration can start on this machine:
// whether its address is free or a running relay answers there, and whether its token
// can be used. It opens no listener and writes no file.
func Doctor(ctx context.Context, cfg Config) []health.Check {
	if cfg.Listen == "" {
		cfg.Listen = setting.Listen
	}
	return health.Gather(roomWithin,
		health.Group{Name: "relay address", Doctor: func() []health.Check {
			return []health.Check{server.Doctor(ctx, "relay address", cfg.Listen, "--listen")}
		}},
		health.Group{Name: "relay token", Doctor: func() []health.Check { return []health.Check{cfg.checkToken()} }},
		health.Group{Name: "sinks", Doctor: cfg.checkSinks})
}

// checkSinks says whether the configuration of sinks is valid, and which receivers of it
// can be used from here.
func (c *Config) checkSinks() []health.Check {
	if c.SinksFile == "" {
		return nil
	}
	return sinks.Doctor(c.SinksFile)
}

func (c *Config) checkToken() health.Check {
	path := c.tokenPath()
	check := health.Check{Name: "relay token", State: health.OK, Detail: path}
	_, err := auth.Source{File: path}.Find()
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) && c.TokenFile == "":
		check.Detail += " is created at the first start"
	default:
		check.State, check.Detail = health.Fail, err.Error()
		check.Fix = "give --token-file a readable file with a token, or remove it: the next start creates another one"
	}
	return check
}
