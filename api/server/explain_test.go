package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
)

// Everybody may ask about themselves, and about others who may read the policy; that is in the
// audit log, and so are attempts.
func TestExplain(t *testing.T) {
	o, _ := twoApplications(t)
	var mu sync.Mutex
	var records []audit.Record
	o.Audit = func(r audit.Record) {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
	}
	srv, sign, change := accessServer(t, o, testRules)
	const logs = "?action=read&resource=dcos:adminrouter:ops:system-logs"
	for _, c := range []struct {
		who, query string
		code       int
		allowed    bool
		about      string
		audited    bool
	}{
		{"anna", logs, 200, false, "anna", false},
		{"anna", logs + "&tag=application=/shop", 200, true, "anna", false},
		{"anna", logs + "&tag=application=/shop&tag=agent=a", 200, true, "anna", false},
		{"bob", logs, 200, false, "bob", false},
		{"anna", logs + "&as=olga", 403, false, "", true},
		{"anna", logs + "&as=anna", 403, false, "", true},
		{"anna", logs + "&groups=ops", 403, false, "", true},
		{"vera", logs + "&as=anna", 403, false, "", true},
		{"olga", logs + "&as=anna", 200, false, "anna", true}, // an operator
		{"root", logs + "&as=olga", 200, true, "olga", true},
		{"root", logs + "&as=bob&groups=a,b", 200, false, "bob", true},
		{"root", logs + "&as=admin", 200, false, "admin", true}, // a user of that name is not the admin
		{"", logs, 401, false, "", false},
		{"anna", "?action=paint&resource=dcos:superuser", 400, false, "", false},
		{"anna", "?action=read&resource=fence", 400, false, "", false},
		{"anna", "?action=update&resource=daytwo:audit", 400, false, "", false},
		{"anna", logs + "&tag=application", 400, false, "", false},
		{"anna", logs + "&tag=agent=a&tag=agent=b", 400, false, "", false},
		{"anna", logs + "&x=1", 400, false, "", false},
		{"anna", logs + strings.Repeat("&tag=a=b", 100), 400, false, "", false},
		{"root", logs + "&as=", 400, false, "", false},
	} {
		records = nil
		token := ""
		if c.who != "" {
			token = sign(c.who)
		}
		code, body := ask(t, srv, token, "GET", "/api/v1/auth/explain"+c.query)
		if code != c.code {
			t.Errorf("%s %.80s: %d %s", c.who, c.query, code, body)
			continue
		}
		if audited := len(records) == 1 && records[0].Who == c.who && records[0].Resource == "daytwo:policy" &&
			(records[0].Decision == audit.Refused) == (code == 403); audited != c.audited {
			t.Errorf("%s %s: %+v", c.who, c.query, records)
		}
		if code != http.StatusOK {
			continue
		}
		var e policy.Explanation
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		reads := c.who == "root" || c.who == "olga"
		if e.Allowed != c.allowed || e.User != c.about || e.Reason == "" || (e.Policy != "") != reads {
			t.Errorf("%s %s: %s", c.who, c.query, body)
		}
	}
	change("rules: []")
	_, body := ask(t, srv, sign("anna"), "GET", "/api/v1/auth/explain"+logs+"&tag=application=/shop")
	if !strings.Contains(body, `"allowed":false`) {
		t.Errorf("not the policy of now: %s", body)
	}
	if code, body := ask(t, srv, testToken, "GET", "/api/v1/auth/explain"+logs); code != 200 ||
		!strings.Contains(body, "the local admin may do everything") {
		t.Errorf("the admin: %d %s", code, body)
	}
}
