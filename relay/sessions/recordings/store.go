package recordings

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/setting"
)

// Options of a Store. Dir and Relay are required.
type Options struct {
	Dir        string        // it is made if need be
	Relay      string        // id of the relay, which is part of the names of what it writes
	Keep       time.Duration // how long; default setting.RecordingsKeep
	Bytes      int64         // of all files; default setting.RecordingsBytes
	Pieces     int           // how many are kept; default 20,000
	Recipients string        // file with age recipients, read for each recording; "" does not encrypt
	Log        *slog.Logger  // default slog.Default()
}

const (
	maxPieces = 20_000  // that are kept, by default
	maxInfo   = 1 << 20 // bytes of what is known of one
	share     = 4       // a recording has at most this part of Bytes, so that none pushes all others out
	minFree   = 1 << 20 // bytes that have to be free on the disk when a recording begins
)

// Suffixes of files: of a recording, of an encrypted one, of what is known of it.
const (
	castSuffix = ".cast"
	ageSuffix  = ".cast.age"
	infoSuffix = ".json"
)

// Store has recordings. It is safe for concurrent use.
type Store struct {
	o Options

	mu     sync.Mutex
	pieces []*recording.Info // in the order in which they began
	used   int64
	stats  Stats
}

// Stats are figures of a store.
type Stats struct {
	Pieces  int
	Active  int // that are written now
	Bytes   int64
	Written uint64 // bytes since the start
	Deleted uint64 // pieces that were too old or one too many, since the start
	Failed  uint64 // recordings that could not be begun or went wrong
}

// Open opens the directory.
func Open(o Options) (*Store, error) {
	if o.Keep == 0 {
		o.Keep = setting.RecordingsKeep
	}
	if o.Bytes == 0 {
		o.Bytes = setting.RecordingsBytes
	}
	if o.Pieces == 0 {
		o.Pieces = maxPieces
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Store{o: o}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), infoSuffix); ok {
			s.read(name)
		}
	}
	slices.SortFunc(s.pieces, older)
	s.Tidy()
	return s, nil
}

func older(a, b *recording.Info) int {
	return cmp.Or(a.Begun.Compare(b.Begun), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Piece, b.Piece))
}

// read reads what is known of a piece that an earlier process has written.
func (s *Store) read(name string) {
	i := new(recording.Info)
	b, err := regularfile.Read(filepath.Join(s.o.Dir, name+infoSuffix), maxInfo)
	if err == nil {
		err = json.Unmarshal(b, i)
	}
	if err == nil && (baseName(i) != name || !session.ValidID(i.Session) || !recording.ValidPiece(i.Piece)) {
		err = errors.New("it is of another recording")
	}
	var st os.FileInfo
	if err == nil {
		st, err = os.Stat(s.path(i))
	}
	if err != nil {
		s.o.Log.Error("a recording cannot be read", "file", name+infoSuffix, "err", err)
		return
	}
	i.Bytes, i.Active = st.Size(), false
	if i.Ended.IsZero() {
		i.Error = "the relay ended while it wrote"
	}
	s.pieces = append(s.pieces, i)
	s.used += i.Bytes
}

func baseName(i *recording.Info) string { return i.Session + "." + i.Piece }

func (s *Store) path(i *recording.Info) string {
	suffix := castSuffix
	if i.Encrypted {
		suffix = ageSuffix
	}
	return filepath.Join(s.o.Dir, baseName(i)+suffix)
}

// writeInfo writes what is known of a piece.
func (s *Store) writeInfo(i *recording.Info) error {
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(s.o.Dir, baseName(i)+infoSuffix), b, 0o600)
}

// Stats reads the figures.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Pieces, st.Bytes = len(s.pieces), s.used
	return st
}

// Tidy deletes what is too old, and the oldest pieces of too many.
func (s *Store) Tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
}

// tidy is Tidy for who holds the lock. It returns whether there is room for more.
func (s *Store) tidy() bool {
	before := time.Now().Add(-s.o.Keep)
	left := len(s.pieces)
	over := func() bool { return s.used > s.o.Bytes || left > s.o.Pieces }
	s.pieces = slices.DeleteFunc(s.pieces, func(i *recording.Info) bool {
		last := i.Ended
		if last.IsZero() {
			last = i.Begun
		}
		if i.Active || !over() && last.After(before) {
			return false
		}
		s.remove(i)
		left--
		s.stats.Deleted++
		return true
	})
	return !over()
}

// remove removes the files of a piece. The caller holds the lock.
func (s *Store) remove(i *recording.Info) {
	s.used -= i.Bytes
	for _, path := range []string{s.path(i), filepath.Join(s.o.Dir, baseName(i)+infoSuffix)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.o.Log.Error("a recording cannot be deleted", "err", err)
		}
	}
}

// Select returns pieces that match, newest first, at most limit. With after, it goes on after
// the piece of that name (Cursor), and more reports whether there are others.
func (s *Store) Select(match func(*recording.Info) bool, after string, limit int) (list []recording.Info, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := len(s.pieces) - 1
	if after != "" {
		for from >= 0 && Cursor(s.pieces[from]) >= after {
			from--
		}
	}
	for ; from >= 0; from-- {
		if i := s.pieces[from]; match(i) {
			if len(list) == limit {
				return list, true
			}
			list = append(list, *i)
		}
	}
	return list, false
}

// Cursor returns a text that is larger for pieces that began later.
func Cursor(i *recording.Info) string {
	return fmt.Sprintf("%020d.%s", i.Begun.UnixNano(), baseName(i))
}

// OpenFile opens the file of a piece.
func (s *Store) OpenFile(i *recording.Info) (*os.File, error) {
	f, err := os.Open(s.path(i))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the recording has just been deleted: %w", fs.ErrNotExist)
	}
	return f, err
}
