package outbound

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// acceptEncoding announces what unpack knows.
const acceptEncoding = "gzip, deflate"

// unpackers undo one content encoding each. There is none for br: nobody is told
// that it would be understood, and a server that sends it all the same has its
// answer kept as it is.
var unpackers = map[string]func(io.Reader) (io.Reader, error){
	"gzip":    func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"x-gzip":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"deflate": inflate,
}

// inflate reads deflate, which is zlib by the standard, and without zlib's frame by
// the habit of some servers.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// maxEncodings bounds how often a body may be packed over.
const maxEncodings = 3

// unpack returns the body of an answer as it was before it was packed, and its
// size, -1 where that is not known. When one of its encodings is not known, the
// body and the headers that describe it stay as they are.
func unpack(answer *http.Response) (io.Reader, int64, error) {
	encodings := contentEncodings(answer.Header)
	if len(encodings) == 0 || len(encodings) > maxEncodings {
		return answer.Body, answer.ContentLength, nil
	}
	for _, e := range encodings {
		if unpackers[e] == nil {
			return answer.Body, answer.ContentLength, nil
		}
	}
	answer.Header.Del("Content-Encoding")
	answer.Header.Del("Content-Length")
	body := io.Reader(answer.Body)
	for _, e := range slices.Backward(encodings) {
		unpacked, err := unpackers[e](body)
		if errors.Is(err, io.EOF) {
			return http.NoBody, 0, nil // an answer to HEAD says gzip and has no body
		}
		if err != nil {
			return nil, 0, err
		}
		body = unpacked
	}
	return body, -1, nil
}

// contentEncodings lists the encodings in the order in which they were applied.
func contentEncodings(h http.Header) []string {
	var list []string
	for part := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		if e := strings.ToLower(strings.TrimSpace(part)); e != "" && e != "identity" {
			list = append(list, e)
		}
	}
	return list
}

// badlyPacked tells whether a body was not what its Content-Encoding says.
func badlyPacked(err error) bool {
	var corrupt flate.CorruptInputError
	for _, known := range []error{gzip.ErrHeader, gzip.ErrChecksum, zlib.ErrHeader, zlib.ErrChecksum, zlib.ErrDictionary} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.As(err, &corrupt)
}
