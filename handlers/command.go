// Package handlers is what the binary does: its commands, the table of Azure
// functions behind it, and the wiring of all parts.
package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

//go:generate go run .. generate

// errQuiet ends a command with status 1; what is wrong has been printed.
var errQuiet = errors.New("")

// Main runs the binary and returns its exit status. Without arguments it is the
// custom handler if a Functions host has started it, else it serves the samples.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if len(args) == 0 && os.Getenv(settingPort) != "" {
		return exit(os.Stderr, customHandler(ctx, os.Getenv, os.Stdout))
	}
	c := newCommand()
	c.SetArgs(args)
	return exit(os.Stderr, c.ExecuteContext(ctx))
}

// memoryLimit is where the collector becomes eager: what large bodies leave behind is
// collected before it adds up. GOMEMLIMIT sets another.
const memoryLimit = 288 << 20

// collectAt is how much may be made before it is collected, in percent of what lives.
// Little lives here between runs: at Go's usual 100 a fifth of the processor time of a
// busy server went into collecting (docs/benchmarks.md). GOGC sets another.
const collectAt = 400

func exit(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errQuiet):
	default:
		fmt.Fprintln(stderr, "latchwork:", err)
	}
	return 1
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "latchwork",
		Short: "Runs Azure Logic Apps workflow definitions, unchanged, outside Logic Apps",
		Long: `Latchwork runs Azure Logic Apps workflow definitions, unchanged, outside Logic Apps.

Without a command it serves the workflows in ./samples, or is the custom handler
of an Azure Functions app when the Functions host has started it.`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	serve := serveCommand()
	root.RunE = func(c *cobra.Command, _ []string) error { return serve.RunE(c, nil) }
	root.Flags().AddFlagSet(serve.Flags())
	root.AddCommand(serve, runCommand(), lintCommand(), exprCommand(), secretCommand(), packageCommand(), urlCommand(), auditCommand(), doctorCommand(), runsCommand(), exportCommand(), deployCommand(), generateCommand())
	return root
}
