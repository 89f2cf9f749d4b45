// Daytwo is day-2 operations for a cluster of Linux machines: metrics, logs and
// debugging sessions. `daytwo --help` shows what it does.
package main

import (
	"os"

	"github.com/daytwo/daytwo/api/cli"
)

var version = "dev" // set by the linker

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Programs{Version: version}))
}
