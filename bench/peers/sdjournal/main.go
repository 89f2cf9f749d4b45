//go:build cgo

// Sdjournal reads the journal files of a directory by go-systemd's sdjournal, which calls
// libsystemd, as JSON: what most log shippers written in Go do. It is a program of its
// own, since it needs cgo and libsystemd's headers.
//
//	sdjournal DIR
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/sdjournal"
)

func main() {
	if err := read(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(dir string) error {
	j, err := sdjournal.NewJournalFromDir(dir)
	if err != nil {
		return err
	}
	defer j.Close()
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	enc := json.NewEncoder(out)
	for {
		n, err := j.Next()
		if err != nil {
			return err
		}
		if n == 0 {
			return out.Flush()
		}
		e, err := j.GetEntry()
		if err != nil {
			return err
		}
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
}
