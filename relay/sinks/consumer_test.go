package sinks

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
)

// rigWaitConsumer waits until a consumer exists.
func rigWaitConsumer(t *testing.T, b *broker, name string) {
	t.Helper()
	rig.Eventually(t, 20*time.Second, func() error {
		_, err := b.js.Consumer(t.Context(), bus.LogsStream(cluster), name)
		return err
	})
}
