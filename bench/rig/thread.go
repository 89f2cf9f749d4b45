package rig

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// onThread calls f in a new goroutine that has its thread to itself until f
// returns. The parent death signal of a process is bound to the thread that
// started it, not to the whole parent (prctl(2), PR_SET_PDEATHSIG), and the Go
// runtime ends threads while a program runs.
func onThread(f func()) {
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f()
	}()
}

// onLastThread calls f in a new goroutine on a thread that ends when f returns: f
// may change what belongs to the thread, as its namespaces. It is never the main
// thread, which cannot end, and whose namespaces /proc/self shows as the process's.
func onLastThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			f() // and no UnlockOSThread
			return
		}
		started := make(chan struct{})
		onLastThread(func() {
			close(started)
			f()
		})
		<-started // on another thread, as this goroutine has the main one
		runtime.UnlockOSThread()
	}()
}
