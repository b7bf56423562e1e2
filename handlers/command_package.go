package handlers

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/value"
)

// workflowsFolder is where a package keeps its workflows.
const workflowsFolder = "workflows"

type packageOptions struct{ out, goos, goarch string }

func packageCommand() *cobra.Command {
	var o packageOptions
	c := &cobra.Command{
		Use:   "package [PATH…]",
		Short: "Lay out the folder that is deployed to Azure Functions",
		Long: `Package writes host.json, the binary, one folder per function and the workflows named
(files or folders) into a folder. 'func start --script-root' runs it, a zip of it is
what is deployed.`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := layOut(o, args); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is ready: func start --script-root %s\n", o.out, o.out)
			return nil
		},
	}
	c.Flags().StringVar(&o.out, "out", "dist", "`FOLDER` to write")
	c.Flags().StringVar(&o.goos, "os", "linux", "`OS` that the binary is for")
	c.Flags().StringVar(&o.goarch, "arch", "amd64", "`ARCHITECTURE` that the binary is for")
	return c
}

// executable is the name in host.json's defaultExecutablePath: publishing makes a
// file executable only if its path is that text.
const executable = "latchwork"

func layOut(o packageOptions, workflows []string) error {
	root, err := moduleRoot()
	if err != nil {
		return fmt.Errorf("a package is built from the source: %w", err)
	}
	if _, err := loadDocuments(os.Stderr, workflows, "", unresolved, true); err != nil { // the settings are those of the app
		return orProblems(err)
	}
	if err := os.RemoveAll(o.out); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	if err := build(root, o); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.out, "host.json"), hostJSON, 0o644); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(root, "local.settings.json"), filepath.Join(o.out, "local.settings.json")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.out, ".funcignore"), []byte(".funcignore\nlocal.settings.json\n.vscode/\n.git/\n"), 0o644); err != nil {
		return err
	}
	if err := host.WriteFunctions(o.out, functions(&app{})); err != nil {
		return err
	}
	maps, err := artifactsOf(workflows)
	if err != nil {
		return err
	}
	if maps != "" {
		if err := copyTree(maps, filepath.Join(o.out, artifactsFolder)); err != nil {
			return err
		}
	}
	for _, path := range workflows {
		if err := copyWorkflows(path, filepath.Join(o.out, workflowsFolder, filepath.Base(path)), o.out); err != nil {
			return err
		}
	}
	return nil
}

// linkFlags leave out what only debuggers read, and hand on what this is.
func linkFlags() string {
	const at = " -X github.com/latchwork/latchwork/handlers."
	return "-s -w -buildid=" + at + "Version=" + Version + at + "Commit=" + Commit
}

// build makes the binary. The same source makes the same bytes, on any machine.
func build(root string, o packageOptions) error {
	out, err := filepath.Abs(filepath.Join(o.out, executable))
	if err != nil {
		return err
	}
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", linkFlags(), "-o", out, ".")
	c.Dir = root
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+o.goos, "GOARCH="+o.goarch)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	return nil
}

func copyTree(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// unresolved stands in for secrets while it is only checked that workflows load: the app
// reads them where it runs.
func unresolved(parameters value.Value) (value.Value, error) {
	for name, p := range parameters.Members {
		if reference := p.Member("reference"); reference.Has("keyVault") {
			parameters = parameters.With(name, p.With("reference", reference.With("value", value.String("a secret"))))
		}
	}
	return parameters, nil
}
