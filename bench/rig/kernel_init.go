package rig

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// writeInitramfs writes what a VM boots from: a shell, the programs and their files.
func writeInitramfs(dst, busybox string, o RunOptions) error {
	files := map[string]string{"/bin/busybox": busybox}
	for i, p := range o.Programs {
		if err := checkStatic(p.Binary); err != nil {
			return err
		}
		files[programPath(i)] = p.Binary
	}
	f, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer f.Close()
	c := &cpioWriter{w: f}
	for _, d := range []string{"bin", "dev", "proc", "sys", "run", "tmp", "root", "disk", "etc"} {
		c.dir(d)
	}
	c.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	c.file("etc/mtab", 0o644, nil)
	c.file("init", 0o755, []byte(initScript(o)))
	for to, from := range o.Files {
		files[to] = from
	}
	made := map[string]bool{}
	for to, from := range files {
		if err := addTree(c, made, from, strings.TrimPrefix(path.Clean(to), "/")); err != nil {
			return err
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	return f.Close()
}

// addTree adds a file or a directory and everything below it.
func addTree(c *cpioWriter, made map[string]bool, from, to string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		name := path.Join(to, filepath.ToSlash(rel))
		parents(c, made, path.Dir(name))
		if d.IsDir() {
			return nil // made when a file in it is
		}
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		c.file(name, info.Mode(), data)
		return c.err
	})
}

func parents(c *cpioWriter, made map[string]bool, dir string) {
	if dir == "." || made[dir] {
		return
	}
	made[dir] = true
	parents(c, made, path.Dir(dir))
	c.dir(dir)
}

// initScript returns the script of the VM's first process.
func initScript(o RunOptions) string {
	var b strings.Builder
	b.WriteString(`#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo ` + startMarker + ` >/dev/ttyS1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t ext4 /dev/nvme0n1 /disk
ip link set lo up
`)
	if o.Hybrid {
		b.WriteString(`mount -t tmpfs tmpfs /sys/fs/cgroup
for c in cpu cpuacct cpuset memory devices freezer blkio pids hugetlb; do
	mkdir /sys/fs/cgroup/$c
	mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c || rmdir /sys/fs/cgroup/$c
done
mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
`)
	} else {
		b.WriteString(`mount -t cgroup2 cgroup2 /sys/fs/cgroup
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c > /sys/fs/cgroup/cgroup.subtree_control; done
`)
	}
	for _, e := range o.Env {
		b.WriteString("export " + quote(e) + "\n")
	}
	for i, p := range o.Programs {
		dir := p.Dir
		if dir == "" {
			dir = "/root"
		}
		b.WriteString("cd " + quote(dir) + "\n" + programPath(i))
		for _, a := range p.Args {
			b.WriteString(" " + quote(a))
		}
		b.WriteString(` </dev/null >/dev/ttyS1 2>&1
status=$?
printf 'daytwo-vm-exit %d\n' $status >/dev/ttyS1
`)
	}
	b.WriteString("poweroff -f\n")
	return b.String()
}

// programPath is where a VM has its i-th program.
func programPath(i int) string { return fmt.Sprintf("/bin/program%d", i) }

// quote quotes s as one word for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
