// Command toolbox has the tools of sessions, which are small programs that run in containers
// like the container's own, and need nothing there: no file, no library, no shell. The node
// executes it by descriptor: it has no path in the container.
package main

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/collector/sessions/toolbox/connecting"
	"github.com/daytwo/daytwo/collector/sessions/toolbox/copying"
	"github.com/daytwo/daytwo/collector/sessions/toolbox/itself"
	"github.com/daytwo/daytwo/collector/sessions/toolbox/shell"
)

// tools has what runs for each tool (session.Tools), with the arguments after its name. Standard
// input, output and error are the session's.
var tools = map[string]func(args []string) int{
	session.ToolDebug:   shell.Main,
	session.ToolCopyIn:  copying.In,
	session.ToolCopyOut: copying.Out,
	session.ToolConnect: connecting.Main,
}

func init() { runtime.LockOSThread() } // main's thread is the first, which has the process's name

func main() {
	itself.Keep()
	// Else some kernels call it as the descriptor by which it was executed.
	name := append([]byte(os.Args[0]), 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0)
	run := tools[os.Args[0]]
	if run == nil {
		fmt.Fprintf(os.Stderr, "daytwo: there is no tool %q\n", os.Args[0])
		os.Exit(session.CodeNotStarted)
	}
	os.Exit(run(os.Args[1:]))
}
