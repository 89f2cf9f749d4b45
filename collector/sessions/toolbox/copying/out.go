package copying

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session/archive"
)

// Exit codes.
const (
	ok         = 0
	incomplete = 1 // standard error says what is missing
	misused    = 2
)

// pipeSize is what unprivileged users may have, by default.
const pipeSize = 1 << 20

// Out packs PATH to standard output.
func Out(args []string) int {
	var o archive.PackOptions
	path, err := parse(args, func(fs *flag.FlagSet) {
		fs.StringVar(&o.Name, "name", "", "")
		fs.BoolVar(&o.Follow, "follow", false, "")
	})
	if err != nil {
		return fail(misused, err)
	}
	o.Say = say
	src, err := archive.NewSource(path, archive.OpenInside)
	if err != nil {
		return fail(incomplete, fmt.Errorf("%s: %w", archive.Quote(path), err))
	}
	_, _ = unix.FcntlInt(os.Stdout.Fd(), unix.F_SETPIPE_SZ, pipeSize)
	w := bufio.NewWriterSize(os.Stdout, 64<<10)
	sum, err := archive.Pack(w, src, o)
	if err == nil {
		err = w.Flush()
	}
	return result(path, sum, err)
}

// parse parses PATH and flags after it: the path comes first, where rules of a policy can find it.
func parse(args []string, define func(*flag.FlagSet)) (path string, err error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "/") {
		return "", errors.New("an absolute path has to come first")
	}
	fs := flag.NewFlagSet("copy", flag.ContinueOnError)
	fs.SetOutput(new(strings.Builder))
	define(fs)
	if err := fs.Parse(args[1:]); err != nil {
		return "", err
	}
	if fs.NArg() > 0 {
		return "", fmt.Errorf("there is more than one path: %s", archive.Quote(fs.Arg(0)))
	}
	return args[0], nil
}

// result says what went wrong, and returns the exit code.
func result(path string, sum archive.Summary, err error) int {
	if err != nil {
		return fail(incomplete, fmt.Errorf("%s: %w", archive.Quote(path), err))
	}
	if err := sum.Err(); err != nil {
		return fail(incomplete, err)
	}
	return ok
}

func fail(code int, err error) int {
	say(err.Error())
	return code
}

func say(text string) { fmt.Fprintln(os.Stderr, "daytwo: "+text) }
