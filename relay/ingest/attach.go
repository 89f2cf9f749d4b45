package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/nats.go/jetstream"
)

// attach returns the consumer. It creates the stream and the consumer if they are
// missing.
//
// The server redelivers messages that an earlier session did not acknowledge only
// after AckWait, behind newer ones. A delta would then arrive before its keyframe,
// and could not be decoded. So attach deletes a consumer that has unacknowledged
// messages, and creates it again at the first of them. The handler recognises
// messages that it receives a second time.
//
// With Takeover the first attachment does that always: a process that no longer runs,
// or that was stopped, may still have a request at the consumer, which takes messages.
func (in *Ingest) attach(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	js, err := jetstream.New(in.o.Conn)
	if err != nil {
		return nil, err
	}
	stream, err := js.Stream(ctx, in.o.stream())
	update := !in.o.Logs && in.o.Stream != (bus.Config{Cluster: in.o.Stream.Cluster})
	if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && update {
		stream, err = in.o.ensure(ctx, js)
	}
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	want := jetstream.ConsumerConfig{
		Durable:           in.o.Durable,
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		AckPolicy:         jetstream.AckExplicitPolicy,
		AckWait:           in.o.AckWait,
		MaxAckPending:     in.o.MaxAckPending,
		InactiveThreshold: in.o.Forget,
		FilterSubject:     in.o.Subject,
	}
	if !in.o.Start.IsZero() {
		want.DeliverPolicy, want.OptStartTime = jetstream.DeliverByStartTimePolicy, &in.o.Start
	}
	consumer, err := stream.Consumer(ctx, in.o.Durable)
	switch {
	case err == nil:
		info := consumer.CachedInfo()
		have := info.Config
		takeover := in.o.Takeover && in.attached.Load() == 0
		if !takeover && info.NumAckPending == 0 && have.AckPolicy == want.AckPolicy && have.AckWait == want.AckWait &&
			have.MaxAckPending == want.MaxAckPending && have.InactiveThreshold == want.InactiveThreshold &&
			have.FilterSubject == want.FilterSubject && len(have.FilterSubjects) == 0 {
			return consumer, nil
		}
		want.DeliverPolicy, want.OptStartTime = jetstream.DeliverByStartSequencePolicy, nil
		want.OptStartSeq = max(info.AckFloor.Stream+1, have.OptStartSeq, 1)
		if err := stream.DeleteConsumer(ctx, in.o.Durable); err != nil {
			return nil, fmt.Errorf("consumer %s: %w", in.o.Durable, err)
		}
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, fmt.Errorf("consumer %s: %w", in.o.Durable, err)
	}
	if consumer, err = stream.CreateConsumer(ctx, want); err != nil {
		return nil, fmt.Errorf("consumer %s: %w", in.o.Durable, err)
	}
	return consumer, nil
}
