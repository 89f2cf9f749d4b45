package rules

import (
	"fmt"

	"github.com/daytwo/daytwo/api/regularfile"
)

// Load reads a document from a regular file.
func Load(path string) (*Rules, error) {
	b, err := regularfile.Read(path, MaxBytes)
	if err != nil {
		return nil, err
	}
	r, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
