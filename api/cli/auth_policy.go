package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/auth/policy"
)

// checkedPolicy is what 'daytwo auth policy check' found.
type checkedPolicy struct {
	File   string        `json:"file"`
	Valid  bool          `json:"valid"`
	Rules  int           `json:"rules"`
	Groups int           `json:"groups"`
	Roles  int           `json:"roles"`
	Errors policy.Errors `json:"errors"`
}

func policyCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a policy file",
		Long: `Check a policy file. All mistakes are printed, each with its line and with what is
allowed there; the command fails if there is one. A relay refuses such a file as
a whole: at start it ends, later it keeps the policy that it has. It also refuses
a file that others than its owner can write.`,
		Example: `  daytwo auth policy check policy.yaml
  daytwo auth policy check policy.yaml -o json | jq -r '.errors[].message'`,
		Args: oneArg("FILE"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		c, err := checkPolicy(args[0])
		if err != nil {
			return err
		}
		if out.data() {
			err = out.print(cmd.OutOrStdout(), c)
		} else {
			err = c.print(cmd.OutOrStdout())
		}
		if err == nil && !c.Valid {
			err = errFailed
		}
		return err
	}
	return cmd
}

// checkPolicy checks a file. An error says that it cannot be used whatever its content is.
func checkPolicy(file string) (*checkedPolicy, error) {
	c := &checkedPolicy{File: file, Errors: policy.Errors{}}
	p, err := policy.Load(file)
	switch {
	case errors.As(err, &c.Errors):
		return c, nil
	case err != nil:
		return nil, err
	}
	c.Valid = true
	c.Rules, c.Groups, c.Roles = p.Summary()
	return c, nil
}

func (c *checkedPolicy) print(w io.Writer) error {
	for _, e := range c.Errors {
		if _, err := fmt.Fprintln(w, printable(e.Error())); err != nil {
			return err
		}
	}
	if !c.Valid {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s is valid: %s, %s, %s\n", printable(c.File),
		count(c.Rules, "rule"), count(c.Groups, "group"), count(c.Roles, "role"))
	return err
}
