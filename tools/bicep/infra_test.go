package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/store"
)

type template struct {
	Parameters map[string]parameter
	Variables  map[string]any
	Resources  map[string]armResource
	Outputs    map[string]struct{ Type, Value any }
}

type parameter struct {
	Type                 string
	DefaultValue         any
	AllowedValues        []any
	MinValue, MaxValue   *float64
	MinLength, MaxLength *int
}

type armResource struct {
	Type, APIVersion, Name, Scope, Condition string
	Properties                               map[string]any
	DependsOn                                []string
}

func readTemplate(t *testing.T) (tpl template, text string) {
	t.Helper()
	data, err := os.ReadFile("../../infra/main.json")
	if err == nil {
		err = json.Unmarshal(data, &tpl)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tpl, string(data)
}

// The identifiers of functions-host §12.4; Key Vault Secrets Officer, which who
// deploys needs, is not among them.
var roleIDs = map[string]string{
	"StorageBlobDataOwner":        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
	"StorageBlobDataContributor":  "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
	"StorageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
	"StorageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
	"KeyVaultSecretsUser":         "4633458b-17de-408a-b874-0445c86b69e6",
	"KeyVaultSecretsOfficer":      "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
	"MonitoringMetricsPublisher":  "3913510d-42f4-4e42-8a64-420c390055eb",
}

// apiVersions are those in which the properties used here are known to exist.
var apiVersions = map[string]string{
	"Microsoft.Authorization/roleAssignments":                   "2022-04-01",
	"Microsoft.Insights/actionGroups":                           "2023-01-01",
	"Microsoft.Insights/components":                             "2020-02-02",
	"Microsoft.Insights/diagnosticSettings":                     "2021-05-01-preview",
	"Microsoft.Insights/scheduledQueryRules":                    "2023-03-15-preview",
	"Microsoft.KeyVault/vaults":                                 "2023-07-01",
	"Microsoft.ManagedIdentity/userAssignedIdentities":          "2023-01-31",
	"Microsoft.OperationalInsights/workspaces":                  "2023-09-01",
	"Microsoft.Storage/storageAccounts":                         "2023-05-01",
	"Microsoft.Storage/storageAccounts/blobServices":            "2023-05-01",
	"Microsoft.Storage/storageAccounts/blobServices/containers": "2023-05-01",
	"Microsoft.Storage/storageAccounts/queueServices":           "2023-05-01",
	"Microsoft.Storage/storageAccounts/queueServices/queues":    "2023-05-01",
	"Microsoft.Storage/storageAccounts/tableServices":           "2023-05-01",
	"Microsoft.Storage/storageAccounts/tableServices/tables":    "2023-05-01",
	"Microsoft.Web/serverfarms":                                 "2024-04-01",
	"Microsoft.Web/sites":                                       "2024-04-01",
	"Microsoft.Web/sites/basicPublishingCredentialsPolicies":    "2024-04-01",
}

func TestResources(t *testing.T) {
	tpl, text := readTemplate(t)
	for symbol, r := range tpl.Resources {
		if want := apiVersions[r.Type]; r.APIVersion != want {
			t.Errorf("%s: %s in version %s, want %q", symbol, r.Type, r.APIVersion, want)
		}
		for _, d := range r.DependsOn {
			if _, ok := tpl.Resources[d]; !ok {
				t.Errorf("%s depends on %s, which is not there", symbol, d)
			}
		}
	}
	for _, m := range regexp.MustCompile(`reference\('(\w+)'`).FindAllStringSubmatch(text, -1) {
		if _, ok := tpl.Resources[m[1]]; !ok {
			t.Errorf("the state of %s is read, which is not there", m[1])
		}
	}
	for kind, list := range map[string]map[string]bool{"parameters": keys(tpl.Parameters), "variables": keys(tpl.Variables)} {
		used := map[string]bool{}
		for _, m := range regexp.MustCompile(kind+`\('(\w+)'\)`).FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
			if !list[m[1]] {
				t.Errorf("%s('%s') is not declared", kind, m[1])
			}
		}
		for name := range list {
			if !used[name] {
				t.Errorf("%s('%s') is not used", kind, name)
			}
		}
	}
}

func keys[V any](m map[string]V) map[string]bool {
	set := map[string]bool{}
	for k := range m {
		set[k] = true
	}
	return set
}

func TestNothingLiesOpen(t *testing.T) {
	tpl, _ := readTemplate(t)
	for _, c := range []struct {
		symbol, property string
		want             any
	}{
		{"storage", "allowSharedKeyAccess", false}, {"storage", "allowBlobPublicAccess", false}, {"storage", "minimumTlsVersion", "TLS1_2"},
		{"storage", "supportsHttpsTrafficOnly", true}, {"vault", "enableRbacAuthorization", true}, {"vault", "enablePurgeProtection", true},
		{"vault", "enableSoftDelete", true}, {"insights", "DisableLocalAuth", true}, {"app", "httpsOnly", true}, {"scm", "allow", false}, {"ftp", "allow", false},
	} {
		if got := tpl.Resources[c.symbol].Properties[c.property]; got != c.want {
			t.Errorf("%s.%s = %v, want %v", c.symbol, c.property, got, c.want)
		}
	}
}

// Each role is on what it is needed for and nothing above that, and none is on the
// resource group.
func TestRoles(t *testing.T) {
	tpl, _ := readTemplate(t)
	declared, _ := tpl.Variables["roles"].(map[string]any)
	for name, id := range roleIDs {
		if declared[name] != id {
			t.Errorf("%s is %v, want %s", name, declared[name], id)
		}
	}
	if len(declared) != len(roleIDs) {
		t.Errorf("%d roles, want %d", len(declared), len(roleIDs))
	}
	want := map[string]string{
		"mayKeepBlobs": "Storage/storageAccounts' StorageBlobDataOwner", "mayRing": "queues' StorageQueueDataContributor",
		"mayGiveUp": "queues' StorageQueueDataContributor", "mayKeepRuns": "tables' StorageTableDataContributor",
		"mayReadSecrets": "vaults' KeyVaultSecretsUser", "mayReport": "components' MonitoringMetricsPublisher",
		"deployerMayWriteSecrets": "vaults' KeyVaultSecretsOfficer", "deployerMayUpload": "containers' StorageBlobDataContributor",
	}
	for symbol, r := range tpl.Resources {
		if r.Type != "Microsoft.Authorization/roleAssignments" {
			continue
		}
		scope, role, _ := strings.Cut(want[symbol], " ")
		definition, _ := r.Properties["roleDefinitionId"].(string)
		if scope == "" || !strings.Contains(r.Scope, scope) || !strings.Contains(definition, "variables('roles')."+role+")") || !strings.Contains(r.Name, role) {
			t.Errorf("%s: role %s on %s, want %q", symbol, definition, r.Scope, want[symbol])
		}
		delete(want, symbol)
	}
	for symbol := range want {
		t.Errorf("%s is missing", symbol)
	}
}

// The names are those that the code uses, and the settings those of the plan
// (functions-host §12.5).
func TestNamesAndSettings(t *testing.T) {
	tpl, text := readTemplate(t)
	for symbol, name := range map[string]string{"doorbell": store.DoorbellQueue, "poison": store.PoisonQueue} {
		if !strings.Contains(tpl.Resources[symbol].Name, "'"+name+"')") {
			t.Errorf("%s is called %s, want %s", symbol, tpl.Resources[symbol].Name, name)
		}
	}
	site, _ := tpl.Resources["app"].Properties["siteConfig"].(map[string]any)
	settings, _ := site["appSettings"].(string)
	always, rest, _ := strings.Cut(settings, "if(variables('isUserAssigned')")
	userAssigned, flex, _ := strings.Cut(rest, "if(variables('isFlex'), createArray(), ")
	for part, names := range map[string][]string{
		always:       {"AzureWebJobsStorage__accountName", "AzureWebJobsStorage__blobServiceUri", "AzureWebJobsStorage__queueServiceUri", "AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__credential", "APPLICATIONINSIGHTS_CONNECTION_STRING", "LATCHWORK_KEY_VAULT", "LATCHWORK_SEAL_KEY_SECRET"},
		userAssigned: {"AzureWebJobsStorage__clientId", "AZURE_CLIENT_ID", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"},
		flex:         {"FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE"},
	} {
		for _, name := range names {
			if !strings.Contains(part, "createObject('name', '"+name+"'") {
				t.Errorf("the setting %s is not where it belongs", name)
			}
		}
	}
	for _, never := range []string{"AccountKey", "listKeys", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"} {
		if strings.Contains(text, never) {
			t.Errorf("the template holds %s", never)
		}
	}
	known, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`LATCHWORK_[A-Z_]+`).FindAllString(settings, -1) {
		if !strings.Contains(string(known), "`"+name+"`") {
			t.Errorf("there is no setting %s", name)
		}
	}
}

func TestParameterFiles(t *testing.T) {
	tpl, _ := readTemplate(t)
	files, err := filepath.Glob("../../infra/*.parameters.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("files = %v, %v", files, err)
	}
	for _, file := range files {
		var f struct {
			Parameters map[string]struct{ Value any }
		}
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &f)
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, given := range f.Parameters {
			p, ok := tpl.Parameters[name]
			if !ok {
				t.Errorf("%s: there is no parameter %s", file, name)
			}
			if s, ok := given.Value.(string); ok && strings.Contains(s, "${") {
				continue // azd fills it in
			}
			if n, ok := given.Value.(float64); p.AllowedValues != nil && !slices.Contains(p.AllowedValues, given.Value) ||
				ok && (p.Type != "int" || p.MinValue != nil && n < *p.MinValue || p.MaxValue != nil && n > *p.MaxValue) {
				t.Errorf("%s: %s may not be %v", file, name, given.Value)
			}
		}
		for name, p := range tpl.Parameters {
			if _, ok := f.Parameters[name]; !ok && p.DefaultValue == nil {
				t.Errorf("%s: %s is missing", file, name)
			}
		}
	}
}

// TestSealKeyHook plays the Azure CLI: the key is made once, gets there by a pipe,
// and a vault that has one keeps it.
func TestSealKeyHook(t *testing.T) {
	for _, c := range []struct {
		name, az, want string
		made, fails    bool
	}{
		{"new vault", `case $3 in list) echo 0;; set) cat > "$KEPT";; esac`, "has a new key", true, false},
		{"key exists", `case $3 in list) echo 1;; set) cat > "$KEPT";; esac`, "has the key", false, false},
		{"no right to list", `exit 1`, "Key Vault Secrets Officer", false, true},
		{"no right to write", `case $3 in list) echo 0;; set) exit 1;; esac`, "Key Vault Secrets Officer", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			kept := filepath.Join(dir, "kept")
			if err := os.WriteFile(filepath.Join(dir, "az"), []byte("#!/bin/sh\n"+c.az+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			hook := exec.Command("../../infra/hooks/seal-key.sh")
			hook.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "KEPT="+kept, "AZURE_LATCHWORK_VAULT=v", "AZURE_LATCHWORK_SEAL_KEY_SECRET=k", "HOOK_PAUSE=0")
			out, err := hook.CombinedOutput()
			if !strings.Contains(string(out), c.want) || (err != nil) != c.fails {
				t.Errorf("%s, %v", out, err)
			}
			key, err := os.ReadFile(kept)
			if made := err == nil; made != c.made {
				t.Errorf("made = %t, want %t", made, c.made)
			}
			if c.made && len(key) != 44 { // 32 bytes in base64
				t.Errorf("a key of %d characters", len(key))
			}
		})
	}
}
