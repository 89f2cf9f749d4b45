package server

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var openapiDocument []byte

// openapi answers with the description of all routes (OpenAPI 3.1).
func (s *server) openapi(w http.ResponseWriter, r *http.Request) error {
	writeBody(w, r, "application/json; charset=utf-8", openapiDocument)
	return nil
}
