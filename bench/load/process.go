package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// patience is how long a server may take until it answers.
const patience = 2 * time.Minute

// process is a server that runs.
type process struct {
	command *exec.Cmd
	log     string
	ended   chan struct{}
}

func start(l *launch) (*process, error) {
	p := &process{command: exec.Command(l.program, l.args...), log: filepath.Join(l.folder, "server.log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command.Dir, p.command.Env, p.command.Stdout, p.command.Stderr = l.folder, l.env, log, log
	p.command.SysProcAttr = ownGroup()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // it is killed in the end
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process and those that it started. All of them keep what is
// answered, so this may be sudden.
func (p *process) stop() {
	endGroup(p.command.Process.Pid)
	<-p.ended
}

// await asks again and again until there is no error.
func (p *process) await(ctx context.Context, ask func() error, every time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for tick := time.NewTicker(every); ; {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("it has ended: %s", p.printed())
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: %s", ctx.Err(), err, p.printed())
		}
	}
}

// printed is the end of what the server printed.
func (p *process) printed() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-2000):])
}

// usage is what a group of processes has used.
type usage struct {
	cpu            time.Duration
	resident, peak float64 // MB
}

func (p *process) usage() (usage, error) { return groupUsage(p.command.Process.Pid) }
