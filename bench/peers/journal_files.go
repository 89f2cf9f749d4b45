package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const (
	journalEntries    = 1_000_000
	journalFiles      = 150
	journalUnits      = 40
	journalContainers = 500
	journalRemote     = "/lib/systemd/systemd-journal-remote"
)

// journalStart is the time of the first entry, in microseconds since 1970: a week ago,
// since systemd-journal-remote begins a new file with each entry older than a month.
var journalStart = sync.OnceValue(func() int64 { return time.Now().Add(-7 * 24 * time.Hour).UnixMicro() })

// makeJournal has systemd-journal-remote write the entries.
func makeJournal() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "daytwo-peers-journal-"); err != nil {
		return "", err
	}
	cleanUp = func() { os.RemoveAll(dir) }
	for file := range journalFiles {
		var export bytes.Buffer
		for i := file * journalEntries / journalFiles; i < (file+1)*journalEntries/journalFiles; i++ {
			journalEntry(&export, i)
		}
		cmd := exec.Command(journalRemote, "--split-mode=none", "-o",
			filepath.Join(dir, fmt.Sprintf("system@%d.journal", file)), "-")
		cmd.Stdin = &export
		if out, err := cmd.CombinedOutput(); err != nil {
			os.RemoveAll(dir)
			return "", fmt.Errorf("systemd-journal-remote: %w: %s", err, out)
		}
	}
	return dir, nil
}

func containerID(i int) string { return fmt.Sprintf("%064x", i%journalContainers) }

// journalEntry appends an entry as a service writes it, in the journal export format.
func journalEntry(b *bytes.Buffer, i int) {
	unit := fmt.Sprintf("unit%d.service", i%journalUnits)
	fmt.Fprintf(b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=07000000000000000000000000000000\n"+
		"PRIORITY=%d\n"+
		"_SYSTEMD_UNIT=%s\n_PID=%d\n_UID=0\n_GID=0\n_COMM=app\n_EXE=/usr/bin/app\n_CMDLINE=/usr/bin/app --serve %s\n"+
		"_SYSTEMD_CGROUP=/system.slice/%s\n_SYSTEMD_SLICE=system.slice\n_MACHINE_ID=00000000000000000000000000000001\n"+
		"_HOSTNAME=host\n_TRANSPORT=stdout\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\nCONTAINER_ID_FULL=%s\n",
		journalStart()+int64(i)*1000, 1+i*1000, i%8, unit, 1000+i%300, unit, unit, containerID(i))
	message := fmt.Sprintf("request %d served in %d ms", i, i%977)
	b.WriteString("MESSAGE\n")
	b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(message))))
	b.WriteString(message + "\n\n")
}

// journalSize returns how many files there are, and their bytes.
func journalSize(dir string) (files int, size int64) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0
	}
	for _, f := range list {
		if info, err := f.Info(); err == nil {
			files++
			size += info.Size()
		}
	}
	return files, size
}
