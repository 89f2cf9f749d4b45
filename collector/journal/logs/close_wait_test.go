package logs

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// Close may be called while Next waits; a directory without files is no error for who
// follows.
func TestCloseWhileWaiting(t *testing.T) {
	n := node(t, nil, filepath.Join(t.TempDir(), "none"))
	if _, err := n.Entries(t.Context(), &query.LogQuery{}); !errors.Is(err, query.ErrNoJournal) {
		t.Errorf("without a journal: %v", err)
	}
	r, err := n.Entries(t.Context(), &query.LogQuery{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := r.Next(context.Background())
		ended <- err
	}()
	time.Sleep(20 * time.Millisecond) // it may as well close before it waits
	r.Close()
	if err := <-ended; err != io.EOF {
		t.Errorf("Next returned %v", err)
	}
}
