package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of the stream of checkpoints.
const (
	auditPerRelay = 1000 // checkpoints of one relay
	auditMessage  = 1 << 10
	auditBytes    = 16 << 20  // a mebibyte for each relay
	auditLeast    = 256 << 10 // on a small disk, which is needed for frames
	auditAge      = 90 * 24 * time.Hour
)

// Audit returns the subject on which a relay publishes checkpoints of its audit log.
func Audit(cluster, relay string) string { return prefix + Token(cluster) + ".audit." + Token(relay) }

// AuditStream returns the name of the JetStream stream of a cluster's checkpoints.
func AuditStream(cluster string) string { return "daytwo_" + Token(cluster) + "_audit" }

// EnsureAuditStream creates the stream of checkpoints unless it is there. Messages cannot be
// deleted from it before their time. It changes no existing stream, so that relays need no
// right to do so (AuditDenied).
func EnsureAuditStream(ctx context.Context, js jetstream.JetStream, c Config) (jetstream.Stream, error) {
	return create(ctx, func(ctx context.Context) (jetstream.Stream, error) { return ensureAudit(ctx, js, &c) })
}

func ensureAudit(ctx context.Context, js jetstream.JetStream, c *Config) (jetstream.Stream, error) {
	name := AuditStream(c.Cluster)
	s, err := js.Stream(ctx, name)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return s, err
	}
	sc := c.stream("checkpoints of audit logs", name, prefix+Token(c.Cluster)+".audit.*")
	sc.MaxAge, sc.MaxBytes, sc.MaxMsgsPerSubject, sc.MaxMsgSize = auditAge, auditBytes, auditPerRelay, auditMessage
	sc.DenyDelete, sc.DenyPurge = true, true
	s, err = js.CreateStream(ctx, sc)
	if noRoom(err) {
		sc.MaxBytes = auditLeast
		s, err = js.CreateStream(ctx, sc)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another relay was faster
		return js.Stream(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return s, nil
}

// AuditDenied returns the subjects on which a relay's credential must not publish, so that
// whoever has stolen it cannot take checkpoints away.
func AuditDenied(cluster string) []string {
	name := AuditStream(cluster)
	return []string{"$JS.API.STREAM.DELETE." + name, "$JS.API.STREAM.UPDATE." + name, "$JS.API.STREAM.PURGE." + name,
		"$JS.API.STREAM.MSG.DELETE." + name, "$JS.API.STREAM.RESTORE." + name}
}
