package server

import (
	"net/http"
	"strings"
	"testing"
)

// Requests of those who have not signed in yet have small bodies: a larger one is refused
// although all that is too much is white space.
func TestBodiesAreBounded(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	post := func(path, body string) int {
		t.Helper()
		resp, err := http.Post(srv.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	for path, c := range map[string]struct {
		body string
		size int
	}{
		"/acs/api/v1/auth/login": {`{"uid":"anna","password":"correct horse"}`, maxLogin},
		"/api/v1/auth/session":   {`{"token":"` + sign("anna") + `"}`, maxCookie},
	} {
		fits := strings.Repeat(" ", c.size-len(c.body)) + c.body
		if code := post(path, fits); code == http.StatusBadRequest {
			t.Errorf("%s: %d for a body of %d bytes", path, code, len(fits))
		}
		if code := post(path, " "+fits); code != http.StatusBadRequest {
			t.Errorf("%s: %d for a body of %d bytes", path, code, len(fits)+1)
		}
	}
}
