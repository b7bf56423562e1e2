package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/peterh/liner"

	"github.com/latchwork/latchwork/shared/value"
)

const sessionHelp = `An expression is evaluated, with or without its leading @. Tab completes the names of
functions and, inside quotes, of what the context holds.

  :doc [NAME]        describe a function, or list all
  :context [FILE]    read a context from a JSON file, or print the present one
  :set NAME JSON     give a variable a value; variables('NAME') reads it
  :help              this text
  :quit              end; so does Ctrl-D

On a terminal, lines are kept as they were typed: do not type secrets, or use
--no-history.
`

var sessionCommands = []string{":context", ":doc", ":help", ":quit", ":set"}

// lines is where a session reads from.
type lines interface {
	next() (string, error) // io.EOF at the end
	close() error
}

// session evaluates line after line. Where a script reads along, a line that
// fails makes the whole session fail.
func (c *calculator) session(ctx context.Context, stdin io.Reader) (err error) {
	f, _ := stdin.(*os.File)
	onTerminal := f != nil && isTerminal(f) && isTerminal(os.Stdout)
	var in lines = &plainLines{bufio.NewReader(stdin)}
	if onTerminal {
		fmt.Fprintln(c.stdout, "Expressions of the workflow language. :help says what else there is.")
		// Ctrl-C gives up a line. Pressed while no line is being read, it must not end
		// the session; the budget ends what takes long.
		signal.Ignore(os.Interrupt)
		in = c.openTerminal()
	}
	defer func() { err = errors.Join(err, in.close()) }()
	failed := false
	for {
		line, err := await(ctx, in)
		switch {
		case ctx.Err() != nil:
			return errQuiet
		case errors.Is(err, io.EOF):
			return ended(failed && !onTerminal)
		case err != nil:
			return err
		case strings.TrimSpace(line) == "":
		case line[0] == ':':
			done, err := c.command(line)
			if done {
				return ended(failed && !onTerminal)
			}
			if err != nil {
				fmt.Fprintln(c.stderr, err)
				failed = true
			}
		default:
			failed = !c.evaluate(line) || failed
		}
	}
}

func ended(failed bool) error {
	if failed {
		return errQuiet
	}
	return nil
}

// await reads a line, and stops waiting when the process is told to end.
func await(ctx context.Context, in lines) (string, error) {
	type read struct {
		line string
		err  error
	}
	result := make(chan read, 1)
	go func() {
		line, err := in.next()
		result <- read{line, err}
	}()
	select {
	case r := <-result:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// command carries out a line that begins with a colon.
func (c *calculator) command(line string) (done bool, err error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case ":quit":
		return true, nil
	case ":help":
		fmt.Fprint(c.stdout, sessionHelp)
	case ":doc":
		err = describe(c.stdout, rest)
	case ":context":
		if rest == "" {
			fmt.Fprintf(c.stdout, "%s\n", value.Indent(c.context))
			return false, nil
		}
		read, err := readContext(rest)
		if err == nil {
			c.context = read
		}
		return false, err
	case ":set":
		name, text, _ := strings.Cut(rest, " ")
		v, err := value.Parse([]byte(text))
		if err != nil {
			return false, fmt.Errorf("want :set NAME JSON, a text in double quotes: %w", err)
		}
		c.context = with(c.context, "variables", with(c.context.Member("variables"), name, v))
	default:
		err = fmt.Errorf("there is no command %s; there are %s", name, strings.Join(sessionCommands, ", "))
	}
	return false, err
}

// with returns an object with one member set.
func with(object value.Value, name string, v value.Value) value.Value {
	b := value.NewObject(object.Len() + 1)
	for key, old := range object.Members {
		b.Set(key, old)
	}
	return b.Set(name, v).Build()
}

// plainLines reads what is no terminal.
type plainLines struct{ r *bufio.Reader }

func (p *plainLines) next() (string, error) {
	line, err := p.r.ReadString('\n')
	if line != "" {
		err = nil // the last line needs no line break
	}
	return strings.TrimRight(line, "\r\n"), err
}

func (p *plainLines) close() error { return nil }

// terminalLines edits lines on a terminal.
type terminalLines struct {
	*liner.State
	history string
}

func (c *calculator) openTerminal() *terminalLines {
	t := &terminalLines{liner.NewLiner(), c.history}
	t.SetCtrlCAborts(true)
	t.SetTabCompletionStyle(liner.TabPrints)
	t.SetWordCompleter(c.complete)
	if data, err := os.ReadFile(t.history); t.history != "" && err == nil {
		_, _ = t.ReadHistory(bytes.NewReader(data)) // a damaged history is no reason not to calculate
	}
	return t
}

func (t *terminalLines) next() (string, error) {
	line, err := t.Prompt("> ")
	if errors.Is(err, liner.ErrPromptAborted) {
		return "", nil // Ctrl-C gives up the line
	}
	// What is longer could not be read back.
	if err == nil && strings.TrimSpace(line) != "" && len(line) < 4096 && utf8.ValidString(line) {
		t.AppendHistory(line)
	}
	return line, err
}

// close writes the history and gives the terminal back.
func (t *terminalLines) close() error {
	err := t.Close()
	if t.history == "" {
		return err
	}
	if made := os.MkdirAll(filepath.Dir(t.history), 0o700); made != nil {
		return errors.Join(err, made)
	}
	f, opened := os.OpenFile(t.history, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if opened != nil {
		return errors.Join(err, opened)
	}
	_, written := t.WriteHistory(f)
	// Somebody may have widened the mode of the file there was.
	return errors.Join(err, f.Chmod(0o600), written, f.Close())
}
