package cli

import (
	"math"
	"strconv"

	"github.com/spf13/cobra"
)

func statsdCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "statsd",
		Short: "What tasks send to StatsD: top",
		Long: `What tasks send to StatsD: which metric and which container costs most, and
what became of every line. 'daytwo task statsd TASK' tells it of one task.`,
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(statsdTopCommand(conn))
	return cmd
}

// countText is a number in three digits: "950", "12.3k", "4.56M".
func countText(v float64) string {
	if math.IsNaN(v) {
		return absent
	}
	units := []string{"", "k", "M", "G", "T", "P"}
	i := 0
	for ; math.Abs(v) >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	return number(v, i == 0 && v == math.Trunc(v)) + units[i]
}

// perSecond is a rate, absent until two ticks are there.
func perSecond(v *float64) string { return countText(deref(v)) }

func plainCount(n int64) string { return strconv.FormatInt(n, 10) }
