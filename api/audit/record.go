package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Decisions of records.
const (
	Allowed = "allowed"
	Refused = "refused"
	Failed  = "failed" // allowed, but not done: Error says why
)

// maxText bounds each text of a record, bytes: paths and names come from clients.
const maxText = 512

// Record is one line. Texts that are empty are left out.
type Record struct {
	Seq  uint64    `json:"seq"`  // from 1, without gaps; set by the log
	Time time.Time `json:"time"` // set by the log if it is zero

	Who      string   `json:"who,omitempty"` // "" for one who proved nothing
	Groups   []string `json:"groups,omitempty"`
	Method   string   `json:"method,omitempty"` // how the asker proved who it is
	From     string   `json:"from,omitempty"`   // address of the client
	What     string   `json:"what"`             // of a request method and path, of the log itself a sentence
	Action   string   `json:"action,omitempty"` // of the policy
	Resource string   `json:"resource,omitempty"`
	Object   string   `json:"object,omitempty"` // container, user, sink, ...
	Decision string   `json:"decision,omitempty"`
	Rule     string   `json:"rule,omitempty"` // which rule decided
	Status   int      `json:"status,omitempty"`
	Error    string   `json:"error,omitempty"`

	// Count is the number of requests that the line stands for, if it is more than one: the
	// first at Time, the last at Until.
	Count uint64     `json:"count,omitempty"`
	Until *time.Time `json:"until,omitempty"`

	Prev string `json:"prev"` // Hash of the line before, "" for the first; set by the log
	Hash string `json:"hash"` // SHA-256 of the line up to this member; set by the log
}

// hashMember is what stands in a line before its hash.
const hashMember = `,"hash":"`

// cut bounds a text from a client, and makes it UTF-8.
func cut(s string) string {
	if len(s) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return string(bytes.ToValidUTF8([]byte(s), []byte("�")))
}

// line returns the record as a line without the line break, and sets its hash.
func (r *Record) line() ([]byte, error) {
	for _, s := range []*string{&r.Who, &r.From, &r.What, &r.Resource, &r.Object, &r.Rule, &r.Error} {
		*s = cut(*s)
	}
	if len(r.Groups) > 20 {
		r.Groups = append(r.Groups[:20:20], "…")
	}
	for i, g := range r.Groups {
		r.Groups[i] = cut(g)
	}
	r.Hash = ""
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndex(b, []byte(hashMember))
	sum := sha256.Sum256(b[:end])
	r.Hash = hex.EncodeToString(sum[:])
	return append(b[:end], hashMember+r.Hash+`"}`...), nil
}

// parse reads a line and checks its hash.
func parse(line []byte) (r Record, err error) {
	end := bytes.LastIndex(line, []byte(hashMember))
	if end < 0 {
		return r, errors.New("it is no line of an audit log")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("it is no line of an audit log: %w", err)
	}
	sum := sha256.Sum256(line[:end])
	if want := hashMember + hex.EncodeToString(sum[:]) + `"}`; string(line[end:]) != want {
		return r, errors.New("it has been changed: its hash does not match")
	}
	return r, nil
}
