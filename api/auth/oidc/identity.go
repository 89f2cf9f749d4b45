package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/oauth2"

	"github.com/daytwo/daytwo/api/auth/jwt"
)

// identity returns whom the provider's answer is about (OpenID Connect Core §3.1.3.7). nonce
// is that of the browser, "" in a flow that has none. What the ID token does not say of the
// user's name and groups, the provider is asked for.
func (p *Provider) identity(ctx context.Context, f *found, t *oauth2.Token, nonce string) (*jwt.Identity, error) {
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		return nil, &Failure{Away, errors.New("its answer has no ID token")}
	}
	claims, err := f.verifier.Claims(ctx, raw)
	if err != nil {
		if reason := errors.Unwrap(err); reason != nil {
			err = reason
		}
		return nil, &Failure{Refused, fmt.Errorf("the ID token: %w", err)}
	}
	if got := text(claims, "nonce"); got != nonce {
		return nil, &Failure{Refused, errors.New("the ID token is for another browser")}
	}
	if azp := text(claims, "azp"); azp != "" && azp != p.o.ClientID {
		return nil, &Failure{Refused, fmt.Errorf("the ID token is for %.64q", azp)}
	}
	if p.lacks(claims) && f.provider.UserInfoEndpoint() != "" {
		if err := p.complete(ctx, f, t, claims); err != nil {
			return nil, err
		}
	}
	if err := p.verified(claims); err != nil {
		return nil, &Failure{Refused, err}
	}
	id, err := f.verifier.Bearer(claims)
	if err != nil {
		return nil, &Failure{Refused, err}
	}
	return id, nil
}

// lacks reports whether claims lack the user's groups, or the name that is preferred: a user
// must not have another name because a claim has moved.
func (p *Provider) lacks(c jwt.Claims) bool {
	_, groups := c[p.o.Groups]
	return text(c, p.o.Name[0]) == "" || !groups
}

// nameClaim returns the claim that has the user's name, "" if none has.
func (p *Provider) nameClaim(c jwt.Claims) string {
	for _, n := range p.o.Name {
		if text(c, n) != "" {
			return n
		}
	}
	return ""
}

// complete adds what the provider's UserInfo endpoint says to claims that lack it.
func (p *Provider) complete(ctx context.Context, f *found, t *oauth2.Token, claims jwt.Claims) error {
	info, err := f.provider.UserInfo(p.context(ctx), oauth2.StaticTokenSource(t))
	if err != nil {
		return &Failure{Away, fmt.Errorf("what it says of the user: %w", brief(err))}
	}
	// Else somebody could bring another user's claims (OpenID Connect Core §5.3.2).
	if info.Subject == "" || info.Subject != text(claims, "sub") {
		return &Failure{Refused, errors.New("the ID token and the UserInfo endpoint are about different users")}
	}
	var more jwt.Claims
	if err := info.Claims(&more); err != nil {
		return &Failure{Away, fmt.Errorf("what it says of the user: %w", brief(err))}
	}
	for name, value := range more {
		if _, ok := claims[name]; !ok {
			claims[name] = value
		}
	}
	return nil
}

// verified returns an error if the user's name is an address of which the provider says that it
// may be somebody else's.
func (p *Provider) verified(c jwt.Claims) error {
	if v, ok := c["email_verified"]; ok && p.nameClaim(c) == "email" && string(v) != "true" && string(v) != `"true"` {
		return errors.New("the user's e-mail address is not verified")
	}
	return nil
}

// text returns a claim that is a string, "" for another.
func text(c jwt.Claims, name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}
