package operation

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
)

// defaultChunk is the size above which an upload goes in chunks, and that of the
// chunks, unless the action says otherwise: what a message may measure where
// chunks are not known. Smaller bodies go as they are: many definitions have the
// setting, few servers know the protocol.
const defaultChunk = 50 << 20

// chunked tells whether the action allows uploads in chunks.
func (h *httpCall) chunked() bool {
	return strings.EqualFold(h.Runtime.Member("contentTransfer").Member("transferMode").Str(), "Chunked")
}

// chunkSize reads a size in megabytes of contentTransfer, or zero.
func (h *httpCall) chunkSize(member string) int64 {
	v := h.Runtime.Member("contentTransfer").Member(member)
	n, ok := v.AsInt()
	if !ok {
		n, _ = strconv.ParseInt(v.Str(), 10, 32)
	}
	return min(max(n, 0), 1<<10) << 20
}

// suggestRange asks for the first chunk where the action names a size for it. A
// Range of the author's stands.
func (h *httpCall) suggestRange() {
	size := h.chunkSize("downloadChunkSizeInMB")
	if size > 0 && h.chunked() && h.first.Method == http.MethodGet && h.first.Header.Get("Range") == "" {
		h.first.Header.Set("Range", rangeOf(0, size-1))
	}
}

func rangeOf(from, to int64) string { return fmt.Sprintf("bytes=%d-%d", from, to) }

// download gets the rest of a content of which a 206 has brought the beginning
// (actions §2.8). A part from somewhere else is what the author asked for, and is
// returned as it is.
func (h *httpCall) download(ctx context.Context, request *outbound.Request, answer *outbound.Response) (*outbound.Response, *run.Outcome) {
	part, ok := parseContentRange(answer.Header.Get("Content-Range"))
	if !ok || part.from != 0 || !part.fits(answer) {
		return answer, nil
	}
	limit, total, etag := h.limit(), part.total, answer.Header.Get("ETag")
	chunk := h.chunkSize("downloadChunkSizeInMB")
	if chunk == 0 {
		chunk = part.to + 1
	}
	data := answer.Body
	for total < 0 || int64(len(data)) < total {
		if int64(len(data)) >= limit || total > limit {
			o := failedCall(outbound.TooLarge(limit))
			return nil, &o
		}
		from := int64(len(data))
		to := from + chunk - 1
		if total >= 0 {
			to = min(to, total-1)
		}
		target, err := url.Parse(request.URL)
		if err != nil {
			return answer, nil
		}
		next := h.follow(http.MethodGet, target)
		next.Header.Set("Range", rangeOf(from, to))
		next.MaxBody = limit - from
		got, failure := h.send(ctx, next)
		switch {
		case failure != nil:
			return nil, failure
		case got.StatusCode == http.StatusRequestedRangeNotSatisfiable && total < 0:
			total = from // the end had not been announced
			continue
		case got.StatusCode != http.StatusPartialContent:
			return got, nil // a refusal, or all of it at once
		}
		part, ok := parseContentRange(got.Header.Get("Content-Range"))
		if !ok || part.from != from || !part.fits(got) || got.Header.Get("ETag") != etag {
			o := run.Fail("BadGateway", "InvalidContentRange", "The parts of the content that the server sent do not fit together.")
			o.Retry = true // it may have changed in between
			return nil, &o
		}
		data = append(data, got.Body...)
		total = part.total
	}
	header := answer.Header.Clone()
	header.Del("Content-Range")
	header.Set("Content-Length", strconv.Itoa(len(data)))
	return &outbound.Response{StatusCode: http.StatusOK, Header: header, Body: data}, nil
}

// contentRange is a Content-Range; total is -1 where it is not known.
type contentRange struct{ from, to, total int64 }

// fits tells whether a part has the bytes that its range says.
func (c contentRange) fits(answer *outbound.Response) bool {
	return c.to-c.from+1 == int64(len(answer.Body)) && (c.total < 0 || c.to < c.total)
}

func parseContentRange(text string) (c contentRange, ok bool) {
	span, total, _ := strings.Cut(text, "/")
	from, to, ok := parseRange(span)
	if !ok {
		return c, false
	}
	c = contentRange{from, to, -1}
	if total = strings.TrimSpace(total); total != "*" {
		n, err := strconv.ParseInt(total, 10, 64)
		if err != nil || n < 0 {
			return c, false
		}
		c.total = n
	}
	return c, true
}

// parseRange reads "bytes 0-99" and "bytes=0-99".
func parseRange(text string) (from, to int64, ok bool) {
	text = strings.TrimSpace(text)
	rest, isBytes := strings.CutPrefix(text, "bytes")
	if !isBytes {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(strings.TrimLeft(rest, "= "), "-")
	from, err := strconv.ParseInt(strings.TrimSpace(a), 10, 62)
	if err != nil || from < 0 {
		return 0, 0, false
	}
	to, err = strconv.ParseInt(strings.TrimSpace(b), 10, 62)
	return from, to, err == nil && to >= from
}

// uploadsInChunks: the action allows it, and the body is larger than one chunk.
func (h *httpCall) uploadsInChunks() bool {
	if !h.chunked() || h.first.Method != http.MethodPost && h.first.Method != http.MethodPut {
		return false
	}
	return int64(len(h.first.Body)) > h.uploadChunk()
}

func (h *httpCall) uploadChunk() int64 {
	if size := h.chunkSize("uploadChunkSizeInMB"); size > 0 {
		return size
	}
	return defaultChunk
}

// upload sends the body by the product's own protocol, which is not the chunked
// encoding of HTTP: an announcement without a body, answered with an address and a
// size, and then PATCHes there, each answered with the range that has arrived
// (actions §2.8). One that fails is started anew by the retry policy.
func (h *httpCall) upload(ctx context.Context) run.Outcome {
	body := h.first.Body
	announcement := &outbound.Request{Method: h.first.Method, URL: h.first.URL, Header: h.first.Header.Clone(), Body: []byte{}, Authentication: h.first.Authentication}
	announcement.Header.Del("Content-Type")
	announcement.Header.Set("x-ms-transfer-mode", "chunked")
	announcement.Header.Set("x-ms-content-length", strconv.Itoa(len(body)))
	answer, failure := h.send(ctx, announcement)
	if failure != nil {
		return *failure
	}
	if !isSuccess(answer.StatusCode) {
		return outcomeOf(answer)
	}
	target, ok := linked(h.start, answer.Header.Get("Location"))
	if !ok {
		return broken(answer, "The server took the announcement of a chunked upload and did not say in 'Location' where to send the chunks: it does not know the protocol. Set no 'contentTransfer' on the action.")
	}
	chunk := suggestedChunk(answer, h.uploadChunk())
	for from := int64(0); ; {
		to := min(from+chunk, int64(len(body)))
		patch := h.follow(http.MethodPatch, target)
		patch.Body = body[from:to]
		patch.Header.Set("Content-Type", h.first.Header.Get("Content-Type"))
		patch.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body)))
		if answer, failure = h.send(ctx, patch); failure != nil {
			return *failure
		}
		if !isSuccess(answer.StatusCode) {
			return outcomeOf(answer)
		}
		arrived := to
		if _, last, ok := parseRange(answer.Header.Get("Range")); ok {
			arrived = last + 1
		}
		if arrived <= from || arrived > to {
			return broken(answer, "The server confirmed another range of the upload than the one that was sent.")
		}
		if from = arrived; from == int64(len(body)) {
			return h.conclude(ctx, patch, answer)
		}
		chunk = suggestedChunk(answer, chunk)
	}
}

// suggestedChunk is the size that the server would like; never more than otherwise.
func suggestedChunk(answer *outbound.Response, otherwise int64) int64 {
	n, err := strconv.ParseInt(answer.Header.Get("x-ms-chunk-size"), 10, 62)
	if err != nil || n <= 0 {
		return otherwise
	}
	return min(n, otherwise)
}

// broken is the outcome of an answer that succeeded by its status alone.
func broken(answer *outbound.Response, message string) run.Outcome {
	o := outcomeOf(answer)
	o.Status, o.Code, o.Error = definition.Failed, "BadRequest", &run.Error{Code: "ChunkedTransferFailed", Message: message}
	return o
}
