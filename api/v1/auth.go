package v1

import "time"

// SignInMethods answers GET /api/v1/auth/methods: how people may sign in.
type SignInMethods struct {
	Password bool  `json:"password"`       // local users, by name and password
	OIDC     *OIDC `json:"oidc,omitempty"` // an identity provider
}

// OIDC is an identity provider.
type OIDC struct {
	Issuer string `json:"issuer"`
	Device bool   `json:"device"` // it has the device flow (RFC 8628)
}

// Session answers GET /api/v1/auth/session: who asks, as the relay sees it.
type Session struct {
	Name    string     `json:"name"`
	Groups  []string   `json:"groups"`
	Method  string     `json:"method"`            // token, socket, jwt or certificate
	Expires *time.Time `json:"expires,omitempty"` // when the proof ends
}
