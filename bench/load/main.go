// Command load compares what serves request, call, compose and response: the built
// binary on both stores, handlers written by hand, and other engines where they are
// installed. Each server, the upstream they call and the callers are processes of
// their own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(command(os.Args[1:])) }

// command runs one of the three processes that this binary is.
func command(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(args) == 2 && args[0] == "upstream":
		err = serveUpstream(ctx, args[1])
	case len(args) == 5 && args[0] == "handwritten":
		err = serveHandwritten(ctx, args[1], args[2], args[3], args[4])
	default:
		err = compare(ctx, args, os.Stdout, os.Stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 2
	case err != nil:
		fmt.Fprintln(os.Stderr, "load:", err)
		return 1
	}
	return 0
}

type options struct {
	seconds, warmup, idle time.Duration
	repeat, starts        int
	callers               []int
	targets               []*target
	json, folder, binary  string
}

// compare measures and prints the report. Calls that failed fail it.
func compare(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := readOptions(args, stderr)
	if err != nil {
		return err
	}
	b := &bench{options: o, progress: stderr}
	r, err := b.run(ctx)
	if err != nil {
		return err
	}
	if o.json != "" {
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(stdout, r.markdown()); err != nil {
		return err
	}
	return r.failed()
}

func readOptions(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(stderr)
	seconds := f.Float64("seconds", 10, "how long each measurement takes")
	f.DurationVar(&o.warmup, "warmup", time.Second, "how long callers call before it")
	f.IntVar(&o.repeat, "repeat", 5, "how often all targets are measured in turn")
	f.IntVar(&o.starts, "starts", 11, "how often each target is started for the time to its first answer")
	f.DurationVar(&o.idle, "idle", 5*time.Second, "how long after its first answer the memory of an idle target is read")
	callers := f.String("callers", "1,16,64", "numbers of callers")
	names := f.String("targets", "all", "what is compared, of "+strings.Join(targetNames(), ","))
	f.StringVar(&o.json, "json", "", "`file` for the report as JSON")
	f.StringVar(&o.folder, "dir", os.TempDir(), "`folder` for the stores; its filesystem is what syncs")
	f.StringVar(&o.binary, "binary", "", "`file` to measure as latchwork instead of building it")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", f.Arg(0))
	}
	o.seconds = time.Duration(*seconds * float64(time.Second))
	if o.seconds <= 0 || o.warmup < 0 || o.idle < 0 || o.repeat < 1 || o.starts < 1 {
		return o, errors.New("-seconds, -repeat and -starts are above 0, -warmup and -idle not below")
	}
	for text := range strings.SplitSeq(*callers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || slices.Contains(o.callers, n) {
			return o, fmt.Errorf("-callers: %q is no number of callers, or is there twice", text)
		}
		o.callers = append(o.callers, n)
	}
	o.targets, err = chooseTargets(*names)
	return o, err
}

func chooseTargets(names string) (chosen []*target, err error) {
	if names == "all" {
		return targets, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(targets, func(t *target) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-targets: %q is none of %s", name, strings.Join(targetNames(), ", "))
		}
		if slices.Contains(chosen, targets[i]) {
			return nil, fmt.Errorf("-targets: %s is there twice", name)
		}
		chosen = append(chosen, targets[i])
	}
	return chosen, nil
}
