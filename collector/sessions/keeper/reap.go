package keeper

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// reap waits for adopted processes that have ended: those of the session whose parents ended
// before them. The program itself is left to programEnded.
func (k *keeper) reap() {
	k.reaped = k.now
	for s := range k.out {
		k.out[s].hup = false // the terminal may be in use again
	}
	for range 1000 {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		pid := int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), pidOffset)))
		if err != nil || pid == 0 || k.prog != nil && k.status == nil && pid == k.prog.PID {
			return
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil {
			return
		}
	}
}

// pidOffset is where si_pid is in a siginfo_t of a 64-bit machine.
const pidOffset = 16
