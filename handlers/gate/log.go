package gate

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// limiter bounds the lines about refused calls: whoever calls in vain all the time
// must not fill the log.
type limiter struct {
	mu      sync.Mutex
	since   time.Time
	written int
	left    int // refused without a line
}

const (
	linesPerPeriod = 20
	linePeriod     = 10 * time.Second
)

// write logs a refused call, unless there were too many of late. The next line says
// how many were left out.
func (l *limiter) write(log *zerolog.Logger, d Decision) {
	l.mu.Lock()
	if since := d.At.Sub(l.since); since < 0 || since >= linePeriod {
		l.since, l.written = d.At, 0
	}
	if l.written >= linesPerPeriod {
		l.left++
		l.mu.Unlock()
		return
	}
	l.written++
	left := l.left
	l.left = 0
	l.mu.Unlock()
	line := log.Warn().Str("check", d.Check).Str("code", d.Code).Int("status", d.Status).Str("kind", d.Kind).Str("workflow", d.WorkflowID)
	for name, text := range map[string]string{"caller": d.Caller, "scheme": d.Scheme, "principal": d.Principal, "reason": d.Reason} {
		if text != "" {
			line = line.Str(name, text)
		}
	}
	if left > 0 {
		line = line.Int("refusedWithoutLine", left)
	}
	line.Msg("a call was refused")
}

// plainID keeps what is an id: a path may hold anything, even a credential that
// somebody put in the wrong place.
func plainID(s string) string {
	if len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "" {
		return "?"
	}
	return s
}

// plainPath bounds a path below a workflow. It names triggers, runs and actions, and
// no parameters.
func plainPath(s string) string {
	if len(s) > 256 {
		return strings.ToValidUTF8(s[:256], "") + "…"
	}
	return s
}
