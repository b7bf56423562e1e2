package handlers

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// TestRotatedSecrets: where a service answers 401 or 403 to what a run sends, the next
// run has the secret of now, from wherever it came: a reference in a parameter (text,
// list, object, in a header and in each kind of authentication), a vault that an action
// reads, and tokens of an application and of the managed identity.
func TestRotatedSecrets(t *testing.T) {
	const reference = `"@Microsoft.KeyVault(VaultName=contoso;SecretName=key)"`
	const keyvault = `"Get":{"type":"ApiConnection","inputs":{"host":{"connection":{"name":"@parameters('$connections')['keyvault']['connectionId']"}},"method":"get","path":"/secrets/key/value"}},`
	const connections = `"$connections":{"value":{"keyvault":{"connectionId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/keyvault","id":"/subscriptions/s/providers/Microsoft.Web/locations/l/managedApis/keyvault"}}}`
	parameter := func(typ, v string) [2]string {
		return [2]string{`"p":{"type":"` + typ + `"}`, `"p":{"value":` + v + `}`}
	}
	for name, c := range map[string]struct {
		parameters [2]string // declared, given
		before     string    // actions
		sends      string    // of the request
	}{
		"a parameter in a header":         {parameter("securestring", reference), "", `"headers":{"X-Key":"@parameters('p')"}`},
		"a parameter that is no secret":   {parameter("string", reference), "", `"headers":{"X-Key":"@parameters('p')"}`},
		"a part of an object":             {parameter("secureobject", `{"deep":[{"key":`+reference+`},1]}`), "", `"headers":{"X-Key":"@parameters('p')?['deep'][0]['key']"}`},
		"a parameter, basic":              {parameter("securestring", reference), "", `"authentication":{"type":"Basic","username":"u","password":"@parameters('p')"}`},
		"a parameter, raw":                {parameter("securestring", reference), "", `"authentication":{"type":"Raw","value":"@concat('Key ',parameters('p'))"}`},
		"a vault, in a header":            {[2]string{`"$connections":{"type":"object"}`, connections}, keyvault, `"headers":{"X-Key":"@body('Get')?['value']"}`},
		"a vault, basic":                  {[2]string{`"$connections":{"type":"object"}`, connections}, keyvault, `"authentication":{"type":"Basic","username":"u","password":"@body('Get')?['value']"}`},
		"the token of a managed identity": {[2]string{}, "", `"authentication":{"type":"ManagedServiceIdentity","audience":"https://management.azure.com/"}`},
		"the token of an application": {[2]string{}, "", `"authentication":{"type":"ActiveDirectoryOAuth","tenant":"` + cloudtest.Tenant + `","audience":"api://x","clientId":"` + cloudtest.ClientID +
			`","secret":"` + cloudtest.ClientSecret + `"}`},
		"a parameter, for the token of an application": {parameter("securestring", reference), "", `"authentication":{"type":"ActiveDirectoryOAuth","tenant":"` + cloudtest.Tenant + `","audience":"api://x","clientId":"` + cloudtest.ClientID +
			`","secret":"@parameters('p')"}`},
	} {
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
			if strings.HasPrefix(name, "the token") && status == http.StatusForbidden {
				continue // who it is was not in doubt: another token would not help
			}
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				cloud := cloudtest.Start(t)
				old, current := "the old value", "the new value"
				if strings.Contains(name, "for the token") {
					old, current = cloudtest.ClientSecret, "another client secret"
				}
				cloud.SetSecret("key", cloudtest.Secret{Value: old})
				env := cloud.ManagedIdentityEnv()
				env[outbound.SettingVault] = cloudtest.VaultURL
				cloudtest.Setenv(t, env)
				s := startWitness(t, env)
				up := &door{status: status}
				server := httptest.NewServer(up)
				t.Cleanup(server.Close)
				w := s.save("rotated", `{"parameters":{`+c.parameters[0]+`},"triggers":{"manual":{"type":"Request"}},"actions":{`+c.before+
					`"Send":{"type":"Http","inputs":{"method":"GET","uri":"`+server.URL+`",`+c.sends+`},"runAfter":{`+map[bool]string{true: `"Get":["Succeeded"]`}[c.before != ""]+`}}}}`,
					`"parameters":{`+c.parameters[1]+`},`)
				send := func() string {
					t.Helper()
					latest, err := s.app.engine.Workflow(t.Context(), w.ID)
					if err != nil {
						t.Fatal(err)
					}
					return s.must(http.MethodGet, s.run(&engine.Workflow{Workflow: latest.Workflow, Program: latest.Program}, "1")+"/actions/Send"+asOf2019, "").Member("properties").Member("code").Str()
				}
				if got := send(); got != "OK" {
					t.Fatalf("before: %s\n%s", got, s.log.String())
				}
				cloud.SetSecret("key", cloudtest.Secret{Value: current})
				if strings.Contains(name, "for the token") {
					cloud.Register(cloudtest.ClientID, cloudtest.App{Secret: current})
				}
				up.rotate()
				if got := send(); got == "OK" {
					t.Fatal("the old secret still opens")
				}
				if got := send(); got != "OK" {
					t.Errorf("after the refusal: %s, it had %q\n%s", got, up.last(), s.log.String())
				}
				for _, secret := range []string{old, current} {
					if strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), base64.StdEncoding.EncodeToString([]byte(secret))) {
						t.Errorf("the log has %q", secret)
					}
				}
			})
		}
	}
}

// door lets in with what it is shown first, and with anything else once that is rotated.
type door struct {
	status int
	mu     sync.Mutex
	refuse string
	shown  string
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown = r.Header.Get("X-Key") + r.Header.Get("Authorization")
	if d.shown == "" || d.shown == d.refuse {
		w.WriteHeader(d.status)
		return
	}
	_, _ = io.WriteString(w, "in")
}

func (d *door) rotate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = d.shown
}

func (d *door) last() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown
}
