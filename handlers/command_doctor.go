package handlers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
)

type doctorOptions struct{ endpoint, keyFile, store, folder, output string }

func doctorCommand() *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps Latchwork from working, and how to mend it",
		Long: `Doctor checks settings, identity, vault, the key to seal with, storage with its roles,
tables and queues, clocks, the plan and its times, the package and who is believed to
call. Without --endpoint it looks from this machine, with this environment; with it,
at a running app: from within, and from outside as a caller who lies about its
address would. Storage is tried by a row, a blob and a message that are deleted at
once.

The key for a running app is read from --key-file (- for standard input), and for an
app on this machine from the data folder. The exit status is 0 if there is no fault.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDoctor(c.Context(), c.InOrStdin(), c.OutOrStdout(), o)
		},
	}
	c.Flags().StringVar(&o.endpoint, "endpoint", "", "`ADDRESS` of a running app")
	c.Flags().StringVar(&o.keyFile, "key-file", "", "`FILE` with the key of that app, or - for standard input")
	c.Flags().StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: the Azure store if the settings name one, else store.db in the data folder)")
	c.Flags().StringVar(&o.folder, "package", "dist", "`FOLDER` of the package to look at, if there is one")
	c.Flags().StringVar(&o.output, "output", "table", "`FORM` of the output: table or json")
	return c
}

func runDoctor(ctx context.Context, stdin io.Reader, stdout io.Writer, o doctorOptions) error {
	if o.output != "table" && o.output != "json" {
		return errors.New("--output: want table or json")
	}
	list, err := o.examine(ctx, stdin)
	if err != nil {
		return err
	}
	var text strings.Builder
	faults := printFindings(&text, list)
	if o.output == "json" {
		text.Reset()
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(list); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(stdout, text.String()); err != nil {
		return err
	}
	if faults > 0 {
		return errQuiet
	}
	return nil
}

func (o doctorOptions) examine(ctx context.Context, stdin io.Reader) ([]finding, error) {
	if o.endpoint == "" {
		x := examination{getenv: os.Getenv, environ: os.Environ(), root: o.folder, storeFile: (auditOptions{store: o.store}).file()}
		return x.examine(ctx), nil
	}
	config, err := outbound.FromEnv(os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	key, err := o.key(stdin)
	if err != nil {
		return nil, err
	}
	m, err := newRemote(o.endpoint, key, config.HTTPClient())
	if err != nil {
		return nil, err
	}
	if key == "" && remote.Loopback(m.endpoint.Hostname()) {
		settings, err := readSettings(os.Getenv, false)
		if err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		if file := filepath.Join(settings.dataDir, functionsKeyFile); fileExists(file) {
			raw, err := seal.KeyFile(file)
			if err != nil {
				return nil, err
			}
			m.key = base64.RawURLEncoding.EncodeToString(raw)
		}
	}
	return m.examineRemote(ctx), nil
}

// key of the app. It never stands on the command line.
func (o doctorOptions) key(stdin io.Reader) (string, error) {
	var data []byte
	var err error
	switch o.keyFile {
	case "":
		return "", nil
	case "-":
		data, err = io.ReadAll(io.LimitReader(stdin, 4<<10))
	default:
		data, err = os.ReadFile(o.keyFile)
	}
	if err != nil {
		return "", fmt.Errorf("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(data))
	if strings.ContainsAny(key, "\r\n") || key == "" {
		return "", errors.New("--key-file: want one line with the key")
	}
	return key, nil
}
