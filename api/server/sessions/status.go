package sessions

import (
	"errors"

	"github.com/daytwo/daytwo/api/server/web"
)

// Status returns an error of a broker as clients see it: with a status, and a text.
func Status(err error) *web.Error {
	var e *web.Error
	if errors.As(err, &e) || errors.As(answer(err), &e) {
		return e
	}
	return nil
}
