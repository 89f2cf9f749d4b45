package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/auth/users"
)

func authUserCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Look after the local users of a relay: add, list, groups, passwd, remove",
		Long: `Look after the local users of a relay on this machine, for clusters without an
identity provider. They are in the file users.json of the relay's data directory,
which only its owner can read; passwords are kept as hashes. A running relay sees
changes at once: the tokens of a user who was removed end.

A user may do what the relay's policy file allows (see 'daytwo auth policy'), and
signs in with 'daytwo login' or with 'dcos auth login'.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(userAddCommand(), userListCommand(), userGroupsCommand(), userPasswdCommand(), userRemoveCommand())
	return cmd
}

// dataFlag registers --data for commands that work on a relay's files.
func dataFlag(fs *pflag.FlagSet) *string {
	dir := fs.String("data", "", "use the data directory `DIR` of a relay on this machine (default: "+
		"/var/lib/daytwo, without root ~/.local/share/daytwo)")
	annotateEnv(fs, "data")
	return dir
}

// relayData returns the data directory of dataFlag.
func relayData(fs *pflag.FlagSet, dir string) string {
	if fs.Changed("data") {
		return dir
	}
	return dataDirs()[0]
}

func openUsers(fs *pflag.FlagSet, dir string) (*users.Store, error) {
	return users.Open(filepath.Join(relayData(fs, dir), users.FileName))
}

func userAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user",
		Long: `Add a user. The password is asked for on the terminal, or read from a file or from
standard input ('--password-file -'); a password as an argument would be seen in
the process list.`,
		Example: `  daytwo auth user add ann --groups shop,oncall
  pwgen 20 1 | daytwo auth user add ci --password-file -`,
		Args: oneArg("NAME"),
	}
	dir := dataFlag(cmd.Flags())
	groups := cmd.Flags().StringSlice("groups", nil, "make the user a member of `GROUP`,…")
	file := passwordFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := openUsers(cmd.Flags(), *dir)
		if err != nil {
			return err
		}
		password, err := newPassword(cmd, *file, args[0])
		if err != nil {
			return err
		}
		if err := store.Add(args[0], *groups, password); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return nil
	}
	return cmd
}

func userListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the users", Long: "List the local users and their groups.",
		Example: "  daytwo auth user list -o json", Args: cobra.NoArgs,
	}
	dir := dataFlag(cmd.Flags())
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		store, err := openUsers(cmd.Flags(), *dir)
		if err != nil {
			return err
		}
		list, err := store.List()
		if err != nil {
			return err
		}
		type shown struct {
			Name    string    `json:"name"`
			Groups  []string  `json:"groups"`
			Created time.Time `json:"created"`
		}
		all := []shown{}
		var t table
		t.header("NAME", "GROUPS", "CREATED")
		for _, u := range list {
			all = append(all, shown{u.Name, append([]string{}, u.Groups...), u.Created})
			t.row(u.Name, strings.Join(u.Groups, ","), u.Created.Format(time.DateOnly))
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), all)
		}
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

func userGroupsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "groups NAME [GROUP...]", Short: "Set the groups of a user",
		Long: `Set the groups of a user to those that are named; without any, the user has none.
It takes effect at once, also for users who have signed in.`,
		Example: "  daytwo auth user groups ann shop oncall",
		Args:    cobra.MinimumNArgs(1),
	}
	dir := dataFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := openUsers(cmd.Flags(), *dir)
		if err == nil {
			err = store.SetGroups(args[0], args[1:])
		}
		return named(args[0], err)
	}
	return cmd
}

func userPasswdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "passwd NAME", Short: "Change the password of a user",
		Long: `Change the password of a user. Tokens that the user has already stay valid until
they expire, 12 hours after they were made.`,
		Example: "  daytwo auth user passwd ann", Args: oneArg("NAME"),
	}
	dir := dataFlag(cmd.Flags())
	file := passwordFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := openUsers(cmd.Flags(), *dir)
		if err != nil {
			return err
		}
		password, err := newPassword(cmd, *file, args[0])
		if err != nil {
			return err
		}
		return named(args[0], store.SetPassword(args[0], password))
	}
	return cmd
}

func userRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME...", Short: "Remove users",
		Long:    "Remove users. Their tokens end at once.",
		Example: "  daytwo auth user remove ann", Args: cobra.MinimumNArgs(1),
	}
	dir := dataFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, err := openUsers(cmd.Flags(), *dir)
		for _, name := range args {
			if err == nil {
				err = named(name, store.Remove(name))
			}
		}
		return err
	}
	return cmd
}

// named adds a name to an error.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
