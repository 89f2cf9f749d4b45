package rules

import "regexp"

// knownKinds are the kinds of secrets and personal data that rules know by name.
var knownKinds = map[string]finder{
	"email":       emailFinder{},
	"credit_card": cardFinder{},
	// The Authorization header of RFC 6750 and RFC 7617: what follows the scheme.
	"bearer_token": expressionFinder{group: true, any: []string{"bearer"},
		re: regexp.MustCompile(`(?i)\bbearer[ :="]+([a-z0-9._~+/-]{4,}=*)`)},
	"basic_auth": expressionFinder{group: true, any: []string{"basic"},
		re: regexp.MustCompile(`(?i)\bbasic +([a-z0-9+/]{6,}={0,2})`)},
	"jwt": expressionFinder{any: []string{"eyj"}, // RFC 7519; {" in base64
		re: regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)},
	"url_password": expressionFinder{group: true, any: []string{"://"}, // RFC 3986, 3.2.1
		re: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@]*:([^\s/?#@]+)@`)},
	// name=value, name: value and "name": "value"
	"password": expressionFinder{group: true, any: []string{"passw", "pwd", "secret", "token", "key"},
		re: regexp.MustCompile(`(?i)(?:passw(?:or)?d|pwd|secret|token|api[_-]?key|` +
			`access[_-]?key)["']?\s*[=:]\s*["']?([^\s"',;&]+)`)},
	"aws_key": expressionFinder{any: []string{"akia", "asia"},
		re: regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
	"private_key": expressionFinder{any: []string{"private key"}, // RFC 7468
		re: regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)},
	"ip_address": expressionFinder{any: []string{".", ":"},
		re: regexp.MustCompile(`\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b` +
			`|\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b|\b(?:[0-9A-Fa-f]{1,4}:){1,6}:(?:[0-9A-Fa-f]{1,` +
			`4}(?::[0-9A-Fa-f]{1,4})*)?`)},
}
