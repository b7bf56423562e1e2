package handlers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/store"
)

func secretCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "secret",
		Short: "Keep secrets in the local vault",
		Long: `The local vault stands in for Key Vault on this machine: values are sealed in a file
in the data folder. It answers keyvault connections where no vault is configured.`,
	}
	open := func() (*outbound.LocalVault, error) {
		s, err := readSettings(os.Getenv, false)
		if err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		return outbound.OpenLocalVault(s.dataDir, nil)
	}
	c.AddCommand(
		&cobra.Command{
			Use: "set NAME", Short: "Store a secret; its value is read from standard input", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				v, err := open()
				if err != nil {
					return err
				}
				plain, err := readSecret(c.InOrStdin(), c.ErrOrStderr())
				if err != nil {
					return err
				}
				return v.Set(args[0], plain)
			},
		},
		&cobra.Command{
			Use: "list", Short: "List the names of the secrets", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				v, err := open()
				if err != nil {
					return err
				}
				names, err := v.Names()
				for _, n := range names {
					fmt.Fprintln(c.OutOrStdout(), n)
				}
				return err
			},
		},
		&cobra.Command{
			Use: "rm NAME", Short: "Remove a secret", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				v, err := open()
				if err != nil {
					return err
				}
				return v.Remove(args[0])
			},
		},
	)
	return c
}

// readSecret reads a value without its last line break. It never comes from the
// command line, where other users and the shell's history would see it.
func readSecret(stdin io.Reader, stderr io.Writer) (string, error) {
	if f, ok := stdin.(*os.File); ok && isTerminal(f) {
		fmt.Fprint(stderr, "Value (ends with Enter): ")
		line, err := bufio.NewReader(f).ReadString('\n')
		if err != nil && line == "" {
			return "", errors.New("no value was given")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	data, err := io.ReadAll(io.LimitReader(stdin, 25<<10+1))
	if err != nil {
		return "", err
	}
	plain := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case plain == "":
		return "", errors.New("no value was given on standard input")
	case len(plain) > 25<<10:
		return "", errors.New("a secret has at most 25 KiB")
	}
	return plain, nil
}

func urlCommand() *cobra.Command {
	var notAfter time.Duration
	var keyName string
	c := &cobra.Command{
		Use:   "url WORKFLOW [TRIGGER]",
		Short: "Print the callback URL of a request trigger in the Azure store",
		Long: `Url reads the store that the settings name (AzureWebJobsStorage and the seal key),
as the app does, and prints a signed URL. Whoever has the URL can start the workflow.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			a, err := openApp(ctx, options{getenv: os.Getenv, log: c.ErrOrStderr(), pretty: true})
			if err != nil {
				return err
			}
			defer a.Close()
			workflows, err := a.store.Workflows(ctx)
			if err != nil {
				return err
			}
			for _, w := range workflows {
				if !strings.EqualFold(w.Name, args[0]) && !strings.EqualFold(w.ResourceID, args[0]) {
					continue
				}
				trigger := "manual"
				if len(args) > 1 {
					trigger = args[1]
				}
				expiry := time.Time{}
				if notAfter > 0 {
					expiry = time.Now().Add(notAfter)
				}
				key := w.Keys.Named(store.KeyName(keyName))
				if key == nil || keyName == string(store.ContentsKey) {
					return fmt.Errorf("--key: want %s or %s", store.PrimaryKey, store.SecondaryKey)
				}
				fmt.Fprintln(c.OutOrStdout(), gate.URLs{Base: a.settings.baseURL}.Trigger(*key, w.ID, trigger, expiry))
				return nil
			}
			return fmt.Errorf("there is no workflow %q in the store", args[0])
		},
	}
	c.Flags().StringVar(&keyName, "key", string(store.PrimaryKey), "`KEY` that signs the URL: Primary or Secondary")
	c.Flags().DurationVar(&notAfter, "valid-for", 0, "`DURATION` after which the URL expires (default: never)")
	return c
}

// generateCommand writes the files that are made from tables in the code.
func generateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "generate", Hidden: true, Args: cobra.NoArgs, Short: "Write the generated files of this repository",
		RunE: func(*cobra.Command, []string) error {
			root, err := moduleRoot()
			if err != nil {
				return err
			}
			if err := copyFile(filepath.Join(root, "host.json"), filepath.Join(root, "handlers", "host.json")); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(root, "docs", "expressions.md"), expressionReference(), 0o644); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(root, "docs", "settings.md"), settingsReference(), 0o644); err != nil {
				return err
			}
			return host.WriteFunctions(filepath.Join(root, "functions"), functions(&app{}))
		},
	}
}

// moduleRoot finds the folder with go.mod, from here upward.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if fileExists(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no go.mod here or above")
		}
	}
	return "", err
}
