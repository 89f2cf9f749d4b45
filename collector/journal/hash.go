package journal

import "math/bits"

// jenkins is Bob Jenkins' lookup3 hash (hashlittle2 with zero seeds) as systemd
// joins its halves: the hash of files without keyed hashes, and the one that
// the entries' xor_hash is made of. Source: systemd's lookup3.c.
func jenkins(p []byte) uint64 {
	a := 0xdeadbeef + uint32(len(p))
	b, c := a, a
	for len(p) > 12 {
		a += le.Uint32(p)
		b += le.Uint32(p[4:])
		c += le.Uint32(p[8:])
		a, b, c = mixJenkins(a, b, c)
		p = p[12:]
	}
	if len(p) == 0 {
		return uint64(c)<<32 | uint64(b)
	}
	var last [12]byte
	copy(last[:], p)
	a += le.Uint32(last[0:])
	b += le.Uint32(last[4:])
	c += le.Uint32(last[8:])

	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	c = (c ^ b) - bits.RotateLeft32(b, 24)
	return uint64(c)<<32 | uint64(b)
}

func mixJenkins(a, b, c uint32) (uint32, uint32, uint32) {
	a = (a - c) ^ bits.RotateLeft32(c, 4)
	c += b
	b = (b - a) ^ bits.RotateLeft32(a, 6)
	a += c
	c = (c - b) ^ bits.RotateLeft32(b, 8)
	b += a
	a = (a - c) ^ bits.RotateLeft32(c, 16)
	c += b
	b = (b - a) ^ bits.RotateLeft32(a, 19)
	a += c
	c = (c - b) ^ bits.RotateLeft32(b, 4)
	b += a
	return a, b, c
}
