package keeper

import (
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// Config is what a keeper is told about its session.
type Config struct {
	Session  string // its id
	Listener int    // a listening unix socket, non-blocking
	Dir      int    // directory for ExitFile, -1 for none
	Rows     uint16 // size of the terminal
	Cols     uint16
	Limits   session.Limits // zero = none, but for Detached: DefaultDetached
	Orphaned time.Duration  // how long without a collector; 0 = DefaultOrphaned
	Recorded bool           // it has to be recorded: without a recorder it ends
	Input    bool           // the recording has input, too
}

// Default limits.
const (
	DefaultDetached = 2 * time.Minute
	DefaultOrphaned = 2 * time.Minute
)

// Program is a started program. Its descriptors belong to the keeper, which makes them
// non-blocking and closes them.
type Program struct {
	PID     int    // a child of this process, also by adoption (PR_SET_CHILD_SUBREAPER)
	Entered string // what was entered, for people
	PTYFrom string // "container" or "host"; "" without a terminal

	Master                int // of the terminal; -1 without one
	Stdin, Stdout, Stderr int // pipes, if there is no terminal; Stdin may be -1

	// Kill kills every process of the session, and reports whether any may be left: it is called
	// until it returns false.
	Kill func() (left bool)
	// Cause says why a program ended that a signal killed, if it was not its own doing: the
	// container ended, or its memory limit was reached. It may be nil.
	Cause func() (r session.Reason, detail string)
}

// StartError is an error of starting a program that says with which code the session ends.
type StartError interface {
	error
	ExitStatus() int
}

// ExitFile is the name of the file into which a keeper writes how its session ended, if no
// collector has taken note of it: an Exit message and a Status message (api/session/wire).
func ExitFile(id string) string { return id + ".exit" }

const (
	// gcPercent makes the process collect garbage from a heap of 400 KiB on. There is little: of
	// connections that have ended.
	gcPercent = 10

	// ringSize bytes of an output may be on their way to clients, and keptSize of it stay
	// for those who come later.
	ringSize    = 1 << 20
	keptSize    = 256 << 10
	stdinSize   = 256 << 10 // bytes of input that are kept
	readSize    = 32 << 10  // bytes that are read from a client at once
	maxClients  = 64        // connections at once
	maxLost     = 16        // clients whose return is waited for
	inputSize   = 64 << 10  // with so many bytes unsent to the recorder the program gets no input
	pendingSize = 16 << 10  // with so many bytes of answers unsent a client is not read from

	hangUpFor = 500 * time.Millisecond // between SIGHUP and SIGKILL
	killEvery = 10 * time.Millisecond  // while processes are left
	// quietFor is how long a terminal may be quiet after all processes of the session have ended
	// while a process of someone else still has it open.
	quietFor  = 300 * time.Millisecond
	helloFor  = 10 * time.Second       // within which a connection has to say what it is
	lastFor   = 5 * time.Second        // for the collector to take note of the exit
	overEvery = 200 * time.Millisecond // between two looks whether the keeper is needed any more
	reapFor   = 5 * time.Second        // between two looks for what nobody needs: adopted processes, memory
)
