package checkpoints

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/bus"
)

// Read returns the checkpoints of a relay that NATS has, oldest first; "" is this relay.
func (k *Keeper) Read(ctx context.Context, relay string) ([]audit.Sent, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	if relay == "" {
		relay = k.o.Relay
	}
	s, err := k.stream(ctx)
	if err != nil {
		return nil, err
	}
	subject := bus.Audit(k.o.Stream.Cluster, relay)
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return nil, err
	}
	n := int(info.State.Subjects[subject])
	if n == 0 {
		return nil, nil
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return nil, err
	}
	batch, err := consumer.Fetch(n, jetstream.FetchMaxWait(attempt/2))
	if err != nil {
		return nil, err
	}
	var all []audit.Sent
	for m := range batch.Messages() {
		var c audit.Sent
		n--
		if err := json.Unmarshal(m.Data(), &c); err != nil || c.Seq == 0 || c.Hash == "" {
			continue // of somebody who would hide the others behind an error
		}
		// The subject says who could publish it, the body what its sender says.
		if c.Relay = relay; c.Time.IsZero() {
			if meta, err := m.Metadata(); err == nil {
				c.Time = meta.Timestamp.UTC().Truncate(time.Millisecond)
			}
		}
		all = append(all, c)
	}
	if err := batch.Error(); err != nil {
		return nil, err
	}
	if n > 0 {
		return nil, fmt.Errorf("NATS did not send %d of the checkpoints in time: try again", n)
	}
	return all, nil
}
