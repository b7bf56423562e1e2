package script

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

const (
	// workerMark in the environment makes this program a worker for one job.
	workerMark = "LATCHWORK_SCRIPT_WORKER"
	// grace is what a job may take beyond its time: the engine looks at the clock
	// only now and then.
	grace = 500 * time.Millisecond
	// startup is what the process around a job may take.
	startup = 10 * time.Second
)

// A worker is the same program again. It is recognised here and not in main, so
// that every program with this package in it, tests included, can be its own
// worker, and can never mistake a worker for a start of itself.
func init() {
	if os.Getenv(workerMark) != "" {
		os.Exit(work(os.Stdin, os.Stdout))
	}
}

// work runs one job: the request comes in, the reply goes out. The process ends
// itself when the time is over, whatever the engine is doing, so it also ends if
// nobody is left to end it.
func work(in io.Reader, out io.Writer) int {
	var r request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return 1
	}
	var once sync.Once
	answer := func(p reply) {
		once.Do(func() {
			status := 0
			if _, err := out.Write(p.encode()); err != nil {
				status = 1
			}
			os.Exit(status)
		})
	}
	time.AfterFunc(r.Time+grace, func() { answer(reply{Code: ExecutionTimeout, Message: timedOut(Limits{Time: r.Time}).Message}) })
	answer(evaluate(r))
	select {} // the timer is ending the process
}

// Process runs each job in a process of its own, with an empty environment, at
// most a few at a time. It is made by NewProcess.
type Process struct {
	path  string
	slots chan struct{}
}

// NewProcess returns a runner whose workers are this program.
func NewProcess() (*Process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &Process{path: path, slots: make(chan struct{}, 2*runtime.NumCPU())}, nil
}

// Run runs a job.
func (p *Process) Run(ctx context.Context, j Job) (value.Value, error) {
	limits := j.Limits.orDefaults()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return value.Value{}, ctx.Err()
	}
	input, err := json.Marshal(newRequest(j, limits))
	if err != nil {
		return value.Value{}, &Failure{Code: InternalFailure, Message: "The code cannot be handed to the script engine."}
	}
	limited, cancel := context.WithTimeout(ctx, limits.Time+grace+startup)
	defer cancel()
	output := &bounded{most: 2*int(limits.Memory) + 1<<16} // JSON in JSON may double
	c := exec.CommandContext(limited, p.path)
	c.Args[0] = os.Args[0]
	c.Env = []string{workerMark + "=1", "TZ=UTC", "GOTRACEBACK=none", "GOMEMLIMIT=" + strconv.FormatInt(2*limits.Memory, 10)}
	if root := os.Getenv("SYSTEMROOT"); root != "" { // no program starts without it on Windows
		c.Env = append(c.Env, "SYSTEMROOT="+root)
	}
	c.Dir = os.TempDir()
	c.Stdin, c.Stdout = bytes.NewReader(input), output
	c.WaitDelay = time.Second
	err = c.Run()
	var r reply
	switch {
	case ctx.Err() != nil:
		return value.Value{}, ctx.Err()
	case limited.Err() != nil:
		return value.Value{}, timedOut(limits)
	case errors.Is(err, errTooMuch):
		return value.Value{}, &Failure{Code: RuntimeFailure, Message: "The returned value is too large."}
	case err != nil || json.Unmarshal(output.Bytes(), &r) != nil:
		return value.Value{}, &Failure{Code: InternalFailure, Message: "The script engine failed."}
	}
	return r.result()
}

var errTooMuch = errors.New("too much output")

// bounded is a buffer that takes only so much.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errTooMuch
	}
	return b.Buffer.Write(p)
}
