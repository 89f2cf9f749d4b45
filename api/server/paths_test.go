package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// raw sends a request whose line and headers are not touched by a client library, and returns the
// status and the body. It sends no body.
func raw(t *testing.T, address, method, target string, headers ...string) (int, string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	text := method + " " + target + " HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	if _, err := io.WriteString(c, text+"\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil && !strings.Contains(target, "stream") {
		t.Errorf("%s %s: %v", method, target, err)
	}
	return resp.StatusCode, string(b)
}

// mangled returns ways to write a path that other programs may take for another one, or for the
// same.
func mangled(path string) []string {
	i := strings.LastIndexByte(path, '/')
	dir, last := path[:i], path[i+1:]
	first, rest, _ := strings.Cut(path[1:], "/")
	return []string{
		"/" + path, strings.ReplaceAll(path, "/", "//"), "/x/.." + path, "/x/%2e%2e" + path, "/%2e" + path, "/." + path,
		dir + "%2f" + last, dir + "%2F" + last, dir + "/%2e/" + last, dir + "/x/../" + last, dir + "/x/%2e%2e/" + last,
		path + "/", path + "//", path + "/.", path + "/%2e", path + "/..", path + "/%2e%2e/" + last, path + "%2f",
		path + ";x", path + ";x=1?public", path + "%00", path + "%20", path + "?public", path + "?token=" + testToken,
		path + "?token=x&token=" + testToken, path + "#/healthz", "/healthz/.." + path, "/healthz/%2e%2e" + path,
		"/healthz;" + path, "/healthz%2f.." + path, strings.ToUpper(path), "/" + strings.ToUpper(first) + "/" + rest,
		fmt.Sprintf("/%%%02x%s/%s", first[0], first[1:], rest), "http://evil.test" + path, "/%252e%252e" + path,
		strings.ReplaceAll(path, "/", "\\"), "/" + strings.ReplaceAll(path, "/", "%5c"),
	}
}

// CASES X-A8: however a path is written, nobody gets through without a proof, and who may see one
// application sees nothing of another one.
func TestMangledPaths(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	address := strings.TrimPrefix(srv.URL, "http://")
	anna := "Authorization: Bearer " + sign("anna")
	routes, _ := allRoutes()
	let := 0
	for _, rt := range routes {
		if n(rt.Method+" "+rt.Path).kind == public || strings.Contains(rt.Path, "stream") || rt.Method != "GET" {
			continue
		}
		for _, path := range mangled(fill(rt.Path, hidden+"-node", "/"+hidden)) {
			code, body := raw(t, address, "GET", path)
			// A redirect leads to the plain form, which is asked for without a proof, too.
			if code == http.StatusOK && !strings.HasPrefix(path, "/healthz") {
				t.Errorf("%s is answered to nobody: %.200s", path, body)
			}
			code, body = raw(t, address, "GET", path, anna)
			if code == http.StatusOK {
				let++
				if strings.Contains(strings.ReplaceAll(body, path, ""), hidden) {
					t.Errorf("%s shows the other application: %.300s", path, body)
				}
			}
		}
	}
	if let == 0 {
		t.Error("the one who may see something is never let in: the test shows nothing")
	}
}

// CASES X-A8: neither the method nor a header changes what is asked.
func TestMethodsAndHeaders(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	address := strings.TrimPrefix(srv.URL, "http://")
	vera := "Authorization: Bearer " + sign("vera") // who sees all, and changes nothing
	for _, c := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"GET", "/api/v1/agents", []string{vera}, 200},
		{"HEAD", "/api/v1/agents", []string{vera}, 200},
		{"HEAD", "/api/v1/agents", nil, 401},
		{"get", "/api/v1/agents", []string{vera}, 405},
		{"POST", "/api/v1/sinks/x/pause", []string{vera}, 403},
		{"GET", "/api/v1/sinks/x/pause", []string{vera, "X-HTTP-Method-Override: POST"}, 405},
		{"GET", "/api/v1/sinks/x/pause?_method=POST", []string{vera}, 405},
		{"GET", "/healthz", []string{"X-Original-URL: /api/v1/agents", "X-Rewrite-URL: /api/v1/agents"}, 200},
		{"GET", "/api/v1/agents", []string{"X-Original-URL: /healthz", "X-Rewrite-URL: /healthz"}, 401},
		{"GET", "/api/v1/agents", []string{"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1",
			"X-Forwarded-Host: localhost", "X-Forwarded-User: admin", "X-Remote-User: admin", "Remote-User: admin",
			"X-Forwarded-Proto: https", "X-Forwarded-Client-Cert: Subject=\"CN=admin\""}, 401},
		{"GET", "/api/v1/agents", []string{vera, vera}, 401},
		{"GET", "/api/v1/agents", []string{vera, "Authorization: Bearer " + testToken}, 401},
		{"GET", "/api/v1/agents", []string{"Proxy-Authorization: Bearer " + testToken}, 401},
		{"GET", "/api/v1/agents", []string{"Authorization: Bearer " + strings.Repeat("a.", 1<<19)}, 401},
		{"GET", "/api/v1/agents", []string{"Authorization: Bearer " + strings.Repeat("x", 64<<10)}, 401},
		{"GET", "/system/v1/agent/a%2fb/metrics/v0/node", []string{vera}, 404},
		{"GET", "/system/v1/agent/..%2f..%2f..%2fetc/metrics/v0/node", []string{vera}, 404},
		{"GET", "/system/v1/agent/%2e%2e/metrics/v0/node", []string{vera}, 404},
		{"CONNECT", "/api/v1/agents", []string{vera}, 405},
		{"TRACE", "/api/v1/agents", []string{vera}, 405},
	} {
		code, body := raw(t, address, c.method, c.path, c.headers...)
		if code != c.want {
			t.Errorf("%s %s %.200v: %d, want %d: %.200s", c.method, c.path, c.headers, code, c.want, body)
		}
		if code != 200 && strings.Contains(body, testtick.Agent) {
			t.Errorf("%s %s: %s", c.method, c.path, body)
		}
	}
}

// CASES X-A7: a name that leads here from elsewhere gives no rights, and neither does a proxy's
// word for it.
func TestForgedHost(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	address := strings.TrimPrefix(srv.URL, "http://")
	for _, host := range []string{"evil.test", "evil.test:8400", "localhost", "127.0.0.1", "relay.sock"} {
		for name, headers := range map[string][]string{
			"nothing":         nil,
			"a page's cookie": {"Cookie: dcos-acs-auth-cookie=" + sign("vera"), "Origin: http://other.test"},
			"forwarded origins": {"Cookie: dcos-acs-auth-cookie=" + sign("vera"), "Origin: http://x.test",
				"X-Forwarded-Host: x.test"},
		} {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			text := "GET /api/v1/agents HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n"
			for _, h := range headers {
				text += h + "\r\n"
			}
			if _, err := io.WriteString(c, text+"\r\n"); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			unknown := strings.HasPrefix(host, "evil.test") || host == "relay.sock"
			if want := http.StatusForbidden; resp.StatusCode != want && (unknown || resp.StatusCode != http.StatusUnauthorized) {
				t.Errorf("%s with %s: %d", host, name, resp.StatusCode)
			}
			resp.Body.Close()
			c.Close()
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/api/v1/agents", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "relay.example" // a proxy on this machine passes on what a program sent
	req.Header.Set("Authorization", "Bearer "+sign("vera"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("with a token: %s", resp.Status)
	}
}

// CASES X-A7: a browser that asks whether another page may change something is told no.
func TestPreflight(t *testing.T) {
	o, _ := twoApplications(t)
	srv, _, _ := accessServer(t, o, testRules)
	address := strings.TrimPrefix(srv.URL, "http://")
	routes, _ := allRoutes()
	for _, rt := range routes {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(c, "OPTIONS "+fill(rt.Path, testtick.Agent, shop)+" HTTP/1.1\r\nHost: "+address+
			"\r\nOrigin: http://evil.test\r\nAccess-Control-Request-Method: "+rt.Method+
			"\r\nAccess-Control-Request-Headers: authorization\r\nConnection: close\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode < 400 || resp.Header.Get("Access-Control-Allow-Origin") != "" ||
			resp.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s %s: %d %v", rt.Method, rt.Path, resp.StatusCode, resp.Header)
		}
		resp.Body.Close()
		c.Close()
	}
}
