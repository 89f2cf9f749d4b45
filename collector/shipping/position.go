package shipping

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/regularfile"
)

// maxPosition is the largest file of a position, in bytes.
const maxPosition = 1 << 20

// savedPlace is the content of the file.
type savedPlace struct {
	Cursor   string `json:"cursor"`      // of the last entry that is done
	Realtime int64  `json:"realtime_us"` // when it was written, microseconds since 1970
	Version  int    `json:"version"`     // positionVersion
}

const positionVersion = 1

// readPosition reads the position that an earlier run has saved. Without one, it returns
// nil; a file that cannot be used is an error.
func readPosition(path string) (*place, error) {
	b, err := regularfile.Read(path, maxPosition)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var saved savedPlace
	if err := json.Unmarshal(b, &saved); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if saved.Version != positionVersion || saved.Realtime <= 0 {
		return nil, fmt.Errorf("%s: version %d is unknown, or it has no time", path, saved.Version)
	}
	return &place{[]byte(saved.Cursor), saved.Realtime}, nil
}

// writePosition saves a position; it is on disk when it returns nil.
func writePosition(path string, p *place) error {
	b, err := json.Marshal(savedPlace{string(p.cursor), p.realtime, positionVersion})
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(b, '\n'), 0o600)
}
