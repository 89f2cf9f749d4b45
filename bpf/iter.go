package bpf

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// iterator is a bpf_iter link that can be run without allocating. Package link of
// cilium/ebpf attaches iterators to maps only, hence the system calls here.
type iterator struct {
	link int                          // descriptor of the link
	attr struct{ link, flags uint32 } // union bpf_attr for BPF_ITER_CREATE
	buf  [8]byte                      // the programs write no output
}

// cgroupIterInfo is struct cgroup of union bpf_iter_link_info
// (include/uapi/linux/bpf.h).
type cgroupIterInfo struct {
	order uint32
	fd    uint32
	id    uint64
}

// taskIterInfo is struct task of union bpf_iter_link_info.
type taskIterInfo struct{ tid, pid, pidFD, _ uint32 }

// Values of enum bpf_cgroup_iter_order (include/uapi/linux/bpf.h).
const (
	cgroupIterSelfOnly       = 1
	cgroupIterDescendantsPre = 2
)

// attachCgroupIter attaches a program to an iterator over the cgroup directory whose
// descriptor is dir, in the given order.
func attachCgroupIter(prog *ebpf.Program, dir int, order uint32) (*iterator, error) {
	info := cgroupIterInfo{order: order, fd: uint32(dir)}
	return attachIter(prog, unsafe.Pointer(&info), unsafe.Sizeof(info))
}

// attachTaskIter attaches a program to an iterator over one thread.
func attachTaskIter(prog *ebpf.Program, tid int) (*iterator, error) {
	info := taskIterInfo{tid: uint32(tid)}
	return attachIter(prog, unsafe.Pointer(&info), unsafe.Sizeof(info))
}

// attachIter attaches a program to an iterator. info points to a union
// bpf_iter_link_info of size bytes.
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

// run makes the iterator visit all its objects once.
func (it *iterator) run() error {
	it.attr.link = uint32(it.link)
	fd, _, errno := syscall.Syscall(unix.SYS_BPF, unix.BPF_ITER_CREATE, uintptr(unsafe.Pointer(&it.attr)),
		unsafe.Sizeof(it.attr))
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

// close detaches the program. It may be called on nil, and more than once.
func (it *iterator) close() error {
	if it == nil || it.link < 0 {
		return nil
	}
	err := unix.Close(it.link)
	it.link = -1
	return err
}
