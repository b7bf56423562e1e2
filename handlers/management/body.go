package management

import (
	"errors"
	"io"
	"net/http"

	"github.com/latchwork/latchwork/shared/value"
)

// maxBody is the largest body of a call: a definition of the largest size, with
// parameters.
const maxBody = 5 << 20

func (c *call) readBody() (value.Value, error) {
	var tooLarge *http.MaxBytesError
	data, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxBody))
	switch {
	case errors.As(err, &tooLarge):
		return value.Value{}, fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request content exceeds the limit of '%d' bytes.", maxBody)
	case err != nil:
		return value.Value{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content could not be read to its end.")
	case len(data) == 0:
		return value.Value{}, nil
	}
	v, err := value.Parse(data)
	if err != nil {
		return value.Value{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: '%s'.", err)
	}
	if v.Kind() != value.KindObject {
		return value.Value{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'expected an object and found a value of type %s'.", v.Kind())
	}
	return v, nil
}
