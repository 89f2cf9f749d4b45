package rig

import (
	"bufio"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var natsBuild build

// NATS is a nats-server process with JetStream on disk, which can be killed.
type NATS struct {
	*Process
	t      testing.TB
	listen string
	args   []string
}

// StartNATS starts a nats-server of the module's version.
func StartNATS(t testing.TB, dir, listen string) *NATS {
	t.Helper()
	host, port, _ := net.SplitHostPort(listen)
	n := &NATS{t: t, listen: listen, args: []string{"-js", "-sd", dir, "-a", host, "-p", port}}
	n.Restart()
	return n
}

// StartNATSConfig starts a nats-server with a configuration file, which listens there.
func StartNATSConfig(t testing.TB, file, listen string) *NATS {
	t.Helper()
	n := &NATS{t: t, listen: listen, args: []string{"-c", file}}
	n.Restart()
	return n
}

// Restart starts it after its end, with the same streams, and waits until it answers.
func (n *NATS) Restart() {
	n.t.Helper()
	natsBuild.once.Do(func() {
		dir, err := buildDir()
		if err == nil {
			natsBuild.path = filepath.Join(dir, "nats-server")
			err = goBuild(natsBuild.path, "github.com/nats-io/nats-server/v2", []string{"CGO_ENABLED=0"}, "build", "-trimpath")
		}
		natsBuild.err = err
	})
	if natsBuild.err != nil {
		n.t.Fatal(natsBuild.err)
	}
	n.Process = StartProcess(n.t, exec.Command(natsBuild.path, n.args...))
	Eventually(n.t, 20*time.Second, func() error {
		c, err := net.Dial("tcp", n.listen)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "INFO") {
			return err
		}
		return nil
	})
}
