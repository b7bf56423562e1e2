package handlers

import (
	"sync/atomic"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
)

// skippingClock is a clock that jumps over waits. It moves only between drivers,
// when nothing of a run is under way: what is faster than a wait in real time is
// faster than it here.
type skippingClock struct{ ahead atomic.Int64 }

func (c *skippingClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// to moves the clock to a time, unless it is there already.
func (c *skippingClock) to(t time.Time) {
	if d := t.Sub(c.now()); d > 0 {
		c.ahead.Add(int64(d))
	}
}

// into gives the clock to an engine whose drivers sit no wait out.
func (c *skippingClock) into(config *engine.Config) {
	config.Ambient.Now = c.now
	config.Lease = 24 * time.Hour // real time: a single call may be slow
	config.Slice = time.Millisecond
	config.After = func(d time.Duration) <-chan time.Time {
		if d > config.Lease/3 {
			return nil
		}
		return time.After(d)
	}
}
