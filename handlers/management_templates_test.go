package handlers_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/logic/armlogic"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// templates creates the workflows that others have written: what this binary can carry
// out is stored and read back whole, and of the rest the answer says what is wrong.
func (w *walker) templates() {
	const group = "templates-rg"
	c := w.f.NewWorkflowsClient()
	where := template.Local(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	where.Assume = true
	created, refused := 0, 0
	err := filepath.WalkDir(filepath.Join("testdata", "corpus"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		deployment, _ := template.Load(data, "w", value.Value{}, where)
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, one := range deployment.Workflows {
			parameters := one.Parameters
			if parameters.IsAbsent() {
				parameters = value.Object()
			}
			resource := value.Object(value.Member{Key: "location", Value: value.String("onprem")}, value.Member{Key: "properties", Value: value.Object(
				value.Member{Key: "state", Value: value.String("Disabled")}, // nothing fires by itself
				value.Member{Key: "definition", Value: one.Definition}, value.Member{Key: "parameters", Value: parameters})})
			var r armlogic.Workflow
			if err := json.Unmarshal(value.Reveal(resource), &r); err != nil {
				return err
			}
			_, err := c.CreateOrUpdate(w.ctx, group, name, r, nil)
			var bad *azcore.ResponseError
			if errors.As(err, &bad) && bad.StatusCode == http.StatusBadRequest && bad.ErrorCode != "" {
				refused++
				continue
			}
			if err != nil {
				w.t.Errorf("%s: %v", name, err)
				continue
			}
			created++
			got := must[armlogic.WorkflowsClientGetResponse](w)(c.Get(w.ctx, group, name, nil))
			sent, _ := json.Marshal(r.Properties.Definition) // what was decoded encodes
			read, _ := json.Marshal(got.Properties.Definition)
			w.check(string(sent) == string(read), "%s: the definition came back as %s", name, read)
			_ = must[armlogic.WorkflowsClientDeleteResponse](w)(c.Delete(w.ctx, group, name, nil))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.check(created >= 6 && refused == 0, "%d created, %d refused", created, refused)
}
