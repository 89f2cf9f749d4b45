package recordings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Errors of writing.
var (
	errLarge  = errors.New("the recording is as large as one may be")
	errFull   = errors.New("the recordings have as many bytes as they may, and all are of sessions that run")
	errNoRoom = errors.New("the disk has less than 1 MiB left for recordings")
)

// Writer writes a piece. It is used by one goroutine.
type Writer struct {
	*recording.Encoder
	s       *Store
	info    *recording.Info // the store's own: it changes under its lock
	file    *os.File
	size    int64          // bytes of whole writes in the file
	cipher  io.WriteCloser // nil without encryption
	given   int64          // bytes that were given to cipher
	waiting []mark         // what is not in the file in whole
	err     error
}

// mark says how many bytes have to be in the file for outputs to be in it up to some offsets.
type mark struct {
	bytes int64
	ends  [wire.Streams]uint64
}

// Create begins a piece. Its name, the relay, and when it begins are filled in.
func (s *Store) Create(i recording.Info, h recording.Header) (w *Writer, err error) {
	defer func() {
		if err != nil {
			s.mu.Lock()
			s.stats.Failed++
			s.mu.Unlock()
			err = fmt.Errorf("the recording cannot be written: %w", err)
		}
	}()
	var to []age.Recipient
	if s.o.Recipients != "" {
		if to, err = recording.ReadRecipients(s.o.Recipients); err != nil {
			return nil, err
		}
	}
	i.Relay, i.Begun, i.Active, i.Encrypted = s.o.Relay, time.Now().UTC(), true, to != nil
	i.Piece = fmt.Sprintf("%d-%s", i.Begun.UnixMilli(), s.o.Relay)
	i.Command.Env = nil // it may hold secrets
	if err := s.room(); err != nil {
		return nil, err
	}
	w = &Writer{s: s, info: &i}
	if w.Encoder, err = recording.NewEncoder(h, i.Begun, i.Session, !i.Command.TTY); err != nil {
		return nil, err
	}
	if w.file, err = os.OpenFile(s.path(&i), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if to != nil {
		w.cipher, err = age.Encrypt((*fileWriter)(w), to...)
	}
	if err == nil {
		err = s.writeInfo(&i)
	}
	if err == nil {
		_, err = w.Write([wire.Streams]uint64{})
	}
	if err == nil {
		err = w.file.Sync() // a disk that is full may say so only now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		w.file.Close()
		s.remove(&i)
		return nil, err
	}
	s.pieces = append(s.pieces, &i)
	s.stats.Active++
	return w, nil
}

// room returns an error if there is none for another recording.
func (s *Store) room() error {
	s.mu.Lock()
	ok := s.tidy()
	s.mu.Unlock()
	if !ok {
		return errFull
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.o.Dir, &st); err != nil {
		return fmt.Errorf("%s: %w", s.o.Dir, err)
	}
	if st.Bavail*uint64(st.Bsize) < minFree {
		return errNoRoom
	}
	return nil
}

// Write writes what was encoded, which has all outputs up to some offsets, and returns up to which
// ones they are in the file for good. After an error nothing more is written.
func (w *Writer) Write(ends [wire.Streams]uint64) (durable [wire.Streams]uint64, err error) {
	if w.err != nil {
		return durable, w.err
	}
	b := w.Bytes()
	defer w.Reset()
	if w.cipher == nil {
		if _, w.err = (*fileWriter)(w).Write(b); w.err != nil {
			return durable, w.err
		}
		return w.Complete(ends), nil
	}
	if _, w.err = w.cipher.Write(b); w.err != nil {
		return durable, w.err
	}
	w.given += int64(len(b))
	w.waiting = append(w.waiting, mark{w.given, w.Complete(ends)})
	// age writes a chunk once it has a byte of the next one.
	whole := (w.given - 1) / chunk * chunk
	n := 0
	for n < len(w.waiting) && w.waiting[n].bytes <= whole {
		durable = w.waiting[n].ends
		n++
	}
	w.waiting = w.waiting[:copy(w.waiting, w.waiting[n:])]
	return durable, nil
}

// chunk is how many bytes age encrypts at once.
const chunk = 64 << 10

// fileWriter writes into the file: all of it, or nothing.
type fileWriter Writer

func (f *fileWriter) Write(b []byte) (int, error) {
	s := f.s
	if f.size+int64(len(b)) > s.o.Bytes/share {
		return 0, errLarge
	}
	n, err := f.file.Write(b)
	if err != nil {
		_ = f.file.Truncate(f.size) // what came before it is valid
		_, _ = f.file.Seek(f.size, io.SeekStart)
		return n, err
	}
	f.size += int64(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.info.Bytes = f.size
	s.used += int64(n)
	s.stats.Written += uint64(n)
	if s.used > s.o.Bytes && !s.tidy() {
		return n, errFull
	}
	return n, nil
}

// Close ends the piece: with the session's exit, or with why it is not whole. Nobody has the
// Writer then.
func (w *Writer) Close(out, errs recording.Span, exit *session.Exit, why error) error {
	if w.err == nil {
		w.Exit(time.Now(), exit)
		_, w.err = w.Write([wire.Streams]uint64{})
	}
	if w.cipher != nil && w.err == nil {
		w.err = w.cipher.Close()
	}
	if w.err == nil {
		w.err = w.file.Sync()
	}
	err := errors.Join(w.err, w.file.Close())
	s := w.s
	s.mu.Lock()
	i := w.info
	i.Ended, i.Active, i.Stdout, i.Stderr, i.Exit = time.Now().UTC(), false, out, errs, exit
	if why = errors.Join(why, w.err); why != nil {
		i.Error = why.Error()
	}
	s.stats.Active--
	if err != nil {
		s.stats.Failed++
	}
	known := *i
	s.mu.Unlock()
	return errors.Join(err, s.writeInfo(&known))
}

// Discard removes a piece of a session that was not opened.
func (w *Writer) Discard() {
	w.file.Close()
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Active--
	w.info.Active = false
	for n, i := range s.pieces {
		if i == w.info {
			s.pieces = append(s.pieces[:n:n], s.pieces[n+1:]...)
			break
		}
	}
	s.remove(w.info)
}
