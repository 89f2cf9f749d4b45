package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
)

// Machines are those for which 'daytwo cluster' makes files.
type Machines struct {
	Servers, Relays []string // hosts
	ServerDir       string   // where a server's files will lie on its machine
	StoreDir        string   // where a server keeps its data
	Port, RoutePort int      // of NATS, for clients and for the other servers
}

// Machine is a directory with the files for one machine.
type Machine struct{ Host, Dir string }

// MachineFiles are the files that were made.
type MachineFiles struct {
	Cluster         string
	URLs            []string // of all NATS servers
	Servers, Relays []Machine
}

// Keys works on a directory with the keys of a cluster.
type Keys interface {
	// Init makes the keys of a cluster, and the files of machines.
	Init(dir, cluster string, m Machines) (*MachineFiles, error)
	// Files makes the files of machines, some of which may be new; of all if none is given.
	Files(dir string, m Machines) (*MachineFiles, error)
	// URLs returns the URLs of the NATS servers.
	URLs(dir string) ([]string, error)

	Enroll(dir, agent string, valid time.Duration) (credentials []byte, err error)
	Codes(dir string, n int, agent string, valid time.Duration) (*v1.EnrollCodes, error)
	Nodes(dir string) ([]v1.EnrolledNode, error)
	// Revoke revokes a node, and tells the NATS servers, of which urls are some.
	Revoke(ctx context.Context, dir, agent string, urls []string) (*v1.NodeRevoked, error)
}

func clusterCommand(k Keys) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Make what a cluster needs: init, files",
		Long: `Make the keys of a cluster, and with them what its NATS servers, its relays and its
nodes need. docs/cluster.md goes through all of it.`,
		GroupID: "other",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(clusterInitCommand(k), clusterFilesCommand(k))
	return cmd
}

// machineFlags registers the flags about machines.
func machineFlags(fs *pflag.FlagSet) *Machines {
	m := new(Machines)
	fs.StringSliceVar(&m.Servers, "server", nil,
		"make files for a NATS server on each `HOST`,…: the names or addresses by which all reach them")
	fs.StringSliceVar(&m.Relays, "relay", nil, "make files for a relay on each `HOST`,…")
	fs.StringVar(&m.ServerDir, "server-dir", "",
		"let the servers find their files in the directory `DIR` of their machines (default: /etc/nats)")
	fs.StringVar(&m.StoreDir, "store-dir", "",
		"let the servers keep their data in the directory `DIR` (default: /var/lib/nats)")
	fs.IntVar(&m.Port, "port", 0, "let the servers listen for clients on `PORT` (default: 4222)")
	fs.IntVar(&m.RoutePort, "route-port", 0, "let the servers listen for one another on `PORT` (default: 6222)")
	return m
}

func clusterInitCommand(k Keys) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make the keys of a cluster",
		Long: `Make the keys of a cluster in the new directory DIR: a NATS operator, an account for
daytwo, an authority for certificates; and files for each NATS server and each relay:
its certificate, and its configuration or credential. It prints what to copy where.

Whoever can read DIR can let nodes in and read what they send: keep it, and a copy, as
you keep the keys of an authority. One relay may have it, to enrol nodes and to renew
their credentials (daytwo relay --cluster-keys).`,
		Example: `  daytwo cluster init keys --server nats1.example,nats2.example,nats3.example --relay relay1.example
  daytwo cluster init keys --cluster lab --server 10.0.0.1 --relay 10.0.0.2,10.0.0.3`,
		Args: oneArg("DIR"),
	}
	name := cmd.Flags().String("cluster", setting.Cluster, "name the cluster `NAME`")
	m := machineFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := setting.CheckCluster(*name); err != nil {
			return usageError{fmt.Errorf("cluster: %w", err)}
		}
		made, err := k.Init(args[0], *name, *m)
		if err != nil {
			return err
		}
		cmd.Printf("The keys of cluster %s are in %s. Keep them, and a copy.\n", *name, args[0])
		explainFiles(cmd, args[0], made)
		return nil
	}
	return cmd
}

func clusterFilesCommand(k Keys) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "files DIR",
		Short: "Make the files of machines again, or of new ones",
		Long: `Make the files of the machines that are named, in place of old ones: of new machines,
or because a certificate is about to expire, 397 days after it was made. Without any,
those of all machines. A new NATS server changes the configuration of the others, which
are made again too. Servers take new files after 'nats-server --signal reload', relays by
themselves.`,
		Example: `  daytwo cluster files keys --relay relay2.example
  daytwo cluster files keys`,
		Args: oneArg("DIR"),
	}
	m := machineFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		made, err := k.Files(args[0], *m)
		if err != nil {
			return err
		}
		explainFiles(cmd, args[0], made)
		return nil
	}
	return cmd
}

// explainFiles prints what to do with the files of machines.
func explainFiles(cmd *cobra.Command, dir string, made *MachineFiles) {
	if len(made.Servers) == 0 && len(made.Relays) == 0 {
		cmd.Printf("Make files for machines with 'daytwo cluster files %s --server HOST --relay HOST'.\n", dir)
		return
	}
	for _, s := range made.Servers {
		cmd.Printf("\nNATS server %s: copy %s there, and run\n  nats-server -c nats.conf\n", s.Host, s.Dir)
	}
	flags := ""
	if made.Cluster != setting.Cluster {
		flags += " --cluster " + made.Cluster
	}
	if len(made.URLs) >= 3 {
		flags += " --nats-replicas 3"
	}
	flags += " --nats " + strings.Join(made.URLs, ",")
	for _, r := range made.Relays {
		cmd.Printf("\nRelay %s: copy %s there, and run in it\n"+
			"  daytwo relay%s \\\n    --nats-ca ca.crt --nats-creds relay.creds \\\n"+
			"    --listen %s --tls-cert tls.crt --tls-key tls.key\n", r.Host, r.Dir, flags, relayAddress(r.Host))
	}
	cmd.Printf("\nNodes: one relay gets --cluster-keys %s too, a copy of which it can read. Then\n"+
		"  daytwo node code --url https://RELAY:8400\nprints a code, with which a machine becomes a node:\n"+
		"  daytwo collector --join https://RELAY:8400 --code CODE\n", dir)
}

// relayAddress returns the address for --listen of a relay on a host.
func relayAddress(host string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":8400"
}
