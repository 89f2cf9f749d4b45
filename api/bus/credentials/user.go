package credentials

import (
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Limits of a node's user on the servers.
const (
	nodePayload       = 1 << 20 // bytes of a message
	nodeSubscriptions = 1000
)

// newUser makes a user of an account, with a key of its own, and returns its credential file
// and its public key. limit may be nil: then the user may do what its account may. A zero
// expiry is none.
func newUser(name string, account nkeys.KeyPair, limit func(*jwt.UserClaims), expiry time.Time) ([]byte, string,
	error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", err
	}
	defer user.Wipe()
	key, err := user.PublicKey()
	if err != nil {
		return nil, "", err
	}
	seed, err := user.Seed()
	if err != nil {
		return nil, "", err
	}
	token, err := signUser(name, key, account, limit, expiry)
	if err != nil {
		return nil, "", err
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	return creds, key, err
}

// signUser signs the claims of a user with a public key.
func signUser(name, key string, account nkeys.KeyPair, limit func(*jwt.UserClaims), expiry time.Time) (string, error) {
	if !nkeys.IsValidPublicUserKey(key) {
		return "", fmt.Errorf("%.60q is not the public key of a NATS user", key)
	}
	claims := jwt.NewUserClaims(key)
	claims.Name = name
	if !expiry.IsZero() {
		claims.Expires = expiry.Unix()
	}
	if limit != nil {
		limit(claims)
	}
	return claims.Encode(account)
}

// nodeLimits returns what a node's user may: bus.NodeSubjects, and to reply to the sender of a
// request (bus.NodeReplies).
func nodeLimits(cluster, agent string) func(*jwt.UserClaims) {
	return func(u *jwt.UserClaims) {
		publish, subscribe := bus.NodeSubjects(cluster, agent)
		u.Permissions.Pub.Allow.Add(publish...)
		u.Permissions.Sub.Allow.Add(subscribe...)
		u.Permissions.Resp = &jwt.ResponsePermission{MaxMsgs: bus.NodeReplies, Expires: bus.NodeReplyTime}
		u.Limits.Payload, u.Limits.Subs = nodePayload, nodeSubscriptions
		u.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	}
}

// relayLimits returns what a relay's user may not do: take away the checkpoints of audit logs.
func relayLimits(cluster string) func(*jwt.UserClaims) {
	return func(u *jwt.UserClaims) { u.Permissions.Pub.Deny.Add(bus.AuditDenied(cluster)...) }
}

// Relay returns a credential file for relays, which may use the whole account, but for
// relayLimits.
func (c *Cluster) Relay(name string) ([]byte, error) {
	creds, _, err := newUser("relay "+name, c.account, relayLimits(c.name), time.Time{})
	return creds, err
}
