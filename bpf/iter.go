package bpf

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// iterator is a bpf_iter link and what it takes to run it without allocating.
// Package link of cilium/ebpf attaches iterators to maps only.
type iterator struct {
	link int
	attr struct{ link, flags uint32 }
	buf  [8]byte
}

// union bpf_iter_link_info (include/uapi/linux/bpf.h).
type cgroupIterInfo struct {
	order uint32
	fd    uint32
	id    uint64
}

type taskIterInfo struct{ tid, pid, pidFD, _ uint32 }

// enum bpf_cgroup_iter_order
const (
	cgroupIterSelfOnly       = 1
	cgroupIterDescendantsPre = 2
)

func attachCgroupIter(prog *ebpf.Program, dir int, order uint32) (*iterator, error) {
	info := cgroupIterInfo{order: order, fd: uint32(dir)}
	return attachIter(prog, unsafe.Pointer(&info), unsafe.Sizeof(info))
}

func attachTaskIter(prog *ebpf.Program, tid int) (*iterator, error) {
	info := taskIterInfo{tid: uint32(tid)}
	return attachIter(prog, unsafe.Pointer(&info), unsafe.Sizeof(info))
}

func attachIter(prog *ebpf.Program, info unsafe.Pointer, size uintptr) (*iterator, error) {
	var pin runtime.Pinner
	pin.Pin(info)
	defer pin.Unpin()
	attr := struct { // BPF_LINK_CREATE
		prog, target, attach, flags uint32
		info                        uint64
		size, _                     uint32
	}{prog: uint32(prog.FD()), attach: uint32(ebpf.AttachTraceIter), info: uint64(uintptr(info)), size: uint32(size)}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_LINK_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(prog)
	if errno != 0 {
		return nil, fmt.Errorf("attach iterator: %w", errno)
	}
	unix.CloseOnExec(int(fd))
	return &iterator{link: int(fd)}, nil
}

// run lets the iterator visit its objects once.
func (it *iterator) run() error {
	it.attr.link = uint32(it.link)
	fd, _, errno := syscall.Syscall(unix.SYS_BPF, unix.BPF_ITER_CREATE, uintptr(unsafe.Pointer(&it.attr)), unsafe.Sizeof(it.attr))
	if errno != 0 {
		return errno
	}
	defer syscall.Syscall(unix.SYS_CLOSE, fd, 0, 0)
	for {
		n, _, errno := syscall.Syscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&it.buf[0])), uintptr(len(it.buf)))
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return errno
		case n == 0:
			return nil
		}
	}
}

func (it *iterator) close() error {
	if it == nil || it.link < 0 {
		return nil
	}
	err := unix.Close(it.link)
	it.link = -1
	return err
}
