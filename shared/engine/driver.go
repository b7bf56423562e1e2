package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// driver drives one run: it applies events, commits, and only then sends.
type driver struct {
	e    *Engine
	w    *Workflow
	key  store.RunKey
	st   *run.State
	etag string

	answer  chan *run.Record // who waits for a Response; nil if nobody does here
	created chan error       // told once when the run exists; nil for a run that was loaded

	events   []pending
	send     []run.Execute // to be carried out after the next commit
	respond  []*run.Record
	release  []run.Release
	applied  []store.Item // from the inbox, which the next commit removes
	finished bool

	results  chan run.Completed
	inflight int
	poke     chan struct{}
	sliceEnd time.Time
}

// pending is an event that is to be applied, and the inbox item it came with: the
// item stays until a commit holds what the event did.
type pending struct {
	event run.Event
	item  *store.Item
}

// maxApplied is how many inbox items one commit takes up.
const maxApplied = 10

func (d *driver) push(events ...run.Event) {
	for _, e := range events {
		d.events = append(d.events, pending{event: e})
	}
}

// drive goes on until the run is over, has to wait for longer than it pays to
// stay, or was taken over by another driver (store.ErrConflict).
func (d *driver) drive(ctx context.Context, events ...run.Event) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is in flight when the run is lost must not be sent on
	d.push(events...)
	d.st.Callback = d.e.callbacks(d.w, d.st.Name)
	d.results = make(chan run.Completed)
	d.poke = make(chan struct{}, 1)
	d.sliceEnd = d.e.Ambient.Now().Add(d.e.Slice)
	d.e.noteRun(d.w.Program, d.st)
	d.e.enlist(d)
	defer d.e.dismiss(d)
	if err := d.e.load(ctx, d.w, d.key, d.st); err != nil {
		return err
	}
	for {
		if err := d.apply(ctx); err != nil {
			return err
		}
		stay, err := d.commit(ctx)
		if err != nil || !stay {
			return err
		}
		d.launch(ctx)
		if len(d.events) == 0 {
			if err := d.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// apply takes the events in, and carries inline operations out at once: they do
// no I/O, so their outcome needs no commit of its own.
func (d *driver) apply(ctx context.Context) error {
	again := false
	for len(d.events) > 0 && d.fits(d.events[0]) {
		next := d.events[0]
		d.events = d.events[1:]
		if _, more := next.event.(run.More); more { // it may wait for what is to be read
			if err := d.e.load(ctx, d.w, d.key, d.st); err != nil {
				return err
			}
		}
		if next.item != nil {
			d.applied = append(d.applied, *next.item)
		}
		again = d.obey(ctx, run.Apply(d.w.Program, d.st, next.event, d.e.Ambient))
		if again && len(d.events) == 0 && !d.st.Full() {
			d.push(run.More{})
		}
	}
	if again && len(d.events) == 0 {
		d.push(run.More{})
	}
	return nil
}

// fits tells whether the next commit has room for what an event does: at least the
// end of something that it holds anyway.
func (d *driver) fits(p pending) bool {
	if !d.st.Full() && len(d.applied) < maxApplied {
		return true
	}
	c, ok := p.event.(run.Completed)
	if !ok {
		return false
	}
	r := d.st.Records[run.Key(c.Action, c.Path)]
	return r == nil || r.Changed()
}

// obey does what is asked for, as far as it may be done before a commit. It tells
// whether there is more to apply.
func (d *driver) obey(ctx context.Context, commands []run.Command) (again bool) {
	for _, c := range commands {
		switch c := c.(type) {
		case run.Execute:
			if c.Action.Spec.Inline {
				d.push(d.e.execute(ctx, d.w, d.st, c))
			} else {
				d.send = append(d.send, c)
			}
		case run.Release:
			d.release = append(d.release, c)
		case run.Respond:
			d.respond = append(d.respond, c.Record)
		case run.Again:
			again = true
		case run.Finish:
			d.finished = true
		}
	}
	return again
}

// commit writes what changed, and decides whether this driver stays with the run.
func (d *driver) commit(ctx context.Context) (stay bool, err error) {
	now := d.e.Ambient.Now()
	var lease store.Lease
	var ring *time.Duration
	wake := d.st.NextWake()
	switch {
	case d.finished:
	case len(d.events) > 0:
		lease, stay = d.lease(now), true
	case d.inflight > 0 || len(d.send) > 0 && now.Before(d.sliceEnd):
		lease, stay = d.lease(now), true
	case len(d.send) > 0: // the slice is used up: the next invocation sends
		lease.Due, ring = now, new(time.Duration)
	case wake.IsZero():
		lease.Due = now.Add(idleLeases * d.e.Lease) // nothing to wait for but the inbox
	case wake.Before(d.sliceEnd) && wake.Sub(now) < d.patience():
		lease, stay = d.lease(now), true // a short wait is sat out
	default:
		delay := wake.Sub(now)
		lease.Due, ring = wake, &delay
	}
	if err := d.tellParent(ctx); err != nil {
		return false, err
	}
	created := d.etag == ""
	if created {
		d.etag, err = d.e.Store.CreateRun(ctx, d.st, lease)
		if d.created != nil {
			d.created <- err
		}
	} else {
		d.etag, err = d.e.Store.CommitRun(ctx, d.st, d.etag, lease, d.applied)
	}
	if err != nil {
		return false, err
	}
	d.applied = nil
	for _, r := range d.respond {
		if d.answer != nil {
			select {
			case d.answer <- r:
			default: // has one already
			}
		}
	}
	d.respond = nil
	d.letGo(ctx)
	if d.finished {
		d.e.leave(ctx, d.w, d.st)
	}
	if ring != nil {
		d.ring(ctx, *ring)
	}
	return stay, nil
}

// briefWait is not worth a doorbell.
const briefWait = time.Second

// patience is how long a wait is sat out: for long only while a caller waits for the
// answer. Any other driver came by the queue and would keep one of the few places that the
// host has for messages from runs that have something to do.
func (d *driver) patience() time.Duration {
	if d.answer != nil && d.st.Responded == "" {
		return d.e.Lease / 2
	}
	return min(d.e.Lease/2, briefWait)
}

func (d *driver) lease(now time.Time) store.Lease {
	until := now.Add(d.e.Lease)
	return store.Lease{Until: until, Due: until}
}

// launch carries out what the committed state says is under way.
func (d *driver) launch(ctx context.Context) {
	if !d.e.Ambient.Now().Before(d.sliceEnd) && d.inflight > 0 {
		return // held back until what is in flight has ended; then the run is handed on
	}
	for _, c := range d.send {
		d.inflight++
		attempt := d.e.attempt(ctx, d.w, d.st, c)
		d.e.work.Go(func() {
			select {
			case d.results <- attempt(ctx):
			case <-ctx.Done():
			}
		})
	}
	d.send = nil
}

// wait waits for the next event.
func (d *driver) wait(ctx context.Context) error {
	renew := d.e.After(d.e.Lease / 2)
	var wake <-chan time.Time
	if at := d.st.NextWake(); !at.IsZero() {
		wake = d.e.After(max(at.Sub(d.e.Ambient.Now()), 0))
	}
	for {
		select {
		case c := <-d.results:
			d.inflight--
			d.push(c)
			d.drain()
			return nil
		case <-wake:
			d.push(run.TimerFired{})
			return nil
		case <-d.poke:
			return d.readInbox(ctx)
		case <-renew:
			if err := d.readInbox(ctx); err != nil || len(d.events) > 0 {
				return err
			}
			d.push(run.More{}) // changes nothing; the commit renews the lease
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drain takes what has ended as well meanwhile, so that one commit holds it all.
func (d *driver) drain() {
	for {
		select {
		case c := <-d.results:
			d.inflight--
			d.push(c)
		default:
			return
		}
	}
}

// readInbox takes up what was posted to the run.
func (d *driver) readInbox(ctx context.Context) error {
	items, err := d.e.Store.Inbox(ctx, d.key)
	if err != nil {
		return err
	}
	d.take(items)
	return nil
}

// Kinds of inbox items.
const (
	cancelItem = "cancel"
	resumeItem = "resume"
	leftItem   = "left"
)

func (d *driver) take(items []store.Item) {
	for _, item := range items {
		if slices.ContainsFunc(d.events, func(p pending) bool { return p.item != nil && p.item.Key == item.Key }) {
			continue // read before, and not applied yet
		}
		var event run.Event
		switch item.Kind {
		case cancelItem:
			event = run.Cancelled{}
		case leftItem:
			event = run.CallerLeft{}
		case resumeItem:
			event = run.Resumed{Action: item.Data.Member("action").Str(), Path: item.Data.Member("path").Str(), Data: item.Data.Member("data")}
		default:
			event = run.More{} // of a newer version; it leaves with the next commit
		}
		d.events = append(d.events, pending{event, &item})
	}
}

// cancelled tells whether somebody asked for the end of the run.
func (d *driver) cancelled() bool {
	return slices.ContainsFunc(d.events, func(p pending) bool { return p.event == run.Event(run.Cancelled{}) })
}

// report logs how driving ended, where that needs to be known.
func (d *driver) report(err error) {
	log := d.e.Log.With().Str("workflow", d.w.Name).Str("run", d.key.Run).Logger()
	switch {
	case err == nil && d.finished:
		if d.e.Observer != nil {
			d.e.Observer.Finished(d.w, d.st)
		}
		log.Info().Str("status", string(d.st.Status)).Dur("duration", d.st.End.Sub(d.st.Start)).Msg("run finished")
	case err == nil:
		log.Debug().Msg("run goes on later")
	case errors.Is(err, store.ErrConflict):
		log.Info().Msg("run was taken over by another driver")
	case errors.Is(err, context.Canceled):
		log.Info().Msg("run is left to be continued")
	default:
		log.Error().Err(err).Msg("run cannot be driven now; it will be tried again")
	}
}

func (e *Engine) enlist(d *driver) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drivers[d.key] = d
}

// dismiss strikes a driver off. Who posted to its run meanwhile relied on it: it
// passes that on.
func (e *Engine) dismiss(d *driver) {
	e.mu.Lock()
	if e.drivers[d.key] == d {
		delete(e.drivers, d.key)
	}
	e.mu.Unlock()
	select {
	case <-d.poke:
		if !d.finished {
			d.ring(e.ctx, 0)
		}
	default:
	}
}

// ring makes somebody look at the run after a delay.
func (d *driver) ring(ctx context.Context, delay time.Duration) {
	if err := d.e.Store.Ring(ctx, d.key, delay); err != nil {
		d.e.Log.Warn().Err(err).Str("run", d.key.Run).Msg("a doorbell was not sent; the sweep will find the run")
	}
}
