package server

import (
	_ "embed"
	"net/http"

	"github.com/daytwo/daytwo/api/server/web"
)

//go:embed openapi.json
var openapiDocument []byte

// openapi answers with the description of all routes (OpenAPI 3.1).
func (s *server) openapi(w http.ResponseWriter, r *http.Request) error {
	web.WriteBody(w, r, web.JSONType, openapiDocument)
	return nil
}
