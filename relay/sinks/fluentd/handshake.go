package fluentd

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// shakeHands authenticates both sides by the shared key (Forward protocol v1, handshake):
// the server says HELO, this side PING, the server PONG.
func (f *forward) shakeHands() error {
	key, err := f.cfg.SharedKey.Read()
	if err != nil {
		return fmt.Errorf("shared_key_file: %w", err)
	}
	password, err := f.cfg.Password.Read()
	if err != nil {
		return fmt.Errorf("password_file: %w", err)
	}
	nonce, auth, err := f.readHelo()
	if err != nil {
		return fmt.Errorf("handshake: HELO: %w (does the receiver expect a shared key?)", err)
	}
	if auth != "" && f.cfg.User == "" {
		return errors.New("handshake: the receiver wants a user: give user and password_file")
	}
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	salt := hex.EncodeToString(raw[:])
	user, digest := "", ""
	if auth != "" {
		user, digest = f.cfg.User, sum(auth, f.cfg.User, password)
	}
	b := msgp.AppendArrayHeader(f.buf[:0], 6)
	for _, s := range []string{"PING", f.cfg.Hostname, salt, sum(salt, f.cfg.Hostname, nonce, key), user, digest} {
		b = msgp.AppendString(b, s)
	}
	f.buf = b
	if _, err := f.conn.Write(b); err != nil {
		return fmt.Errorf("handshake: PING: %w", err)
	}
	return f.readPong(salt, nonce, key)
}

// sum returns the SHA-512 of the parts, in hexadecimal.
func sum(parts ...string) string {
	h := sha512.Sum512([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(h[:])
}

// readHelo reads ["HELO", {"nonce": …, "auth": …, "keepalive": …}].
func (f *forward) readHelo() (nonce, auth string, err error) {
	if err := f.begin("HELO", 2); err != nil {
		return "", "", err
	}
	n, err := f.in.ReadMapHeader()
	if err != nil {
		return "", "", err
	}
	for range n {
		name, err := f.in.ReadString()
		if err != nil {
			return "", "", err
		}
		switch name {
		case "nonce":
			nonce, err = readText(f.in)
		case "auth":
			auth, err = readText(f.in)
		default:
			err = f.in.Skip()
		}
		if err != nil {
			return "", "", err
		}
	}
	return nonce, auth, nil
}

// readPong reads ["PONG", accepted, reason, hostname, digest].
func (f *forward) readPong(salt, nonce, key string) error {
	if err := f.begin("PONG", 5); err != nil {
		return fmt.Errorf("handshake: PONG: %w", err)
	}
	accepted, err := f.in.ReadBool()
	if err != nil {
		return fmt.Errorf("handshake: PONG: %w", err)
	}
	var texts [3]string
	for i := range texts {
		if texts[i], err = readText(f.in); err != nil {
			return fmt.Errorf("handshake: PONG: %w", err)
		}
	}
	reason, host, digest := texts[0], texts[1], texts[2]
	if !accepted {
		return fmt.Errorf("handshake: the receiver refuses: %.200q", reason)
	}
	if host == f.cfg.Hostname {
		return fmt.Errorf("handshake: the receiver is called %q as this side is: give another hostname", host)
	}
	if subtle.ConstantTimeCompare([]byte(digest), []byte(sum(salt, host, nonce, key))) != 1 {
		return errors.New("handshake: the receiver does not know the shared key")
	}
	return nil
}

// begin reads the beginning of a message of the handshake.
func (f *forward) begin(kind string, size uint32) error {
	n, err := f.in.ReadArrayHeader()
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("it has %d parts instead of %d", n, size)
	}
	got, err := readText(f.in)
	if err == nil && got != kind {
		err = fmt.Errorf("%.40q came instead of %s", got, kind)
	}
	return err
}
