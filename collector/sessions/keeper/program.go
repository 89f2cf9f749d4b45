package keeper

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// watchProgram watches the program's terminal or pipes, as far as there is room.
func (k *keeper) watchProgram() {
	for s := wire.Stdout; s < wire.Streams; s++ {
		o := &k.out[s]
		if o.fd < 0 || o.hup && k.phase < draining && k.tty() {
			continue
		}
		if k.room(s) > 0 {
			k.watch(o.fd, unix.POLLIN, watched{what: programOutput, s: s})
		}
	}
	if k.in.fd >= 0 && k.in.full && !(k.tty() && k.out[wire.Stdout].hup) {
		k.watch(k.in.fd, unix.POLLOUT, watched{what: programInput})
	}
}

// readOutput reads what the program printed, as long as there is room.
func (k *keeper) readOutput(s wire.Stream) {
	o := &k.out[s]
	for range 4 { // then the clients' turn comes
		if o.fd < 0 {
			return
		}
		room := k.room(s)
		if room == 0 {
			return
		}
		n, err := unix.Read(o.fd, o.ring.space(room))
		switch {
		case n > 0:
			o.ring.added(n)
			k.active = k.now
			if n < 4096 {
				return
			}
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			// All that could write has ended, and what they wrote has been read. (What was
			// written to a terminal may still be on its way: that ends with EIO.)
			if k.none && !k.tty() {
				k.endOutput(o)
			}
			return
		case err == unix.EIO && k.tty() && k.phase < draining:
			// Nobody has the terminal open, which may change as long as the program runs.
			o.hup = true
			return
		default: // the end, which is EIO of a terminal
			k.endOutput(o)
			return
		}
	}
}

func (k *keeper) endOutput(o *output) {
	k.closeOutput(o)
	o.ended = true
}

// closeOutput closes an output. The terminal is also the input.
func (k *keeper) closeOutput(o *output) {
	if o.fd < 0 {
		return
	}
	if o.fd == k.in.fd {
		k.in.fd = -1
	}
	unix.Close(o.fd)
	o.fd = -1
}

// writeInput gives the program its input, as far as it takes it.
func (k *keeper) writeInput() {
	in := &k.in
	for in.fd >= 0 && !in.full && in.took < in.ring.end && !k.inputWaits() {
		p := in.ring.from(in.took, stdinSize)
		shown := k.recordsInput() && k.echoes()
		n, err := unix.Write(in.fd, p)
		switch {
		case n > 0:
			if shown && k.echoes() {
				k.recordInput(in.took, p[:n])
			}
			in.took += uint64(n)
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			in.full = true
		default: // the program has closed its input
			k.closeInput()
		}
	}
	if in.fd < 0 && in.ring != nil {
		in.took = in.ring.end // nobody reads it: it is taken, so that the client is not stopped
	}
	if in.ended && in.ring != nil && in.took == in.ring.end && !k.tty() {
		k.closeInput()
	}
	k.creditInput(false)
}

// closeInput closes the program's input, if that is a pipe.
func (k *keeper) closeInput() {
	if k.in.fd >= 0 && !k.tty() {
		unix.Close(k.in.fd)
		k.in.fd = -1
	}
}

// end begins the end of a session: its program is hung up, and killed a little later.
func (k *keeper) end(r session.Reason, detail string) {
	if k.phase != running {
		return
	}
	k.exit = session.Exit{Reason: r, Detail: detail}
	k.setPhase(ending)
	if k.prog == nil {
		return
	}
	// The program is a child that was not waited for: the number is its own.
	_ = unix.Kill(-k.prog.PID, unix.SIGHUP)
	_ = unix.Kill(-k.prog.PID, unix.SIGCONT)
}

// stop ends the session by order: also what clients still wait for.
func (k *keeper) stop(r session.Reason, detail string) {
	if k.phase == running {
		k.end(r, detail)
		return
	}
	if k.phase == draining {
		k.abandon(r, detail)
	}
	if k.phase >= draining {
		k.lost, k.opened = nil, true
		for _, c := range k.clients {
			if c != k.control && c != k.recorder {
				c.gone, c.done = true, true
			}
		}
	}
}

// programEnded takes the program's exit status.
func (k *keeper) programEnded() {
	var status unix.WaitStatus
	pid, err := unix.Wait4(k.prog.PID, &status, unix.WNOHANG, nil)
	if err == unix.EINTR || err == nil && pid == 0 {
		return
	}
	if err != nil { // it is no child: that is a fault, and never success
		status = 0
		k.exit = session.Exit{Code: session.CodeLost, Reason: session.KeeperLost, Detail: "waitpid: " + err.Error()}
	}
	k.status = &status
	if err == nil {
		k.setExit(status)
	}
	k.setPhase(draining)
	k.kill()
}

// setExit sets how the session ended from the program's status. A reason that is known already
// stays.
func (k *keeper) setExit(status unix.WaitStatus) {
	if status.Signaled() {
		k.exit.Signal = int(status.Signal())
		k.exit.Code = 128 + k.exit.Signal
		if k.exit.Reason == session.Exited && k.prog.Cause != nil {
			k.exit.Reason, k.exit.Detail = k.prog.Cause()
		}
		return
	}
	k.exit.Code = status.ExitStatus()
	if k.exit.Reason != session.Exited && k.exit.Code == 0 {
		k.exit.Code = 128 + int(unix.SIGHUP) // it ended well only because it was told to
	}
}

// abandon gives up output that nobody takes. That is no success.
func (k *keeper) abandon(r session.Reason, detail string) {
	if k.exit.Reason == session.Exited {
		k.exit.Reason, k.exit.Detail = r, detail
		if k.exit.Code == 0 {
			k.exit.Code = session.CodeLost
		}
	}
	for s := range k.out {
		if k.out[s].fd >= 0 {
			k.endOutput(&k.out[s])
		}
	}
}

// kill kills what is left of the session.
func (k *keeper) kill() {
	k.killed = k.now
	k.none = !k.prog.Kill()
	k.reap()
}

// advance goes on with the end of a session.
func (k *keeper) advance() {
	switch {
	case k.phase == ending && k.prog == nil:
		k.setPhase(over)
	case k.phase == ending && k.now.Sub(k.since) >= hangUpFor && k.now.Sub(k.killed) >= killEvery:
		k.kill()
	case k.phase == draining && !k.none && k.now.Sub(k.killed) >= killEvery:
		k.kill()
	}
	if k.phase != draining {
		return
	}
	switch silent := k.now.Sub(latest(k.since, k.progress)) >= k.cfg.Limits.Detached; {
	case silent && k.cfg.Recorded && k.recorder == nil:
		k.unrecordable("no relay recorded its last output for " + k.cfg.Limits.Detached.String())
	case silent:
		k.abandon(session.DetachedLimit, "its last output was not read for "+k.cfg.Limits.Detached.String())
	}
	open := false
	for s := wire.Stdout; s < wire.Streams; s++ {
		o := &k.out[s]
		if o.fd < 0 {
			continue
		}
		k.readOutput(s)
		quiet := k.now.Sub(latest(k.active, k.since)) >= quietFor
		if o.fd >= 0 && k.none && quiet && k.room(s) > 0 {
			k.endOutput(o) // a process of someone else has the terminal
		}
		open = open || o.fd >= 0
	}
	if !open && k.none {
		k.setPhase(over)
		k.tellControl()
	}
}
