package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// echoOfCommand types into a command on a terminal. That echoes by itself, unless the command is a
// client that makes it raw: then what comes back is from the other end.
func echoOfCommand(cmd *exec.Cmd) ([]time.Duration, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	slave, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	slave.Close()
	if err != nil {
		return nil, err
	}
	out := make(chan []byte, 16)
	go func() {
		defer close(out)
		for {
			p := make([]byte, 4096)
			n, err := master.Read(p)
			if n > 0 {
				out <- p[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	took, err := echoes(master, out)
	_, _ = master.Write([]byte{'\n', 4})
	ended := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer ended.Stop()
	_ = cmd.Wait()
	return took, err
}
