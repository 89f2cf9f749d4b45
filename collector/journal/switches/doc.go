// Package switches tells when another process rests: when it has given up the
// processor, as a program does once it has nothing more to do. The kernel counts
// that, and wakes who waits for it, so nobody has to look time and again. It
// stops, slows or changes nothing of that process, and reads nothing of it.
package switches
