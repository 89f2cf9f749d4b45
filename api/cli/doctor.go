package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/health"
)

func doctorCommand(p Programs) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what works on this node, what does not, and what to do",
		Long: `Check what works on this node, such as BPF programs, permissions and listening
addresses, and say what to do about what does not. The exit status is 1 if a
check fails. Nothing is left behind, and a running collector is not disturbed.

Give it the same flags as the program that is to run here.`,
		Example: `  sudo daytwo doctor
  daytwo doctor -o json`,
		Args: cobra.NoArgs,
	}
	c := configured(cmd, doctor)
	nats := cmd.Flags().Lookup("nats")
	nats.Usage, nats.DefValue = "also check the NATS servers at `URL`,… (default: no check of NATS)", "[]"
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if err := c.load(cmd.LocalFlags()); err != nil {
			return usageError{err}
		}
		if !nats.Changed {
			c.NATS = nil // 'daytwo up' has its own
		}
		slog.SetDefault(c.Log)
		checks, err := p.Doctor(cmd.Context(), *c)
		if err != nil {
			return err
		}
		if err := printChecks(cmd, out, checks); err != nil {
			return err
		}
		for _, check := range checks {
			if check.State == health.Fail {
				return errFailed
			}
		}
		return nil
	}
	return cmd
}

func printChecks(cmd *cobra.Command, out *output, checks []health.Check) error {
	w := cmd.OutOrStdout()
	if out.data() {
		return out.print(w, nonNil(checks))
	}
	var t table
	t.header("STATE", "CHECK", "FOUND")
	for _, c := range checks {
		t.row(string(c.State), c.Name, c.Detail)
		if c.Fix != "" {
			t.row("", "", "→ "+c.Fix)
		}
	}
	t.print(w)
	n := map[health.State]int{}
	for _, c := range checks {
		n[c.State]++
	}
	fmt.Fprintf(w, "\n%d ok, %s, %s\n",
		n[health.OK], count(n[health.Warn], "warning"), count(n[health.Fail], "failure"))
	return nil
}
