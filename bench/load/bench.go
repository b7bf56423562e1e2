package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// bench is one comparison.
type bench struct {
	options
	progress io.Writer
	self     string
	upstream string
}

func (b *bench) run(ctx context.Context) (r *report, err error) {
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.folder, err = os.MkdirTemp(b.folder, "latchwork-load-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.folder)
	if b.folder, err = filepath.EvalSymlinks(b.folder); err != nil { // so that its mount is found
		return nil, err
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/latchwork/latchwork").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	r = b.report(describeMachine(ctx, strings.TrimSpace(string(root)), b.folder))
	if err := b.build(ctx, strings.TrimSpace(string(root)), r); err != nil {
		return nil, err
	}
	info, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	r.BinaryMB = float64(info.Size()) / (1 << 20)
	up, err := b.startUpstream(ctx)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	defer up.stop()
	if err := b.restAll(ctx, r); err != nil {
		return nil, err
	}
	for _, callers := range b.callers {
		if err := b.load(ctx, callers, r); err != nil {
			return nil, err
		}
	}
	r.summarize()
	return r, ctx.Err()
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

// build makes the binary as a release has it, unless there is one to measure.
func (b *bench) build(ctx context.Context, root string, r *report) (err error) {
	if b.binary != "" {
		r.Machine.Commit = unknown + ", a binary that was there is measured"
		b.binary, err = filepath.Abs(b.binary)
		return err
	}
	b.say("build latchwork")
	b.binary = filepath.Join(b.folder, "latchwork")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", b.binary, ".")
	c.Dir = root
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build latchwork: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) startUpstream(ctx context.Context) (*process, error) {
	s, err := b.site("upstream")
	if err != nil {
		return nil, err
	}
	p, err := start(&launch{folder: s.folder, program: s.self, args: []string{"upstream", s.port}, env: s.env()})
	if err != nil {
		return nil, err
	}
	b.upstream = "http://" + s.address()
	if err := p.await(ctx, func() error { return dial(s.address()) }, time.Millisecond); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// restAll measures all targets at rest. What is not installed, or does not come up
// though it is not ours, is left out, and the report says why.
func (b *bench) restAll(ctx context.Context, r *report) error {
	var present []*target
	for _, t := range b.targets {
		described := targetReport{Name: t.name, About: t.about, Writes: t.writes}
		var err error
		if t.find != nil {
			described.Version, err = t.find(ctx)
		}
		if err == nil {
			b.say("%s: start", t.name)
			var rest restReport
			if rest, err = b.rest(ctx, t); err == nil {
				r.Rest = append(r.Rest, rest)
				present = append(present, t)
			}
		}
		switch {
		case err == nil:
		case t.find == nil || ctx.Err() != nil:
			return fmt.Errorf("%s: %w", t.name, err)
		default:
			b.say("%s: %v", t.name, err)
			described.Missing = fmt.Sprintf("%.300s", strings.Join(strings.Fields(err.Error()), " "))
		}
		r.Targets = append(r.Targets, described)
	}
	b.targets = present
	return nil
}

// prepare makes a target ready for its first start.
func (b *bench) prepare(ctx context.Context, t *target) (*launch, *request, error) {
	s, err := b.site(t.name)
	if err != nil {
		return nil, nil, err
	}
	l, err := t.prepare(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	r, err := newRequest(l.url, l.header)
	if err != nil {
		l.end()
	}
	return l, r, err
}

func (l *launch) end() {
	if l.close != nil {
		l.close()
	}
}

// rest measures a target that has nothing to do: how long from its start to its
// first answer, on a store that exists, and what memory it has some time later.
func (b *bench) rest(ctx context.Context, t *target) (r restReport, err error) {
	l, request, err := b.prepare(ctx, t)
	if err != nil {
		return r, err
	}
	defer l.end()
	r.Target = t.name
	for i := range b.starts + 1 {
		took, idle, err := b.startOnce(ctx, l, request, i == b.starts)
		switch {
		case err != nil:
			return r, err
		case i > 0: // the first makes what a server makes once
			r.StartsMS = append(r.StartsMS, milliseconds(took))
			r.IdleMB = idle
		}
	}
	r.StartMS = median(r.StartsMS)
	return r, nil
}

func (b *bench) startOnce(ctx context.Context, l *launch, r *request, last bool) (took time.Duration, idleMB float64, err error) {
	began := time.Now()
	p, err := start(l)
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	if err := p.awaitAnswer(ctx, r); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	if !last {
		return took, 0, nil
	}
	select {
	case <-time.After(b.idle):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	u, err := p.usage()
	return took, u.resident, err
}

// awaitAnswer calls until the answer is right: servers answer 404 and the like
// before they are ready.
func (p *process) awaitAnswer(ctx context.Context, r *request) error {
	c := newCaller(r)
	defer c.close()
	return p.await(ctx, c.call, time.Millisecond)
}

// running is a target that serves.
type running struct {
	name    string
	launch  *launch
	request *request
	process *process
}

func (r *running) stop() {
	if r.process != nil {
		r.process.stop()
	}
	r.launch.end()
}

// load measures all targets in turn, again and again, each with a new store, so that
// what the machine does meanwhile hits all of them.
func (b *bench) load(ctx context.Context, callers int, r *report) error {
	var all []*running
	defer func() {
		for _, one := range all {
			one.stop()
		}
	}()
	for _, t := range b.targets {
		l, request, err := b.prepare(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		one := &running{name: t.name, launch: l, request: request}
		all = append(all, one)
		if one.process, err = start(l); err == nil {
			err = one.process.awaitAnswer(ctx, request)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	for repetition := range b.repeat {
		for _, one := range all {
			s, err := b.sample(ctx, one, callers)
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			s.Repetition = repetition + 1
			r.Samples = append(r.Samples, s)
			b.say("%d callers, %d of %d, %s: %.0f calls a second", callers, s.Repetition, b.repeat, one.name, s.PerSecond)
		}
	}
	return nil
}

func (b *bench) sample(ctx context.Context, one *running, callers int) (s sample, err error) {
	var before usage
	m := callFor(ctx, one.request, callers, b.warmup, b.seconds, func() {
		before, err = one.process.usage()
		err = errors.Join(err, resetPeaks(one.process.command.Process.Pid))
	})
	if err := errors.Join(err, ctx.Err()); err != nil {
		return s, err
	}
	after, err := one.process.usage()
	if err != nil {
		return s, fmt.Errorf("%w: %s", err, one.process.printed())
	}
	s = newSample(m)
	s.Target, s.Callers, s.PeakMB = one.name, callers, after.peak
	if n := len(m.latencies); n > 0 {
		s.CPUPerCallMS = milliseconds(after.cpu-before.cpu) / float64(n)
	}
	return s, nil
}
