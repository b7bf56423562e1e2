package handlers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/latchwork/latchwork/shared/outbound"
)

// demoSecretsFile stands beside a sample and lists the names of secrets that it
// reads, so that it runs on a fresh machine.
const demoSecretsFile = "demo-secrets.json"

// demoSecrets puts made-up values into the local vault for the secrets that a
// sample lists and the vault lacks, and says so. A configured vault is left alone.
func (a *app) demoSecrets(ctx context.Context, w io.Writer, docs []*document) error {
	vault, isLocal := a.vault.(*outbound.LocalVault)
	if !isLocal {
		return nil
	}
	for _, d := range docs {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(d.path), demoSecretsFile))
		if err != nil {
			continue // most workflows have none
		}
		var names []string
		if err := json.Unmarshal(data, &names); err != nil {
			return fmt.Errorf("%s beside %s: want an array of names", demoSecretsFile, d.path)
		}
		for _, name := range names {
			var missing *outbound.Failure
			if _, err := vault.Secret(ctx, name, ""); !errors.As(err, &missing) || missing.StatusCode != http.StatusNotFound {
				continue
			}
			if err := vault.Set(name, "made-up-"+rand.Text()); err != nil {
				return err
			}
			fmt.Fprintf(w, "The local vault had no secret '%s'; a made-up value stands in. 'latchwork secret set %s' replaces it.\n\n", name, name)
		}
	}
	return nil
}
