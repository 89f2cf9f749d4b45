package keeper

import (
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// phase is how far a session is.
type phase int

const (
	running  phase = iota
	ending         // it was asked to end: SIGHUP is sent, SIGKILL follows
	draining       // the program has ended: other processes are killed, their last output is read
	over           // all output is known, and the exit
)

// keeper is the state of a session. One goroutine has it: there is no lock.
type keeper struct {
	cfg   Config
	prog  *Program // nil if it did not start
	begun time.Time
	pidfd int

	out    [wire.Streams]output // Stdin is not used
	in     input
	phase  phase
	exit   session.Exit // valid when over; before that, why it is ending
	status *unix.WaitStatus

	clients []*conn
	lost    []lostClient
	control *conn // nil while no collector is connected
	recording
	noted  bool   // the collector has taken note of the exit
	writer string // client that writes, "" if nobody does
	name   string // the writer's name
	opened bool   // some client has written

	now      time.Time // of this turn
	active   time.Time // last input or output
	attached time.Time // when a client was connected last
	owned    time.Time // when a collector was connected last
	since    time.Time // of the phase
	killed   time.Time // last call of Kill
	none     bool      // Kill has found no process any more
	reaped   time.Time
	progress time.Time // last credit of a client

	fds []unix.PollFd
	who []watched
	buf []byte // for what clients send
	iov [][]byte
	hds [maxBatch][16]byte // heads of data messages
}

// output is one of the program's outputs.
type output struct {
	fd    int // -1 if it is not open any more
	ring  *ring
	used  bool // the session has this stream
	ended bool
	hup   bool
}

// input is the program's input.
type input struct {
	fd    int // -1 if it takes no input
	ring  *ring
	took  uint64 // offset up to which the program has it
	told  uint64 // offset up to which the writer knows
	ended bool   // the client's input is at its end
	full  bool   // the last write found no room
}

// Run starts a session's program and keeps the session until it is over. It returns when
// everything of it has ended and everybody knows: the process should exit then.
func Run(cfg Config, start func() (*Program, error)) error {
	if cfg.Limits.Detached <= 0 {
		cfg.Limits.Detached = DefaultDetached
	}
	if cfg.Orphaned <= 0 {
		cfg.Orphaned = DefaultOrphaned
	}
	k := &keeper{cfg: cfg, pidfd: -1, in: input{fd: -1}, buf: make([]byte, readSize)}
	for i := range k.out {
		k.out[i].fd = -1
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("session %s: %w", cfg.Session, err)
	}
	debug.SetGCPercent(gcPercent)
	k.now = time.Now()
	k.begun, k.active, k.attached, k.owned, k.reaped, k.progress, k.unrecorded = k.now, k.now, k.now, k.now, k.now, k.now,
		k.now
	if err := k.start(start); err != nil {
		return fmt.Errorf("session %s: %w", cfg.Session, err)
	}
	for !k.finished() {
		k.turn()
	}
	k.close()
	return nil
}

// start starts the program. That it cannot be started is how the session ends, and no error.
func (k *keeper) start(start func() (*Program, error)) (err error) {
	p, err := start()
	if err != nil {
		k.exit = session.Exit{Code: session.CodeNotStarted, Reason: session.NotStarted, Detail: err.Error()}
		if e, ok := err.(StartError); ok && e.ExitStatus() > 0 {
			k.exit.Code = e.ExitStatus()
		}
		k.setPhase(over)
		return nil
	}
	k.prog = p
	if k.pidfd, err = unix.PidfdOpen(p.PID, 0); err != nil {
		p.Kill()
		return fmt.Errorf("pidfd_open %d: %w", p.PID, err)
	}
	k.open(wire.Stdout, p.Stdout)
	k.open(wire.Stderr, p.Stderr)
	k.in.fd = p.Stdin
	if p.Master >= 0 {
		k.open(wire.Stdout, p.Master)
		k.in.fd = p.Master
	}
	if k.in.fd < 0 {
		k.in.ended = true
		return nil
	}
	k.in.ring, err = newRing(stdinSize)
	if err == nil {
		err = unix.SetNonblock(k.in.fd, true)
	}
	return err
}

// open takes an output of the program.
func (k *keeper) open(s wire.Stream, fd int) {
	if fd < 0 {
		return
	}
	r, err := newRing(ringSize)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd) // the program gets EPIPE
		k.end(session.NotStarted, err.Error())
		return
	}
	k.out[s] = output{fd: fd, ring: r, used: true}
}

func (k *keeper) setPhase(p phase) { k.phase, k.since = p, k.now }

func (k *keeper) tty() bool { return k.prog != nil && k.prog.Master >= 0 }

// close closes what is left, which is nothing that anybody needs.
func (k *keeper) close() {
	if !k.noted {
		k.writeExitFile()
	}
	for _, c := range k.clients {
		unix.Close(c.fd)
	}
	k.closeInput()
	for i := range k.out {
		k.closeOutput(&k.out[i])
	}
	if k.pidfd >= 0 {
		unix.Close(k.pidfd)
	}
	unix.Close(k.cfg.Listener)
}
