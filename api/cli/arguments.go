package cli

import (
	"os"
	"strings"
	"unsafe"
)

// secretFlags have values that nobody else may see.
var secretFlags = []string{"--token", "--code"}

// TakeArguments returns the arguments of this process without its name, and overwrites tokens,
// codes and passwords in URLs where the kernel shows them to everybody: in the process list. Until
// a process comes to that they are seen, so that files and environment stay the better place.
func TakeArguments() []string {
	args := make([]string, 0, len(os.Args))
	for _, arg := range os.Args[1:] {
		args = append(args, strings.Clone(arg))
	}
	for i, arg := range args {
		// The strings of os.Args are the process' own memory of arguments, which can be written.
		shown := unsafe.Slice(unsafe.StringData(os.Args[i+1]), len(arg))
		for _, s := range secretParts(args, i) {
			for k := s[0]; k < s[1]; k++ {
				shown[k] = 'x'
			}
		}
	}
	return args
}

// secretParts returns what is secret in an argument: the first byte, and the one after the last.
func secretParts(args []string, i int) (parts [][2]int) {
	arg := args[i]
	for _, flag := range secretFlags {
		if i > 0 && args[i-1] == flag {
			return [][2]int{{0, len(arg)}}
		}
		if strings.HasPrefix(arg, flag+"=") {
			return [][2]int{{len(flag) + 1, len(arg)}}
		}
	}
	for at := 0; ; {
		start := strings.Index(arg[at:], "://")
		if start < 0 {
			return parts
		}
		start += at + len("://")
		end := len(arg)
		if next := strings.Index(arg[start:], "://"); next >= 0 {
			end = start + next
		}
		if user := strings.LastIndexByte(arg[start:end], '@'); user > 0 {
			parts = append(parts, [2]int{start, start + user})
		}
		at = end
	}
}
