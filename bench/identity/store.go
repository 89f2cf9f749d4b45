package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// pollInterval is how fast clients may poll: a little less than they are told.
const pollInterval = 4 * time.Second

// groups of the example's users.
var groups = map[string][]string{"id1": {"ops", "staff"}, "id2": {"staff"}}

// store is the example's storage, with groups, other keys and hasty clients.
type store struct {
	*storage.Storage
	users storage.UserStore
	mu    sync.Mutex
	keys  []*key
	polls map[string]time.Time // by device code
}

func newStore(users storage.UserStore) *store {
	st := &store{Storage: storage.NewStorage(users), users: users, polls: map[string]time.Time{}}
	st.rotate()
	return st
}

// rotate makes a new key, which signs from now on; only the last two are published.
func (s *store) rotate() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, &key{rand.Text(), private})
	s.keys = s.keys[max(0, len(s.keys)-2):]
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[len(s.keys)-1], nil
}

func (s *store) KeySet(context.Context) (keys []op.Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		keys = append(keys, published{k})
	}
	return keys, nil
}

func (s *store) SetUserinfoFromRequest(
	ctx context.Context, u *oidc.UserInfo, r op.IDTokenRequest, scopes []string,
) error {
	if err := s.Storage.SetUserinfoFromRequest(ctx, u, r, scopes); err != nil {
		return err
	}
	u.AppendClaims("groups", groups[r.GetSubject()])
	return nil
}

func (s *store) SetUserinfoFromToken(ctx context.Context, u *oidc.UserInfo, token, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, u, token, subject, origin); err != nil {
		return err
	}
	u.AppendClaims("groups", groups[subject])
	return nil
}

// GetDeviceAuthorizatonState is where the device flow polls. The error is the one that the
// library answers with slow_down.
func (s *store) GetDeviceAuthorizatonState(
	ctx context.Context, client, code string,
) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	hasty := time.Since(s.polls[code]) < pollInterval
	s.polls[code] = time.Now()
	s.mu.Unlock()
	if hasty {
		return nil, context.DeadlineExceeded
	}
	return s.Storage.GetDeviceAuthorizatonState(ctx, client, code)
}

// CompleteDeviceAuthorization takes the id of the user, where the example's page has the name.
func (s *store) CompleteDeviceAuthorization(ctx context.Context, code, user string) error {
	return s.Storage.CompleteDeviceAuthorization(ctx, code, s.users.GetUserByUsername(user).ID)
}

func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{c}, nil
}

// client may use the device flow, too.
type client struct{ op.Client }

func (c client) GrantTypes() []oidc.GrantType {
	return append(slices.Clone(c.Client.GrantTypes()), oidc.GrantTypeDeviceCode)
}

type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k *key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k *key) Key() any                                    { return k.private }
func (k *key) ID() string                                  { return k.id }

// published is the public part of a key.
type published struct{ *key }

func (p published) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p published) Use() string                        { return "sig" }
func (p published) Key() any                           { return &p.private.PublicKey }
