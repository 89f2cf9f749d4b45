package journal

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a file mapped into memory, read only. More is mapped than a live
// file has, so that what is appended can be read without mapping it anew. An
// access beyond the end of the file, for one that shrank meanwhile, is a SIGBUS;
// catchFault turns it into an error.
type mapping []byte

// errShrunk is the cause of an access beyond the end of a file.
var errShrunk = fmt.Errorf("%w: an object lies beyond the end of the file", ErrCorrupt)

var errNotRegular = errors.New("not a regular file")

// maxFile is the largest file that is mapped. journald's own limit is 4 GiB for
// compact files, and 128 MiB by default.
const maxFile = 1 << 36

// roomToGrow is how far a live file is mapped at least. It costs address space
// only. A test makes it less.
var roomToGrow int64 = 1 << 30

// mapFile maps a file; a live one with room to grow, if there is address space.
func mapFile(f *os.File, live bool) (mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	switch {
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	case size < headMinimum:
		return nil, fmt.Errorf("%d bytes are too few for a journal file", size)
	case size > maxFile:
		return nil, fmt.Errorf("%d bytes are too many for a journal file", size)
	}
	room := size
	if live {
		room = max(4*size, roomToGrow)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(room), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil && room > size {
		data, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	}
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return data, nil
}

func (m mapping) unmap() error { return os.NewSyscallError("munmap", unix.Munmap(m)) }

// outgrown reports whether a live file of a size needs a larger mapping soon.
func (m mapping) outgrown(size int64) bool { return size > int64(len(m)/2) }

// catchFault is deferred by whatever reads mapped files, with the argument
// debug.SetPanicOnFault(true): it returns errShrunk in err if a file no longer
// has what was read, and ErrHeld if its filesystem does not respond. Any other
// panic goes on.
func catchFault(before bool, err *error) {
	debug.SetPanicOnFault(before)
	fault := recover()
	if fault == nil {
		return
	}
	if _, ok := fault.(heldPage); ok {
		*err = ErrHeld
		return
	}
	at, ok := fault.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok || !isMapped(at.Addr()) {
		panic(fault)
	}
	*err = errShrunk
}

// holds reports whether an address is within the mapping.
func (m mapping) holds(address uintptr) bool {
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	return address >= begin && address-begin < uintptr(len(m))
}
