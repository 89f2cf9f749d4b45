package relay

import (
	"context"
	"errors"
	"io/fs"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/setting"
)

// Doctor reports whether a relay of this configuration can start here: whether its
// address is free, or a relay's already, and whether its token can be used. It
// listens on nothing and writes nothing.
func Doctor(ctx context.Context, cfg Config) []health.Check {
	if cfg.Listen == "" {
		cfg.Listen = setting.Listen
	}
	return []health.Check{server.Doctor(ctx, "relay address", cfg.Listen, "--listen"), cfg.checkToken()}
}

func (c *Config) checkToken() health.Check {
	path := c.tokenPath()
	check := health.Check{Name: "relay token", State: health.OK, Detail: path}
	_, err := auth.Source{File: path}.Find()
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) && c.TokenFile == "":
		check.Detail += " is made at the first start"
	default:
		check.State, check.Detail = health.Fail, err.Error()
		check.Fix = "give --token-file a readable file with a token, or remove it, and the next start makes another"
	}
	return check
}
