package script

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"modernc.org/quickjs"
)

//go:embed prelude.js
var prelude string

// linesBefore is how many lines stand before the code in the function that is
// made of it.
const linesBefore = 2

// evaluate runs one request in an engine of its own.
func evaluate(r request) reply {
	vm, err := quickjs.NewVM()
	if err != nil {
		return reply{Code: InternalFailure, Message: "The script engine cannot be started."}
	}
	defer vm.Close()
	start := time.Now()
	vm.SetCanBlock(false)
	vm.SetMemoryLimit(uintptr(r.Memory))
	if err := vm.SetEvalTimeout(r.Time); err != nil {
		return reply{Code: InternalFailure, Message: "The script engine cannot be started."}
	}
	run, err := vm.EvalValue(prelude, quickjs.EvalGlobal)
	if err != nil {
		return r.stopped(err, start)
	}
	defer run.Free()
	result, err := run.Call(quickjs.UndefinedValue, r.Code, r.Context)
	if result == "" && err == nil { // a promise
		if rest := r.Time - time.Since(start); rest > 0 && vm.SetEvalTimeout(rest) == nil {
			if _, err = vm.ExecutePendingJobs(); err == nil {
				result, err = run.Call(quickjs.UndefinedValue)
			}
		}
	}
	text, ok := result.(string)
	if err != nil || !ok {
		return r.stopped(err, start)
	}
	return r.report(text)
}

// stopped tells why the engine gave up: it ended the script at a limit.
func (r request) stopped(err error, start time.Time) reply {
	limits := Limits{Time: r.Time, Memory: r.Memory}
	var e *quickjs.Error
	switch {
	case time.Since(start) >= r.Time:
		return reply{Code: ExecutionTimeout, Message: timedOut(limits).Message}
	case errors.As(err, &e) && strings.Contains(e.Message, "out of memory"):
		return outOfMemory(r.Memory)
	case errors.As(err, &e):
		return reply{Code: RuntimeFailure, Name: e.Name, Message: e.Message, Line: r.line(e.Stack)}
	}
	return reply{Code: InternalFailure, Message: "The script engine failed."}
}

func outOfMemory(limit int64) reply {
	return reply{Code: RuntimeFailure, Name: "InternalError", Message: fmt.Sprintf("The code needs more than %d MB of memory.", limit>>20)}
}

// report reads what the prelude says of the code it ran.
func (r request) report(text string) reply {
	var said struct{ Body, Code, Name, Message, Stack string }
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.Body == "" && said.Code == "" {
		return reply{Code: InternalFailure, Message: "The script engine failed."}
	}
	if said.Code == "" {
		return reply{Body: said.Body}
	}
	if said.Name == "InternalError" && said.Message == "out of memory" {
		return outOfMemory(r.Memory)
	}
	const longest = 2000 // of a message
	if len(said.Message) > longest {
		said.Message = strings.ToValidUTF8(said.Message[:longest], "") + "…"
	}
	return reply{Code: said.Code, Name: said.Name, Message: said.Message, Line: r.line(said.Stack)}
}

// place finds the first place in a stack that lies in the code.
var place = regexp.MustCompile(`<input>:(\d+)`)

// line returns the line of the code that a stack begins in. What is missing at
// the end of the code is missing in its last line.
func (r request) line(stack string) int {
	m := place.FindStringSubmatch(stack)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n <= linesBefore {
		return 0
	}
	return min(n-linesBefore, strings.Count(r.Code, "\n")+1)
}
