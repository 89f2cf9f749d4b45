package rig

import (
	"fmt"
	"io"
	"io/fs"
)

// cpioWriter writes the "newc" cpio format that the kernel unpacks as an
// initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
type cpioWriter struct {
	w   io.Writer
	ino int
	err error
}

const (
	cpioDir  = 0o040000
	cpioFile = 0o100000
)

// dir adds a directory; parents come first.
func (c *cpioWriter) dir(name string) { c.entry(name, cpioDir|0o755, nil) }

func (c *cpioWriter) file(name string, perm fs.FileMode, data []byte) {
	c.entry(name, cpioFile|uint32(perm.Perm()), data)
}

// close writes the trailer and returns the first error of all writes.
func (c *cpioWriter) close() error {
	c.entry("TRAILER!!!", 0, nil)
	return c.err
}

func (c *cpioWriter) entry(name string, mode uint32, data []byte) {
	if c.err != nil {
		return
	}
	c.ino++
	const none = 0
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		c.ino, mode, none /*uid*/, none /*gid*/, 1 /*nlink*/, none, /*mtime*/
		len(data), none, none /*device*/, none, none /*rdev*/, len(name)+1, none /*check*/, name)
	c.write([]byte(header))
	c.write(data)
}

// write writes a header or a body, padded to four bytes.
func (c *cpioWriter) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
	}
	if pad := -len(b) & 3; c.err == nil && pad > 0 {
		_, c.err = c.w.Write(make([]byte, pad))
	}
}
