// Execve opens its first argument close-on-exec, as Python, Go and Java open
// everything, and then executes its other arguments: execve(2) closes the file,
// and waits for as long as the file's filesystem does not answer to that.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	_, err := syscall.Open(os.Args[1], syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err == nil {
		err = syscall.Exec(os.Args[2], os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
