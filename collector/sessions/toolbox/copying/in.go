package copying

import (
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session/archive"
)

// In writes the archive of standard input to PATH.
func In(args []string) int {
	var o archive.ExtractOptions
	var name string
	var directory, stream bool
	path, err := parse(args, func(fs *flag.FlagSet) {
		fs.StringVar(&name, "name", "", "")
		fs.BoolVar(&directory, "directory", false, "")
		fs.BoolVar(&stream, "stream", false, "")
		fs.BoolVar(&o.Owner, "owner", false, "")
	})
	if err != nil {
		return fail(misused, err)
	}
	place, err := find(path, name, directory, stream)
	if err != nil {
		return fail(incomplete, fmt.Errorf("%s: %w", archive.Quote(path), err))
	}
	defer place.Close()
	_, _ = unix.FcntlInt(os.Stdin.Fd(), unix.F_SETPIPE_SZ, pipeSize)
	o.Say, o.Prepare = say, cleanUp
	sum, err := archive.Extract(os.Stdin, place, o)
	return result(path, sum, err)
}

// find returns where to write.
func find(path, name string, directory, stream bool) (*archive.Place, error) {
	if stream {
		return archive.NewStreamPlace(path, archive.OpenInside)
	}
	if directory {
		path += "/"
	}
	return archive.NewPlace(path, name, archive.OpenInside)
}

// cleanUp calls abort before a signal ends this process: a session that ends sends SIGHUP.
func cleanUp(abort func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	go func() {
		s := <-signals
		abort()
		os.Exit(128 + int(s.(unix.Signal)))
	}()
}
