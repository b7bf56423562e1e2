package handlers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

type exprOptions struct {
	context     string
	text, raw   bool
	interactive bool
	noHistory   bool
}

func exprCommand() *cobra.Command {
	var o exprOptions
	c := &cobra.Command{
		Use:   "expr ['EXPRESSION']",
		Short: "Evaluate expressions of the workflow language",
		Long: `Expr evaluates an expression, with or without its leading @: 'add(1,2)' and '@add(1,2)'
are the same. What begins with @ or holds @{ is taken as it would stand in a
definition: 'Hello @{toUpper('you')}'. With --text everything is.

Results are JSON; with --raw a text is printed as it is. What fails is printed with
code, message and place, and the status is 1.

Without an expression, expr is a calculator: it completes names with the Tab key and
keeps its history (:help says more). Where standard input is no terminal it evaluates
each line it reads.

The history is a file in the data folder that only you may read. It keeps lines as
they were typed: do not type secrets, or use --no-history.`,
		Example: `  latchwork expr "formatNumber(1234.5, 'C2', 'de-DE')"
  latchwork expr --raw "Total: @{mul(6,7)}"
  latchwork expr "body('Get')?['value']" --context context.json
  latchwork expr doc substring`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && o.interactive {
				return errors.New("expr takes an expression or --interactive, not both")
			}
			calc, err := newCalculator(c, o)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return calc.session(c.Context(), c.InOrStdin())
			}
			if !calc.evaluate(args[0]) {
				return errQuiet
			}
			return nil
		},
	}
	c.Flags().StringVar(&o.context, "context", "", "JSON `FILE` with parameters, variables, trigger, actions, item … (see docs/conformance.md)")
	c.Flags().BoolVar(&o.text, "text", false, "take the expression as a text that stands in a definition")
	c.Flags().BoolVarP(&o.raw, "raw", "r", false, "print a text without quotes and escapes")
	c.Flags().BoolVarP(&o.interactive, "interactive", "i", false, "be a calculator; the same as giving no expression")
	c.Flags().BoolVar(&o.noHistory, "no-history", false, "neither read nor write the calculator's history")
	c.AddCommand(
		&cobra.Command{
			Use: "test FILE…", Short: "Run conformance files and print the cases that fail", Args: cobra.MinimumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return testExpressions(c.OutOrStdout(), args) },
		},
		&cobra.Command{
			Use: "doc [NAME]", Short: "Describe a function, or list all", Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return describe(c.OutOrStdout(), strings.Join(args, "")) },
		},
	)
	return c
}

// calculator evaluates what people type.
type calculator struct {
	stdout, stderr io.Writer
	options        exprOptions
	context        value.Value
	ambient        expr.Ambient
	history        string // file, or ""
	colour         bool
}

func newCalculator(c *cobra.Command, o exprOptions) (*calculator, error) {
	s, err := readSettings(os.Getenv, false)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	calc := &calculator{
		stdout: c.OutOrStdout(), stderr: c.ErrOrStderr(), options: o, context: value.Object(), ambient: ambient(s.budget),
		colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(os.Stdout),
	}
	if !o.noHistory {
		calc.history = filepath.Join(s.dataDir, "expr-history")
	}
	if o.context != "" {
		calc.context, err = readContext(o.context)
	}
	return calc, err
}

func readContext(path string) (value.Value, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return value.Value{}, err
	}
	v, err := value.Parse(data)
	if err != nil {
		return value.Value{}, fmt.Errorf("%s: %w", path, err)
	}
	if v.Kind() != value.KindObject {
		return value.Value{}, fmt.Errorf("%s: a context is an object with members such as parameters, variables, trigger, actions", path)
	}
	return v, nil
}

// asText returns typed text as it would stand in a definition, and how many
// characters were put before it.
func (c *calculator) asText(typed string) (text string, added int) {
	bare := strings.TrimSpace(typed)
	switch {
	case c.options.text, bare == "", strings.HasPrefix(typed, "@"), strings.Contains(typed, "@{") && !strings.HasPrefix(bare, "@"):
		return typed, 0
	case strings.HasPrefix(bare, "@"):
		return bare, 0
	}
	return "@" + bare, 1
}

// evaluate prints the result of what was typed, or what is wrong with it, and
// tells whether there is a result.
func (c *calculator) evaluate(typed string) bool {
	text, added := c.asText(typed)
	v, err := expr.EvaluateIn(text, c.context, c.ambient)
	if err != nil {
		c.explain(text, added, err)
		return false
	}
	if s, ok := v.AsString(); ok && c.options.raw {
		fmt.Fprintln(c.stdout, s)
		return true
	}
	if v.IsAbsent() {
		v = value.Null()
	}
	printed := value.Indent(v)
	if c.colour {
		printed = paint(printed)
	}
	fmt.Fprintf(c.stdout, "%s\n", printed)
	return true
}

// explain prints code, message, and a mark under the place in what was typed.
func (c *calculator) explain(text string, added int, err error) {
	var failed *expr.Error
	if !errors.As(err, &failed) {
		fmt.Fprintln(c.stderr, err)
		return
	}
	fmt.Fprintf(c.stderr, "%s: %s\n", failed.Code, failed.Message)
	if column := failed.Column - added; column > 0 {
		fmt.Fprintf(c.stderr, "    %s\n", strings.ReplaceAll(expr.Caret(text[added:], column), "\n", "\n    "))
	}
	if _, rest, ok := strings.Cut(failed.Message, "The template function '"); ok {
		name, what, _ := strings.Cut(rest, "'")
		if near := similar(name); strings.Contains(what, "is not defined") && len(near) > 0 {
			fmt.Fprintf(c.stderr, "Did you mean %s?\n", strings.Join(near, ", "))
		}
	}
}

func testExpressions(stdout io.Writer, files []string) error {
	passed, failed := 0, 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		results, err := expr.RunCases(data)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		for _, r := range results {
			if r.Passed {
				passed++
				continue
			}
			failed++
			fmt.Fprintf(stdout, "%s  %s\n  got   %s\n  want  %s\n", r.ID, r.Expression, r.Got, r.Want)
		}
	}
	fmt.Fprintf(stdout, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return errQuiet
	}
	return nil
}
