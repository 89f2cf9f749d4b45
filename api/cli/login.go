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
		Long: `Sign in at a relay, as one of its local users ('daytwo auth user') or, with --oidc,
at its identity provider: in any browser, with the code that is printed; or with
--browser in one on this machine. The token that the relay answers is kept for
this user in ~/.config/daytwo/tokens.json, and sent by all further commands that
ask this relay; it is valid for 12 hours.`,
		Example: `  daytwo login --url https://relay.example:8400 --user ann
  daytwo login --user ci --password-file /run/secrets/daytwo-password
  daytwo login --url https://relay.example:8400 --oidc`,
		GroupID: "other",
		Args:    cobra.NoArgs,
	}
	name := cmd.Flags().String("user", "", "sign in as `NAME` (default: the name of this user)")
	file := passwordFlag(cmd.Flags())
	oidc := cmd.Flags().Bool("oidc", false, "sign in at the relay's identity provider")
	browser := cmd.Flags().Bool("browser", false, "do so with a browser on this machine, without a code")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if (*oidc || *browser) && (*name != "" || *file != "") {
			return usageError{errors.New("--user and --password-file are for local users: leave them out with --oidc")}
		}
		relay, cl, err := conn.anonymous()
		if err != nil {
			return err
		}
		var token string
		if *oidc || *browser {
			token, err = oidcToken(cmd.Context(), cl, cmd.OutOrStdout(), *browser)
		} else {
			token, err = passwordToken(cmd, cl, relay, *name, *file)
		}
		if err != nil {
			return err
		}
		return tokens.Put(relay, token)
	}
	return cmd
}

// passwordToken signs a local user in.
func passwordToken(cmd *cobra.Command, cl *client.Client, relay, name, file string) (string, error) {
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return "", fmt.Errorf("user: %w: give --user NAME", err)
		}
		name = u.Username
	}
	var password string
	var err error
	if file != "" {
		password, err = filePassword(cmd.InOrStdin(), file)
	} else {
		password, err = askPassword("Password of " + name + " at " + relay + ": ")
	}
	if err != nil {
		return "", err
	}
	return cl.Login(cmd.Context(), name, password)
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
