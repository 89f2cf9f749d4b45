package keeper

import "golang.org/x/sys/unix"

// ring keeps the last bytes of a stream. Bytes are addressed by their offset in the stream. Its
// memory is the kernel's until it is used, and never part of the heap.
type ring struct {
	mem        []byte
	start, end uint64 // offsets of the oldest byte and of the next one
	clean      uint64 // end when memory was given back last
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

// giveBack forgets bytes before an offset, but never the last keptSize ones, and gives the
// memory that is free then back to the kernel.
func (r *ring) giveBack(before uint64) {
	start := max(r.start, min(before, r.end-min(r.end, keptSize)))
	if r.end == r.clean && start == r.start {
		return
	}
	r.clean, r.start = r.end, start
	page := uint64(unix.Getpagesize())
	size := uint64(len(r.mem))
	// The free bytes are those from the end on, round the memory, to the start.
	from, to := (r.end+page-1)/page*page, (r.start+size)/page*page
	for from < to {
		at := from % size
		n := min(to-from, size-at)
		_ = unix.Madvise(r.mem[at:at+n], unix.MADV_DONTNEED) // it stays in use otherwise
		from += n
	}
}
