package cli

import (
	"cmp"
	"io"
	"os"
	"os/exec"

	"golang.org/x/term"
)

// pager returns where to print, and whether that is a terminal. If it is one, and the
// output has an end, it is a pager, as journalctl has it. done waits for the pager,
// which ends when the user leaves it: then cancel is called.
func (o *logOptions) pager(stdout io.Writer, cancel func()) (w io.Writer, terminal bool, done func()) {
	f, ok := stdout.(*os.File)
	terminal = ok && term.IsTerminal(int(f.Fd()))
	command := cmp.Or(os.Getenv("DAYTWO_PAGER"), os.Getenv("PAGER"), "less")
	if !terminal || o.follow || o.noPager || command == "cat" {
		return stdout, terminal, func() {}
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Stdout, cmd.Stderr = f, os.Stderr
	// Quit if it fits on one screen, show colours, do not clear the screen.
	cmd.Env = append(os.Environ(), "LESS="+cmp.Or(os.Getenv("LESS"), "FRSXMK"), "LESSCHARSET=utf-8")
	in, err := cmd.StdinPipe()
	if err != nil {
		return stdout, terminal, func() {}
	}
	if cmd.Start() != nil { // without a shell there is no pager
		return stdout, terminal, func() {}
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // its status says nothing about the logs
		close(ended)
		cancel()
	}()
	return in, true, func() {
		in.Close()
		<-ended
	}
}
