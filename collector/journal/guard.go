package journal

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
)

// guard has the pages of a file read before somebody reads them in memory, where the
// filesystem may stop to respond: that of a network, or of another process.
//
// A page fault that is never resolved holds more than the goroutine that reads: Go does not
// know of it, and at the next garbage collection the whole process waits for it. Of a system
// call that has pages read Go knows, and it is given up after a while. What was read a moment
// ago is taken to be there still.
type guard struct {
	calls  *bounded.Source
	key    string // of the calls: a directory whose filesystem does not respond is waited for once
	data   mapping
	blocks []atomic.Bool // that were read
}

// guardBlock is how much is read at once, in bytes: a multiple of the size of a page.
const guardBlock = 64 << 10

// heldPage is the value of a panic where pages are not read in time: see catchFault.
type heldPage struct{}

func newGuard(calls *bounded.Source, dir string, data mapping) *guard {
	return &guard{calls: calls, key: "pages in " + dir, data: data, blocks: make([]atomic.Bool, len(data)/guardBlock+1)}
}

// need has a part of a file read that is going to be accessed.
func (f *File) need(at, n uint64) {
	if f.guard != nil {
		f.guard.need(at, n)
	}
}

// needHead has the header read.
func (f *File) needHead() { f.need(0, headMinimum) }

func (g *guard) need(at, n uint64) {
	size := uint64(len(g.data))
	if at >= size || n == 0 {
		return // whoever asks finds that out itself
	}
	for b := at / guardBlock; b <= (min(at+n, size)-1)/guardBlock; b++ {
		if !g.blocks[b].Load() {
			g.read(b)
		}
	}
}

// read has a block read. A call whose answer is that to an earlier one counts as none.
func (g *guard) read(b uint64) {
	for range 2 {
		began := time.Now()
		r, err := bounded.Do(g.calls, g.key, lookWait, func() (blockRead, error) {
			r := blockRead{at: time.Now()}
			// An error says that the block is beyond the end of the file, or that the kernel
			// is older than 5.14, and has no such call.
			r.whole = unix.Madvise(g.data[b*guardBlock:min((b+1)*guardBlock, uint64(len(g.data)))],
				unix.MADV_POPULATE_READ) == nil
			return r, nil
		})
		if err != nil {
			break
		}
		if !r.at.Before(began) {
			g.blocks[b].Store(r.whole)
			return
		}
	}
	panic(heldPage{})
}

// blockRead is how a block was read.
type blockRead struct {
	at    time.Time // when that began
	whole bool
}

// forget has blocks read again that are accessed from now on: pages may be gone meanwhile.
func (g *guard) forget() {
	for b := range g.blocks {
		g.blocks[b].Store(false)
	}
}

// mayHang reports whether the filesystem of an open file may stop to respond, which one on
// this machine's own disks and in its memory does not.
func mayHang(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.BCACHEFS_SUPER_MAGIC, unix.SQUASHFS_MAGIC,
		unix.EROFS_SUPER_MAGIC_V1, zfsMagic:
		return false
	}
	return true
}

const zfsMagic = 0x2fc12fc1 // of OpenZFS
