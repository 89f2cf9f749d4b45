package keeper

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a ring gives back is nothing that is still needed, wherever it stands in the memory.
func TestRingGivesBack(t *testing.T) {
	r, err := newRing(ringSize)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(r.mem)
	var all []byte
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		p := make([]byte, random.IntN(ringSize/2))
		for i := range p {
			p[i] = byte(1 + random.IntN(255))
		}
		r.write(p)
		all = append(all, p...)
		needed := r.end - uint64(random.IntN(int(r.end-r.start)+1))
		r.giveBack(needed)
		if least := r.end - min(r.end, keptSize); r.start > needed || r.start > least || r.end != uint64(len(all)) {
			t.Fatalf("bytes [%d, %d) are there, needed were %d and %d", r.start, r.end, needed, least)
		}
		for at := r.start; at < r.end; {
			got := r.from(at, ringSize)
			if !bytes.Equal(got, all[at:at+uint64(len(got))]) {
				t.Fatalf("other bytes than were written in [%d, %d) of [%d, %d)", at, at+uint64(len(got)), r.start, r.end)
			}
			at += uint64(len(got))
		}
	}
	r.giveBack(r.start) // all of it is needed, then nothing
	r.giveBack(r.end)
	resident := make([]byte, len(r.mem)/unix.Getpagesize())
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, addressOf(r.mem), uintptr(len(r.mem)), addressOf(resident))
	if errno != 0 {
		t.Fatal(errno)
	}
	n := 0
	for _, b := range resident {
		n += int(b & 1)
	}
	if n *= unix.Getpagesize(); n > keptSize+2*unix.Getpagesize() || n < keptSize {
		t.Errorf("%d bytes are in memory, want %d", n, keptSize)
	}
}

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }
