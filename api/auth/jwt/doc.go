// Package jwt verifies signed tokens (JSON Web Tokens, RFC 7519) and says who their bearer
// is. It follows RFC 8725: the key fixes the algorithm, a configured audience and issuer must
// be there, what is unknown and critical is refused, and every refusal looks the same to the
// one who sent the token; the reason is for the log.
package jwt
