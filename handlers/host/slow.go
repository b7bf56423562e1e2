package host

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// How long a client may take. Who sends or takes nothing for a while is cut off, and
// so is who keeps to that for ever: neither may hold a connection at no cost.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	// defaultPause is the longest pause within a body, in both directions.
	defaultPause = 30 * time.Second
	// bodyTime is the longest that the largest body may take.
	bodyTime = 5 * time.Minute
	// discardTime is for a body that nobody wants.
	discardTime = 5 * time.Second
	// maxHeaderBytes is what the server reads of a header at all.
	maxHeaderBytes = 64 << 10
)

// patient bounds the pauses of a client in body and answer. While a function works
// on its answer nobody is in a hurry. done follows the function.
func (h *Standalone) patient(w http.ResponseWriter, r *http.Request) (_ http.ResponseWriter, done func()) {
	control := http.NewResponseController(w)
	var body *patientBody
	if r.Body != nil && r.Body != http.NoBody {
		body = &patientBody{ReadCloser: r.Body, control: control, pause: h.options.Pause, end: time.Now().Add(bodyTime)}
		r.Body = body
	} else {
		_ = control.SetReadDeadline(time.Time{}) // there is nothing to wait for; not supported where there is no connection
	}
	return &patientWriter{ResponseWriter: w, control: control, pause: h.options.Pause}, func() {
		if body != nil && !body.over {
			_ = control.SetReadDeadline(time.Now().Add(discardTime))
		}
		_ = control.SetWriteDeadline(time.Now().Add(h.options.Pause)) // for what is still to be sent
	}
}

// patientBody moves the deadline on with each piece that arrives.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
	pause   time.Duration
	end     time.Time
	over    bool
}

func (b *patientBody) Read(p []byte) (int, error) {
	next := time.Now().Add(b.pause)
	if next.After(b.end) {
		next = b.end
	}
	if err := b.control.SetReadDeadline(next); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.over = true
		_ = b.control.SetReadDeadline(time.Time{}) // one that stays would end the call
	}
	return n, err
}

// patientWriter moves the deadline on with each piece that is written; a large one
// gets more time.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	pause   time.Duration
}

// Unwrap lets http.ResponseController reach the connection.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *patientWriter) Write(p []byte) (int, error) {
	next := time.Now().Add(w.pause + time.Duration(len(p)>>20)*time.Second)
	if err := w.control.SetWriteDeadline(next); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// serverLog takes what the HTTP server has to say: mostly what strangers send, which
// is no news; but a function that panicked is.
type serverLog struct{ log zerolog.Logger }

func (l serverLog) Write(p []byte) (int, error) {
	line := l.log.Debug()
	if bytes.Contains(p, []byte("panic serving")) {
		line = l.log.Error()
	}
	line.Bytes("server", bytes.TrimSpace(p)).Msg("the HTTP server says something")
	return len(p), nil
}
