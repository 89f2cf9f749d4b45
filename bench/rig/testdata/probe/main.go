// Probe prints what a VM of the rig offers, and ends with status 3.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	for _, f := range []string{"/proc/sys/kernel/osrelease", "/sys/fs/cgroup/cgroup.subtree_control",
		"/sys/fs/cgroup/memory/memory.stat", "/proc/mounts"} {
		if b, err := os.ReadFile(f); err == nil {
			fmt.Printf("%s: %s\n", f, strings.TrimSpace(string(b)))
		}
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err == nil {
		fmt.Println("btf: yes")
	}
	if err := os.WriteFile("/disk/file", []byte("x"), 0o600); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("args: %q\nenv: %s\n", os.Args[1:], os.Getenv("RIG_TEST"))
	os.Exit(3)
}
