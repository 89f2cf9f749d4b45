// Command helper keeps a session in a container. The collector executes it from sealed
// memory, never from a file.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/daytwo/daytwo/collector/sessions/enter"
	"github.com/daytwo/daytwo/collector/sessions/keeper"
	"golang.org/x/sys/unix"
)

func main() { os.Exit(run()) }

// request is what descriptor 3 has.
type request struct {
	Target enter.Target
	Spec   enter.Spec
	Keep   *keeper.Config // of a session that is kept; nil for one with this process' own streams
}

func run() int {
	f := os.NewFile(3, "request")
	var in request
	err := json.NewDecoder(f).Decode(&in)
	f.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	if in.Keep != nil {
		return keep(&in)
	}
	return direct(&in)
}

// direct connects the streams of the session with its own.
func direct(in *request) int {
	s, err := enter.Start(in.Target, in.Spec)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		var r *enter.Refusal
		errors.As(err, &r)
		return r.ExitStatus()
	}
	defer s.Close()
	copied := make(chan struct{}, 2)
	connect := func(fd int, from io.Reader, to io.Writer) {
		f := os.NewFile(uintptr(fd), "stream")
		if from != nil {
			io.Copy(f, from)
			f.Close()
			return
		}
		io.Copy(to, f)
		copied <- struct{}{}
	}
	if s.Master >= 0 {
		m := os.NewFile(uintptr(s.Master), "terminal")
		go io.Copy(m, os.Stdin)
		go func() { io.Copy(os.Stdout, m); copied <- struct{}{} }()
	} else {
		go connect(s.Stdin, os.Stdin, nil)
		go connect(s.Stdout, nil, os.Stdout)
		go connect(s.Stderr, nil, os.Stderr)
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(s.PID, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	for s.Kill() {
		time.Sleep(time.Millisecond)
	}
	<-copied
	if s.Master < 0 {
		<-copied
	}
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
