package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/auth/issuer"
)

// maxTokenValid is the longest time for which a token is made: what cannot be taken back
// must end.
const maxTokenValid = 366 * 24 * time.Hour

func authTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make a token for a program",
		Long: `Make a token for a program, and print it. It is signed with the key of a relay on
this machine (auth-key.pem in its data directory); the program may do what the
relay's policy file allows a user of that name and those groups. A token cannot be
taken back one by one: give it a short life, and let the policy say what it may.`,
		Example: `  daytwo auth token --for ci --groups robots --expires 30d >/run/secrets/daytwo
  curl -H "Authorization: Bearer $(daytwo auth token --for ci --expires 1h)" http://127.0.0.1:8400/api/v1/agents`,
		Args: cobra.NoArgs,
	}
	dir := dataFlag(cmd.Flags())
	name := cmd.Flags().String("for", "", "make it for the program `NAME`")
	groups := cmd.Flags().StringSlice("groups", nil, "make its bearer a member of `GROUP`,…")
	valid := 24 * time.Hour
	cmd.Flags().Var((*age)(&valid), "expires", "let it expire after `DURATION`, at most 366d")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case *name == "":
			return usageError{errors.New("for: a token requires the name of its bearer: give --for NAME")}
		case valid <= 0 || valid > maxTokenValid:
			return usageError{fmt.Errorf("expires: %v is not between 1s and 366d", valid)}
		}
		path := filepath.Join(relayData(cmd.Flags(), *dir), issuer.KeyFile)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s does not exist: a relay makes it at its first start; give its directory as --data", path)
		}
		i, err := issuer.Open(path, nil)
		if err != nil {
			return err
		}
		token, err := i.Sign(*name, *groups, valid, false)
		if err == nil {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
		}
		return err
	}
	return cmd
}
