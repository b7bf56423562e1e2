package gate

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// limiter bounds the lines about refused calls: whoever calls in vain all the time
// must not fill the log, nor hide by it that others are refused for other reasons.
type limiter struct {
	mu    sync.Mutex
	kinds map[string]*lines // by check and code, of which there are few
}

// lines are those about refusals of one kind.
type lines struct {
	since   time.Time
	written int
	left    int // refused without a line
}

const (
	linesPerPeriod = 10
	linePeriod     = 10 * time.Second
)

// admit tells whether a line may be written, and how many were left out before it.
func (l *limiter) admit(d Decision) (left int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := l.kinds[d.Check+" "+d.Code]
	if kind == nil {
		if l.kinds == nil {
			l.kinds = map[string]*lines{}
		}
		kind = &lines{}
		l.kinds[d.Check+" "+d.Code] = kind
	}
	if since := d.At.Sub(kind.since); since < 0 || since >= linePeriod {
		kind.since, kind.written = d.At, 0
	}
	if kind.written >= linesPerPeriod {
		kind.left++
		return 0, false
	}
	kind.written++
	left, kind.left = kind.left, 0
	return left, true
}

// write logs a refused call, unless there were too many of its kind of late. The next
// line says how many were left out.
func (l *limiter) write(log *zerolog.Logger, d Decision) {
	left, ok := l.admit(d)
	if !ok {
		return
	}
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
