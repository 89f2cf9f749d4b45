package keeper

import "golang.org/x/sys/unix"

// ring keeps the last bytes of a stream. Bytes are addressed by their offset in the stream. Its
// memory is the kernel's until it is used, and never part of the heap.
type ring struct {
	mem        []byte
	start, end uint64 // offsets of the oldest byte and of the next one
}

func newRing(size int) (*ring, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return &ring{mem: mem}, err
}

// space returns where the next bytes go, at most n and at most up to the end of the memory.
func (r *ring) space(n int) []byte {
	at := int(r.end % uint64(len(r.mem)))
	return r.mem[at:min(at+n, len(r.mem))]
}

// added says that n bytes are in the space. The oldest ones are overwritten if need be.
func (r *ring) added(n int) {
	r.end += uint64(n)
	if r.end-r.start > uint64(len(r.mem)) {
		r.start = r.end - uint64(len(r.mem))
	}
}

// from returns the bytes from an offset on, at most n and at most up to the end of the memory.
func (r *ring) from(offset uint64, n int) []byte {
	n = int(min(uint64(n), r.end-offset))
	at := int(offset % uint64(len(r.mem)))
	return r.mem[at:min(at+n, len(r.mem))]
}

// write adds bytes.
func (r *ring) write(p []byte) {
	for len(p) > 0 {
		n := copy(r.space(len(p)), p)
		r.added(n)
		p = p[n:]
	}
}
