package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/health"
)

// doctorTimeout bounds Doctor's request.
const doctorTimeout = 2 * time.Second

// Doctor reports, as check name, whether an HTTP server of daytwo listens on an address, or
// could listen on it. flag is the flag that sets the address. Doctor opens no listener: it
// sends a request to the address if that belongs to this machine.
func Doctor(ctx context.Context, name, address, flag string) health.Check {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	c := health.Check{Name: name, State: health.OK}
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		host, err = ownAddress(ctx, host)
	}
	if err == nil {
		var answered bool
		answered, err = healthy(ctx, net.JoinHostPort(host, port)+"/healthz")
		switch {
		case answered:
			c.Detail = address + ": daytwo answers"
			return c
		case errors.Is(err, syscall.ECONNREFUSED):
			c.Detail = address + " is free"
			return c
		}
		err = fmt.Errorf("%s is used by another program", address)
	}
	c.State, c.Detail, c.Fix = health.Warn, err.Error(), "give "+flag+" another address of this machine"
	return c
}

// healthy reports whether a daytwo server answers at a URL without its scheme, with TLS or
// without.
func healthy(ctx context.Context, url string) (bool, error) {
	answered, err := answers(ctx, "http://"+url)
	if answered || err != nil {
		return answered, err
	}
	return answers(ctx, "https://"+url)
}

func answers(ctx context.Context, url string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		// It is only asked whether it is there: nothing is sent that others should not see, and
		// the certificate need not have the name of a loopback address.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK, nil
}

// ownAddress returns the address at which a listener on host, which must be an address of
// this machine, can be reached.
func ownAddress(ctx context.Context, host string) (string, error) {
	if host == "" {
		return "127.0.0.1", nil
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, ip := range ips {
		if ip.IsUnspecified() {
			return "127.0.0.1", nil
		}
		if ip.IsLoopback() {
			return ip.String(), nil
		}
		for _, a := range own {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
				return ip.String(), nil
			}
		}
	}
	return "", fmt.Errorf("%s is not an address of this machine", host)
}
