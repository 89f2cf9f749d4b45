package sink

import (
	"bytes"
	"fmt"
	"time"

	"github.com/docker/go-units"
	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/regularfile"
)

// Bytes is a size in a configuration: a number of bytes, or text such as 512KiB, 4MiB, 1g
// (powers of 1024).
type Bytes int64

// UnmarshalYAML implements yaml.Unmarshaler.
func (b *Bytes) UnmarshalYAML(n *yaml.Node) error {
	v, err := units.RAMInBytes(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is not a size: write bytes, or 512KiB, 4MiB, 1GiB", n.Line, n.Value)
	}
	*b = Bytes(v)
	return nil
}

// Duration is a duration in a configuration, such as 500ms, 10s, 5m, 2h.
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is not a duration: write 500ms, 10s, 5m or 2h", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// Or returns the duration, or a default if it is 0.
func (d Duration) Or(def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return time.Duration(d)
}

// File is the path of a file that holds a secret, which only its owner and group may use. It
// is read each time that the secret is needed, so that a new one counts without a restart.
type File string

// maxSecret bounds a secret, in bytes.
const maxSecret = 64 << 10

// Read returns the secret, without white space at its end; "" without a path.
func (f File) Read() (string, error) {
	if f == "" {
		return "", nil
	}
	b, mode, err := regularfile.ReadMode(string(f), maxSecret)
	if err != nil {
		return "", err
	}
	b = bytes.TrimRight(b, " \t\r\n")
	switch {
	case mode&0o007 != 0:
		return "", f.open()
	case len(b) == 0:
		return "", fmt.Errorf("%s is empty: write the secret into it", f)
	}
	return string(b), nil
}

// open returns the error of a file that everybody can read or write.
func (f File) open() error {
	return fmt.Errorf("everybody can read %s, which holds a secret: chmod o= %s", f, f)
}

// Check returns an error if there is a path and the secret cannot be read.
func (f File) Check(key string) error {
	if _, err := f.Read(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// StringList is one text or a list of texts in a configuration.
type StringList []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *StringList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = StringList{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}
