package recording

import (
	"bytes"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/daytwo/daytwo/api/regularfile"
)

// maxKeys bounds a file of keys.
const maxKeys = 64 << 10

// ReadRecipients reads a file of recipients (public keys) as age has them, one a line.
func ReadRecipients(path string) ([]age.Recipient, error) {
	b, err := regularfile.Read(path, maxKeys)
	if err != nil {
		return nil, err
	}
	list, err := age.ParseRecipients(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: write age recipients (age1…), one a line", path, err)
	}
	return list, nil
}

// ReadIdentities reads a file of identities (private keys) as age-keygen writes it.
func ReadIdentities(path string) (Identities, error) {
	b, err := regularfile.Read(path, maxKeys)
	if err != nil {
		return nil, err
	}
	list, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: give a file of age-keygen", path, err)
	}
	return list, nil
}

// Identities are private keys.
type Identities []age.Identity

// magic is how an encrypted recording begins.
const magic = "age-encryption.org/"

// Decrypt returns what a file has, which may be encrypted or not.
func Decrypt(r io.Reader, identities Identities) (io.Reader, error) {
	begin := make([]byte, len(magic))
	n, err := io.ReadFull(r, begin)
	if err != nil && n == 0 {
		return nil, ErrFormat
	}
	whole := io.MultiReader(bytes.NewReader(begin[:n]), r)
	if string(begin[:n]) != magic {
		return whole, nil
	}
	if len(identities) == 0 {
		return nil, ErrEncrypted
	}
	clear, err := age.Decrypt(whole, identities...)
	if err != nil {
		return nil, fmt.Errorf("decrypt the recording: %w", err)
	}
	return clear, nil
}

// ErrEncrypted is that a recording is encrypted and no identity is known.
var ErrEncrypted = fmt.Errorf("the recording is encrypted: give the file with an age identity (--identity)")
