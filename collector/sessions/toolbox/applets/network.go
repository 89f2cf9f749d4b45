package applets

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

func init() {
	add("ip", ip)
	add("netstat", netstat)
	add("ss", netstat)
	add("nslookup", nslookup)
	add("nc", nc)
}

// ip prints addresses (ip addr), interfaces (ip link) or routes (ip route).
func ip(args []string) int {
	what := "addr"
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			what = a
			break
		}
	}
	switch {
	case strings.HasPrefix("route", what):
		return routes()
	case strings.HasPrefix("address", what), strings.HasPrefix("link", what):
		return interfaces(strings.HasPrefix("address", what))
	}
	fmt.Fprintln(os.Stderr, "Usage: ip addr | ip link | ip route\nIt shows them, and changes nothing.")
	return 2
}

func interfaces(addresses bool) int {
	all, err := net.Interfaces()
	if err != nil {
		return complain("ip", err)
	}
	for _, i := range all {
		flags := strings.ToUpper(strings.ReplaceAll(i.Flags.String(), "|", ","))
		fmt.Printf("%d: %s: <%s> mtu %d", i.Index, Printable(i.Name), flags, i.MTU)
		if len(i.HardwareAddr) > 0 {
			fmt.Print(" ether ", i.HardwareAddr)
		}
		fmt.Println()
		if !addresses {
			continue
		}
		list, err := i.Addrs()
		if err != nil {
			return complain("ip", err)
		}
		for _, a := range list {
			kind := "inet"
			if strings.Contains(a.String(), ":") {
				kind = "inet6"
			}
			fmt.Println("   ", kind, a)
		}
	}
	return 0
}

func routes() int {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return complain("ip", err)
	}
	all, err := fs.NetRoute()
	if err != nil {
		return complain("ip", err)
	}
	address := func(n uint32) net.IP { return binary.LittleEndian.AppendUint32(nil, n) }
	for _, r := range all {
		to := "default"
		if r.Destination != 0 || r.Mask != 0 {
			to = (&net.IPNet{IP: address(r.Destination), Mask: net.IPMask(address(r.Mask))}).String()
		}
		fmt.Print(to)
		if r.Gateway != 0 {
			fmt.Print(" via ", address(r.Gateway))
		}
		fmt.Printf(" dev %s", Printable(r.Iface))
		if r.Metric != 0 {
			fmt.Print(" metric ", r.Metric)
		}
		fmt.Println()
	}
	return 0
}

// states of TCP, as the kernel counts them.
var states = []string{"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
	"CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"}

// netstat lists sockets, with the processes that have them as far as they may be seen.
func netstat(args []string) int {
	fs := flags("netstat", "[-tulanp]")
	tcp := fs.BoolP("tcp", "t", false, "only TCP")
	udp := fs.BoolP("udp", "u", false, "only UDP")
	listening := fs.BoolP("listening", "l", false, "only those that listen")
	for _, f := range []string{"all", "numeric", "programs"} {
		fs.BoolP(f, f[:1], false, "as always here")
	}
	if status, ok := parse(fs, args); !ok {
		return status
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return complain("netstat", err)
	}
	owners := socketOwners()
	fmt.Printf("%-5s %8s %8s %-24s %-24s %-12s %s\n", "PROTO", "RECV-Q", "SEND-Q", "LOCAL", "REMOTE", "STATE", "PROCESS")
	line := func(proto string, local, remote net.IP, localPort, remotePort, recv, send, inode uint64, state string) {
		if *listening && state != "LISTEN" && state != "-" {
			return
		}
		address := func(ip net.IP, port uint64) string {
			p := "*"
			if port != 0 {
				p = strconv.FormatUint(port, 10)
			}
			return net.JoinHostPort(ip.String(), p)
		}
		fmt.Println(strings.TrimRight(fmt.Sprintf("%-5s %8d %8d %-24s %-24s %-12s %s", proto, recv, send,
			address(local, localPort), address(remote, remotePort), state, owners[inode]), " "))
	}
	//lint:ignore SA1019 Netlink needs a module of the kernel that a container cannot load.
	tcp4, tcp6 := proc.NetTCP, proc.NetTCP6
	for _, v := range []struct {
		name string
		tcp  func() (procfs.NetTCP, error)
		udp  func() (procfs.NetUDP, error)
	}{{"", tcp4, proc.NetUDP}, {"6", tcp6, proc.NetUDP6}} {
		if *tcp || !*udp {
			all, err := v.tcp()
			if err != nil && !os.IsNotExist(err) {
				return complain("netstat", err)
			}
			for _, s := range all {
				state := ""
				if s.St < uint64(len(states)) {
					state = states[s.St]
				}
				line("tcp"+v.name, s.LocalAddr, s.RemAddr, s.LocalPort, s.RemPort, s.RxQueue, s.TxQueue, s.Inode, state)
			}
		}
		if *udp || !*tcp {
			all, err := v.udp()
			if err != nil && !os.IsNotExist(err) {
				return complain("netstat", err)
			}
			for _, s := range all {
				state := "-"
				if s.St == 1 {
					state = states[1]
				}
				line("udp"+v.name, s.LocalAddr, s.RemAddr, s.LocalPort, s.RemPort, s.RxQueue, s.TxQueue, s.Inode, state)
			}
		}
	}
	return 0
}

// socketOwners finds which processes have which sockets, by inode.
func socketOwners() map[uint64]string {
	owners := map[uint64]string{}
	all, err := procfs.AllProcs()
	if err != nil {
		return owners
	}
	for _, p := range all {
		targets, err := p.FileDescriptorTargets()
		if err != nil {
			continue
		}
		for _, t := range targets {
			text, ok := strings.CutPrefix(t, "socket:[")
			if !ok {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
			if err != nil || owners[inode] != "" {
				continue
			}
			comm, _ := p.Comm()
			owners[inode] = strconv.Itoa(p.PID) + "/" + Printable(comm)
		}
	}
	return owners
}

// nslookup asks for names and addresses: nslookup NAME [SERVER].
func nslookup(args []string) int {
	fs := flags("nslookup", "NAME|ADDRESS [SERVER]")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if fs.NArg() == 0 {
		fs.Usage()
		return 2
	}
	r := &net.Resolver{PreferGo: true}
	if server := fs.Arg(1); server != "" {
		if _, _, err := net.SplitHostPort(server); err != nil {
			server = net.JoinHostPort(server, "53")
		}
		r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	find := r.LookupHost
	if net.ParseIP(fs.Arg(0)) != nil {
		find = r.LookupAddr
	}
	found, err := find(ctx, fs.Arg(0))
	if err != nil {
		return complain("nslookup", err)
	}
	for _, f := range found {
		fmt.Println(Printable(f))
	}
	return 0
}

// nc connects to a port, and passes standard input and output on.
func nc(args []string) int {
	fs := flags("nc", "[-zuv] [-w SECONDS] HOST PORT")
	zero := fs.BoolP("zero", "z", false, "only connect")
	udp := fs.BoolP("udp", "u", false, "by UDP instead of TCP")
	verbose := fs.BoolP("verbose", "v", false, "say that it is connected")
	wait := fs.IntP("wait", "w", 10, "connect within so many seconds")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if fs.NArg() != 2 {
		fs.Usage()
		return 2
	}
	network := "tcp"
	if *udp {
		network = "udp"
	}
	conn, err := net.DialTimeout(network, net.JoinHostPort(fs.Arg(0), fs.Arg(1)), time.Duration(*wait)*time.Second)
	if err != nil {
		return complain("nc", err)
	}
	defer conn.Close()
	if *verbose {
		fmt.Fprintf(os.Stderr, "connected to %s\n", conn.RemoteAddr())
	}
	if *zero {
		return 0
	}
	go func() {
		io.Copy(conn, os.Stdin)
		if c, ok := conn.(*net.TCPConn); ok {
			c.CloseWrite()
		}
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		return complain("nc", err)
	}
	return 0
}
