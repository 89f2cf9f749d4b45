package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/auth/tokens"
	"github.com/daytwo/daytwo/api/client"
)

func loginCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in at a relay",
		Long: `Sign in at a relay as one of its local users ('daytwo auth user'). The token that
the relay answers is kept for this user in ~/.config/daytwo/tokens.json, and sent
by all further commands that ask this relay; it is valid for 12 hours.`,
		Example: `  daytwo login --url https://relay.example:8400 --user ann
  daytwo login --user ci --password-file /run/secrets/daytwo-password`,
		GroupID: "other",
		Args:    cobra.NoArgs,
	}
	name := cmd.Flags().String("user", "", "sign in as `NAME` (default: the name of this user)")
	file := passwordFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *name == "" {
			u, err := user.Current()
			if err != nil {
				return fmt.Errorf("user: %w: give --user NAME", err)
			}
			*name = u.Username
		}
		relay, cl, err := conn.anonymous()
		if err != nil {
			return err
		}
		var password string
		if *file != "" {
			password, err = filePassword(cmd.InOrStdin(), *file)
		} else {
			password, err = askPassword("Password of " + *name + " at " + relay + ": ")
		}
		if err != nil {
			return err
		}
		token, err := cl.Login(cmd.Context(), *name, password)
		if err != nil {
			return err
		}
		return tokens.Put(relay, token)
	}
	return cmd
}

func logoutCommand(conn *connection) *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Forget the token of a relay",
		Long:    "Forget the token that 'daytwo login' has kept for a relay.",
		Example: "  daytwo logout --url https://relay.example:8400",
		GroupID: "other",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			err := tokens.Remove(conn.relay())
			if errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("no token is kept for %s", conn.relay())
			}
			return err
		},
	}
}

// relay returns the URL of the relay.
func (c *connection) relay() string { return withScheme(c.setting("url", c.url)) }

// anonymous returns the URL of the relay, and a client that sends no token.
func (c *connection) anonymous() (string, *client.Client, error) {
	roots, err := c.roots()
	if err != nil {
		return "", nil, err
	}
	cl, err := client.NewTLS(c.relay(), "", roots)
	if err != nil {
		return "", nil, usageError{err}
	}
	return c.relay(), cl, nil
}
