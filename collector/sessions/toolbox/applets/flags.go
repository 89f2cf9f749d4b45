package applets

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// flags returns a set of flags, with the usage of an applet.
func flags(name, usage string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(os.Stderr)
	fs.SortFlags = false
	fs.Usage = func() {
		fmt.Fprintf(os.Stderr, "Usage: %s\n%s", strings.TrimSpace(name+" "+usage), fs.FlagUsages())
	}
	return fs
}

// parse parses the arguments of an applet. If ok is false, the applet ends with the status.
func parse(fs *pflag.FlagSet, args []string) (status int, ok bool) {
	err := fs.Parse(args)
	switch {
	case err == nil:
		return 0, true
	case errors.Is(err, pflag.ErrHelp):
		return 0, false
	}
	fmt.Fprintf(os.Stderr, "%s: %v ('%s --help' shows its usage)\n", fs.Name(), err, fs.Name())
	return 2, false
}

// complain prints an error of an applet, and returns its exit status.
func complain(name string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 1
}

// Printable returns a text without the bytes that control a terminal: what a container's
// processes call themselves is theirs to choose.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return '?'
		}
		return r
	}, text)
}
