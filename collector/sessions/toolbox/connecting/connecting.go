package connecting

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/daytwo/daytwo/api/session/forward"
)

const usage = 2 // exit status for arguments that are no ports

// Main connects the streams of standard input and output with the ports in args, and returns an
// exit status.
func Main(args []string) int {
	ports, err := parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return usage
	}
	if err := forward.Serve(standard(), ports); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// parse reads the ports.
func parse(args []string) (ports []uint16, err error) {
	for _, arg := range args {
		n, err := strconv.ParseUint(arg, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no port", arg)
		}
		ports = append(ports, uint16(n))
	}
	if len(ports) == 0 {
		return nil, errors.New("name at least one port")
	}
	return ports, nil
}

// stream is standard input and output.
type stream struct{ in, out *os.File }

// standard returns them so that what waits for them needs no thread, and ends when they are
// closed. Pipes of a session are its own.
func standard() io.ReadWriteCloser {
	for fd := range 2 {
		_ = syscall.SetNonblock(fd, true)
	}
	return stream{os.NewFile(0, "stdin"), os.NewFile(1, "stdout")}
}

func (s stream) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s stream) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s stream) Close() error                { return errors.Join(s.in.Close(), s.out.Close()) }
