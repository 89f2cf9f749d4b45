package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/v1"
)

func taskForwardCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "port-forward [flags] TASK [LOCAL:]PORT...",
		Short: "Connect to ports in a task's container",
		Long: `Listen on ports here, and connect what comes to ports in a task's container: to what
listens there on 127.0.0.1 or ::1, also if nothing outside of the container could reach
it. TASK is a name, a task id, a container id, or a part that only one of them has.
8080:80 leads from port 8080 here to 80 there, 80 from 80 to 80, and :80 from any port
that is free here, which is printed.

It lasts until it is interrupted. A connection to the relay that is lost is opened again,
and the forwarded connections go on. When the container ends, its connections end, and
those that follow go to the container that TASK names next, if there is one within --wait.
With --stdio one connection goes by standard input and output, as ssh's ProxyCommand.`,
		Example: `  daytwo task port-forward web 8080:80
  daytwo task port-forward web 8080:80 9090 :5432
  daytwo task port-forward --address 192.0.2.7 web 8080:80
  ssh -o ProxyCommand='daytwo task port-forward --stdio web 22' root@web`,
		Args: cobra.MinimumNArgs(2),
	}
	var agent string
	var addresses []string
	var stdio bool
	var wait time.Duration
	cmd.Flags().StringSliceVar(&addresses, "address", []string{localhost},
		"listen on `ADDRESS`,… of this machine; all others than loopback can be reached by others, too")
	cmd.Flags().BoolVar(&stdio, "stdio", false, "connect standard input and output instead of listening")
	cmd.Flags().DurationVar(&wait, "wait", 5*time.Minute,
		"after the container has ended, wait for `DURATION` for another one; 0 ends with the container")
	cmd.Flags().StringVar(&agent, "agent", "", "only on the node `AGENT`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ports, err := parsePorts(args[1:])
		if err == nil && stdio && len(ports) != 1 {
			err = errors.New("--stdio connects to one port: name one")
		}
		if err != nil {
			return usageError{err}
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		f := &forwarder{relay: relay, wait: wait, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(),
			request: v1.SessionRequest{Container: args[0], Agent: agent, Write: true, Command: &session.Command{
				Tool: session.ToolConnect, Args: append([]string{session.ToolConnect}, remotePorts(ports)...), Stdin: true}}}
		if stdio {
			return f.stdio(cmd.Context(), os.Stdin, os.Stdout, ports[0].remote)
		}
		if f.listeners, err = listenForwarded(addresses, ports); err != nil {
			return err
		}
		defer closeForwarded(f.listeners)
		for _, address := range addresses {
			if ip := net.ParseIP(address); ip != nil && !ip.IsLoopback() {
				fmt.Fprintf(f.errs, "daytwo: everybody who reaches %s reaches the container\n", address)
			}
		}
		return f.run(cmd.Context())
	}
	return cmd
}
