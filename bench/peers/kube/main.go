// Command kube runs a command in a container as programs of Kubernetes do, by client-go. It is a
// module of its own, as the product must not depend on that.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

func main() {
	address := flag.String("url", "", "the relay's `URL`")
	token := flag.String("token", "", "the bearer `TOKEN`")
	task := flag.String("task", "", "the task's `NAME`")
	stdin := flag.Bool("i", false, "pass standard input on")
	tty := flag.Bool("t", false, "run the command on a terminal")
	protocol := flag.String("protocol", "v5", "version of the protocol: v5 or v4")
	sizes := flag.String("sizes", "", "sizes of the terminal as ROWSxCOLUMNS, with commas between, one after the other")
	every := flag.Duration("every", 0, "time between sizes")
	rate := flag.Int("rate", 0, "read standard output at so many bytes a second")
	flag.Parse()
	err := run(*address, *token, *task, *protocol, *stdin, *tty, &queue{sizes: split(*sizes), every: *every}, *rate)
	var code exec.CodeExitError
	switch {
	case errors.As(err, &code):
		os.Exit(code.Code)
	case err != nil:
		fmt.Fprintln(os.Stderr, "kube:", err)
		os.Exit(1)
	}
}

func run(address, token, task, protocol string, stdin, tty bool, sizes *queue, rate int) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	yes := strconv.FormatBool
	u.Path += "/api/v1/sessions"
	u.RawQuery = url.Values{"task": {task}, "command": flag.Args(), "stdin": {yes(stdin)}, "stdout": {"true"},
		"stderr": {yes(!tty)}, "tty": {yes(tty)}}.Encode()
	cfg := &rest.Config{Host: address, BearerToken: token}
	var e remotecommand.Executor
	if protocol == "v5" {
		e, err = remotecommand.NewWebSocketExecutor(cfg, "GET", u.String())
	} else {
		e, err = remotecommand.NewWebSocketExecutorForProtocols(cfg, "GET", u.String(), protocol+".channel.k8s.io")
	}
	if err != nil {
		return err
	}
	o := remotecommand.StreamOptions{Stdout: os.Stdout, Tty: tty}
	if rate > 0 {
		o.Stdout = &slow{os.Stdout, rate}
	}
	if stdin {
		o.Stdin = os.Stdin
	}
	if tty {
		o.TerminalSizeQueue = sizes
	} else {
		o.Stderr = os.Stderr
	}
	return e.StreamWithContext(context.Background(), o)
}

// queue has the sizes of a terminal that somebody resizes.
type queue struct {
	sizes []remotecommand.TerminalSize
	every time.Duration
	begun bool
}

// Next implements remotecommand.TerminalSizeQueue.
func (q *queue) Next() *remotecommand.TerminalSize {
	if q.begun {
		time.Sleep(q.every)
	}
	q.begun = true
	if len(q.sizes) == 0 {
		return nil
	}
	s := q.sizes[0]
	q.sizes = q.sizes[1:]
	return &s
}

func split(sizes string) (all []remotecommand.TerminalSize) {
	for s := range strings.SplitSeq(sizes, ",") {
		var size remotecommand.TerminalSize
		if _, err := fmt.Sscanf(s, "%dx%d", &size.Height, &size.Width); err == nil {
			all = append(all, size)
		}
	}
	return all
}

// slow is a writer that takes its time.
type slow struct {
	w    io.Writer
	rate int
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(s.rate))
	return s.w.Write(p)
}
