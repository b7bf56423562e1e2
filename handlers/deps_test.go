package handlers_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchwork/latchwork/"

// mayImport is the house rule: which packages of the module each may import. A
// change of this table is a design decision; its commit says why.
var mayImport = map[string]string{
	"shared/value":     "",
	"shared/seal":      "",
	"shared/telemetry": "",
	"shared/access":    "shared/value",
	"shared/template":  "shared/value shared/expr/culture shared/expr/dotnet", // utcNow('yyyy-MM-dd'): .NET's formats
	"shared/standard":  "shared/value",
	// It writes what shared/template reads.
	"shared/export":     "shared/template shared/value",
	"shared/recurrence": "shared/value shared/expr/zone",
	"shared/expr":       "shared/value shared/expr/culture shared/expr/dotnet shared/expr/xmltext shared/expr/zone",
	"shared/definition": "shared/value shared/expr shared/recurrence",
	"shared/leaks":      "shared/value shared/expr shared/definition",
	"shared/run":        "shared/value shared/expr shared/definition",
	"shared/outbound":   "shared/value shared/seal shared/telemetry",
	"shared/operation":  "shared/value shared/expr shared/expr/culture shared/expr/dotnet shared/expr/zone shared/definition shared/run shared/outbound shared/recurrence shared/artifacts shared/operation/flatfile shared/operation/liquid shared/operation/script shared/operation/xmltree shared/operation/xsd",
	"shared/store":      "shared/value shared/expr shared/definition shared/run shared/seal",
	"shared/audit":      "shared/store",
	"shared/engine":     "shared/access shared/audit shared/recurrence shared/value shared/expr shared/definition shared/run shared/seal shared/outbound shared/operation shared/store shared/telemetry",

	"shared/expr/culture": "",
	"shared/expr/dotnet":  "shared/expr/culture",
	"shared/expr/xmltext": "shared/value",
	"shared/expr/zone":    "shared/expr/culture",

	"shared/artifacts":          "",
	"shared/operation/flatfile": "shared/operation/xmltree shared/operation/xsd",
	"shared/operation/liquid":   "shared/value shared/expr/culture shared/expr/dotnet shared/operation/xmltree",
	"shared/operation/script":   "shared/value",
	"shared/operation/xmltree":  "shared/expr/xmltext",
	"shared/operation/xsd":      "shared/operation/xmltree",

	"shared/store/local": "shared/store",
	"shared/store/azure": "shared/store",

	"handlers/host": "shared/store shared/value",
	"handlers/gate": "shared/access",
	// A client of what handlers/management serves, which it knows by its answers alone.
	// It deploys into the store by the engine, and elsewhere as a client of the management API.
	"handlers/deploy": "handlers/remote shared/definition shared/engine shared/store shared/template shared/value",
	"handlers/remote": "shared/outbound shared/value",
	// It shows what the engine and the store hold, behind the addresses and links of the gate.
	"handlers/management": "handlers/gate shared/access shared/audit shared/definition shared/engine shared/expr shared/operation shared/run shared/store shared/value",
}

// pure packages do no I/O and know no time: what they import of the standard
// library is bounded too.
var (
	pure      = []string{"shared/access", "shared/value", "shared/expr", "shared/expr/culture", "shared/expr/dotnet", "shared/expr/xmltext", "shared/expr/zone", "shared/definition", "shared/leaks", "shared/run", "shared/export", "shared/standard", "shared/template", "shared/recurrence"}
	forbidden = []string{"net", "net/http", "os", "sync", "crypto/rand", "math/rand", "math/rand/v2", "syscall", "os/exec"}
)

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsFollowTheTable(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		seen[name] = true
		check(t, name, p.Imports)
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("the table names %s, which does not exist", name)
		}
	}
}

func check(t *testing.T, name string, imports []string) {
	allowed, inTable := mayImport[name]
	for _, path := range imports {
		own, isOwn := strings.CutPrefix(path, module)
		switch {
		case isOwn && strings.HasPrefix(name, "shared/") && strings.HasPrefix(own, "handlers"):
			t.Errorf("%s imports %s: shared never imports handlers", name, own)
		case isOwn && inTable && !slices.Contains(strings.Fields(allowed), own):
			t.Errorf("%s imports %s, which the table does not allow", name, own)
		case slices.Contains(pure, name) && slices.Contains(forbidden, path):
			t.Errorf("%s is pure and imports %s", name, path)
		}
	}
}
