package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gatewayd reads all entries by systemd-journal-gatewayd, over HTTP on loopback. Its CPU
// time counts, since it is waited for.
func gatewayd(dir, accept string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	url := "http://" + l.Addr().String() + "/entries"
	l.Close()
	defer f.Close()
	// It takes its socket from the service manager: descriptor 3, for a pid that is its own.
	cmd := exec.Command("sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, "/lib/systemd/systemd-journal-gatewayd",
		"--directory="+dir)
	cmd.ExtraFiles = []*os.File{f}
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", accept)
	client := http.Client{Timeout: 10 * time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %s", err, errs.String())
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || n < journalEntries*100) {
		err = fmt.Errorf("%s, %d bytes: %s", resp.Status, n, errs.String())
	}
	return err
}

// measureSdjournal reads all entries by go-systemd's sdjournal, which is built for it.
func measureSdjournal(dir string) (journalResult, error) {
	bin, err := buildSdjournal(dir)
	if err != nil {
		return journalResult{}, err
	}
	defer os.Remove(bin)
	return measureJournal("go-systemd's sdjournal and encoding/json", func() (int, error) {
		return journalEntries, toDevNull(exec.Command(bin, dir))
	})
}
