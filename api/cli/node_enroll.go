package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
)

// JoinNode is how 'daytwo node enroll' makes this machine a node.
type JoinNode struct {
	Join
	Agent string // "" for the machine id
	Data  string // the collector's data directory
}

// keysFlag registers the directory of keys, for commands that else ask a relay.
func keysFlag(fs *pflag.FlagSet) *string {
	return fs.String("cluster-keys", "", "use the keys in `DIR`, of 'daytwo cluster init', and ask no relay")
}

func nodeCodeCommand(conn *connection, k Keys) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "code",
		Short: "Make codes with which machines become nodes",
		Long: `Make enrolment codes, for machines that install themselves. With one, a machine
becomes a node of the cluster: daytwo collector --join URL --code CODE. Each works
once and until its deadline. Without --agent-id, the machine may have any agent id that
no node has yet.`,
		Example: `  daytwo node code --expires 15m
  daytwo node code --count 50 --expires 1d > codes
  daytwo node code --agent-id web1`,
		Args: cobra.NoArgs,
	}
	expires := age(time.Hour)
	cmd.Flags().Var(&expires, "expires", "let the codes expire after `DURATION`, at most 30d")
	count := cmd.Flags().Int("count", 1, "make `N` codes")
	agent := cmd.Flags().String("agent-id", "", "make codes for the node `ID` only")
	dir := keysFlag(cmd.Flags())
	out := outputFlags(cmd.Flags(), "plain", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if *count < 1 || expires < age(time.Second) || expires > age(30*24*time.Hour) {
			return usageError{errors.New("give a --count of at least 1, and an --expires from 1s to 30d")}
		}
		if *agent != "" {
			if err := setting.CheckAgentID(*agent); err != nil {
				return usageError{fmt.Errorf("agent-id: %w", err)}
			}
		}
		codes, err := makeCodes(cmd.Context(), conn, k, *dir,
			v1.EnrollCodesRequest{Count: *count, AgentID: *agent, Expires: time.Duration(expires).Seconds()})
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), codes)
		}
		for _, c := range codes.Codes {
			fmt.Fprintln(cmd.OutOrStdout(), c)
		}
		return nil
	}
	return cmd
}

// makeCodes makes codes with the keys in dir, or asks a relay if dir is "".
func makeCodes(ctx context.Context, conn *connection, k Keys, dir string, q v1.EnrollCodesRequest) (*v1.EnrollCodes,
	error) {
	if dir != "" {
		return k.Codes(dir, q.Count, q.AgentID, time.Duration(q.Expires*float64(time.Second)))
	}
	cl, err := conn.client()
	if err != nil {
		return nil, err
	}
	return cl.EnrollCodes(ctx, q)
}

func nodeEnrollCommand(conn *connection, p Programs) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Make a machine a node, or make the credential of one",
		Long: `Make this machine a node of the cluster: its key is made here, and a relay that has the
cluster's keys (--url) signs it, for a --code of 'daytwo node code', or for whoever may
make codes. A collector that runs here takes the new credential by itself.

With --cluster-keys no relay is asked: the credential of a node is written to a file, to
be copied there, for 'daytwo collector --nats-creds FILE --nats-ca FILE'.

A node's credential lets it publish as itself, answer for itself, and nothing else.`,
		Example: `  daytwo node enroll --url https://relay.example:8400 --code CODE
  daytwo node enroll --cluster-keys keys --agent-id web1 --out web1.creds`,
		Args: cobra.NoArgs,
	}
	dir := keysFlag(cmd.Flags())
	agent := cmd.Flags().String("agent-id", "", "name the node `ID` (default: the machine id)")
	code := cmd.Flags().String("code", "", "use the enrolment `CODE` of 'daytwo node code'")
	data := cmd.Flags().String("data", "", "keep key and credential in the collector's data directory `DIR` (default: "+
		setting.Data+", without root ~/.local/share/daytwo)")
	file := cmd.Flags().String("out", "", "with --cluster-keys, write the credential to `FILE` (default: ID.creds)")
	valid := age(setting.NodeValidity)
	cmd.Flags().Var(&valid, "valid", "with --cluster-keys, let the credential be valid for `DURATION`")
	annotateEnv(cmd.Flags(), "data")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *agent != "" {
			if err := setting.CheckAgentID(*agent); err != nil {
				return usageError{fmt.Errorf("agent-id: %w", err)}
			}
		}
		if *dir != "" {
			return enrollWithKeys(cmd, p.Keys, *dir, *agent, *file, time.Duration(valid))
		}
		j := JoinNode{Join: Join{Relay: conn.relay(), Code: *code, CA: conn.setting("ca", conn.ca)}, Agent: *agent,
			Data: *data}
		if j.Data == "" {
			j.Data = dataDirs()[0]
		}
		if j.Code == "" { // whoever may make codes needs none
			codes, err := makeCodes(cmd.Context(), conn, nil, "", v1.EnrollCodesRequest{Count: 1, AgentID: *agent, Expires: 60})
			if err != nil {
				return fmt.Errorf("without --code: %w", err)
			}
			j.Code = codes.Codes[0]
		}
		id, cluster, err := p.JoinNode(cmd.Context(), j)
		if err != nil {
			return err
		}
		cmd.Printf("This machine is node %s of cluster %s. Run 'daytwo collector', with --data %s unless that is the "+
			"default.\n", id, cluster, j.Data)
		return nil
	}
	return cmd
}

// enrollWithKeys writes the credential of a node to a file.
func enrollWithKeys(cmd *cobra.Command, k Keys, dir, agent, file string, valid time.Duration) error {
	if agent == "" {
		return usageError{errors.New("agent-id: with --cluster-keys, say for which node")}
	}
	if file == "" {
		file = agent + ".creds"
	}
	if _, err := os.Stat(file); err == nil {
		return usageError{fmt.Errorf("out: %s is there already", file)}
	}
	creds, err := k.Enroll(dir, agent, valid)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, creds, 0o600)
}

func nodeEnrolledCommand(conn *connection, k Keys) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enrolled",
		Short: "List the credentials of nodes, and when they expire",
		Long: `List the credentials of nodes that were made with the cluster's keys, and when they
expire. Those that expired more than a day ago are left out.`,
		Example: `  daytwo node enrolled
  daytwo node enrolled --cluster-keys keys -o json`,
		Args: cobra.NoArgs,
	}
	dir := keysFlag(cmd.Flags())
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		var list []v1.EnrolledNode
		var err error
		if *dir != "" {
			list, err = k.Nodes(*dir)
		} else if cl, e := conn.client(); e != nil {
			err = e
		} else {
			list, err = cl.EnrolledNodes(cmd.Context())
		}
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), nonNil(list))
		}
		return enrolledTable(list, time.Now()).print(cmd.OutOrStdout())
	}
	return cmd
}

func enrolledTable(list []v1.EnrolledNode, now time.Time) *table {
	var t table
	t.header("AGENT", "STATE", "ISSUED", "EXPIRES", "KEY")
	for _, n := range list {
		state, expires := "valid", "never"
		if n.Expires != nil {
			expires = n.Expires.Local().Format(time.DateTime)
			if !n.Expires.After(now) {
				state = "expired"
			}
		}
		if n.Revoked != nil {
			state = "revoked"
		}
		t.row(n.AgentID, state, n.Issued.Local().Format(time.DateTime), expires, n.Key)
	}
	return &t
}

func nodeRevokeCommand(conn *connection, k Keys) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke AGENT...",
		Short: "Shut nodes out of the cluster",
		Long: `Revoke all credentials of nodes: the NATS servers end their connections within
seconds, and let them in no more. AGENT is the whole id. To let one in again, enrol it
with a new code.

The relay that has the cluster's keys does it. With --cluster-keys no relay is needed,
but a NATS server (--nats), of which one tells the others.`,
		Example: `  daytwo node revoke web1
  daytwo node revoke web1 --cluster-keys keys --nats tls://nats1.example:4222`,
		Args: cobra.MinimumNArgs(1),
	}
	dir := keysFlag(cmd.Flags())
	nats := cmd.Flags().StringSlice("nats", nil,
		"with --cluster-keys, tell the NATS servers at `URL`,… (default: those of 'daytwo cluster init')")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, agent := range args {
			done, err := revokeNode(cmd.Context(), conn, k, *dir, agent, *nats)
			if err != nil {
				return named(agent, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d credentials are revoked, on %d NATS servers\n", agent, done.Revoked,
				done.Servers)
		}
		return nil
	}
	return cmd
}

func revokeNode(ctx context.Context, conn *connection, k Keys, dir, agent string, nats []string) (*v1.NodeRevoked,
	error) {
	if dir != "" {
		if len(nats) == 0 {
			var err error
			if nats, err = k.URLs(dir); err != nil {
				return nil, err
			}
		}
		if len(nats) == 0 {
			return nil, usageError{errors.New("nats: give the URL of a NATS server, else none learns of it")}
		}
		return k.Revoke(ctx, dir, agent, nats)
	}
	cl, err := conn.client()
	if err != nil {
		return nil, err
	}
	return cl.RevokeNode(ctx, agent)
}
