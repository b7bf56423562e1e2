package host

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"time"
)

// timerStatus is what the host keeps of a timer (functions-host §8). Next is what
// came next at LastUpdated.
type timerStatus struct{ Last, Next, LastUpdated time.Time }

// tick fires a timer, one run at a time: what falls due during a run is dropped.
// What fell due while there was no host is made up for by one run.
func (h *Standalone) tick(ctx context.Context, f Function) {
	schedule, err := ParseSchedule(f.Timer.Schedule)
	if err != nil {
		return // Validate has refused it
	}
	// A timer that fires more than once a minute need not make up for a tick.
	keep := h.options.StatusDir != "" && bits.OnesCount64(schedule.second) == 1
	var told *timerStatus
	now := h.options.Now().UTC()
	status := timerStatus{Next: schedule.Next(now), LastUpdated: now}
	if keep {
		told = &status
		// With another schedule nothing was missed; and a status from the future is of
		// a clock that was wrong.
		if old, ok := h.readStatus(f); ok && old.Next.Equal(schedule.Next(old.LastUpdated)) && !old.LastUpdated.After(now) {
			status = old
		} else {
			h.writeStatus(f, status)
		}
	}
	for !status.Next.IsZero() && ctx.Err() == nil {
		pastDue := now.After(status.Next)
		if !pastDue && !pause(ctx, h.options.After(status.Next.Sub(now)), nil) {
			return
		}
		began := h.options.Now().UTC()
		_ = h.invokeTimer(context.WithoutCancel(ctx), f, pastDue, told) // logged by invoke; the next tick comes anyway
		now = h.options.Now().UTC()
		status = timerStatus{Last: began, Next: schedule.Next(now), LastUpdated: now}
		if keep {
			h.writeStatus(f, status)
		}
	}
}

// invokeTimer calls the function of a timer; status is nil where it is not kept.
func (h *Standalone) invokeTimer(ctx context.Context, f Function, pastDue bool, status *timerStatus) error {
	return h.invoke(ctx, f, map[string]any{timerBinding: map[string]any{
		"Schedule": map[string]any{"AdjustForDST": true}, "ScheduleStatus": status, "IsPastDue": pastDue,
	}}, metadata{})
}

func (h *Standalone) statusFile(f Function) string {
	return filepath.Join(h.options.StatusDir, f.Name+".json")
}

func (h *Standalone) readStatus(f Function) (timerStatus, bool) {
	var status timerStatus
	data, err := os.ReadFile(h.statusFile(f))
	if errors.Is(err, fs.ErrNotExist) {
		return status, false // a new timer
	}
	if err == nil {
		err = json.Unmarshal(data, &status)
	}
	if err != nil {
		h.options.Log.Warn().Err(err).Str("function", f.Name).Msg("the status of a timer cannot be read; a missed tick is not made up for")
	}
	return status, err == nil
}

// writeStatus replaces the file in one step, so that a host that dies leaves the
// old one or the new one.
func (h *Standalone) writeStatus(f Function, status timerStatus) {
	file := h.statusFile(f)
	data, err := json.Marshal(status)
	if err == nil {
		err = os.MkdirAll(h.options.StatusDir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		h.options.Log.Warn().Err(err).Str("function", f.Name).Msg("the status of a timer cannot be kept")
	}
}
