package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// TestCanaries sends a hundred secrets of awkward shapes through all that may carry
// one, on both stores, kills the binary meanwhile, and then looks for them: in logs,
// in the files of the stores, in the audit trail, in answers, and in what history shows.
func TestCanaries(t *testing.T) {
	dist := filepath.Join(t.TempDir(), "dist")
	if code := handlers.Main([]string{"package", "--out", dist}); code != 0 {
		t.Fatal("package failed")
	}
	for name, open := range map[string]func(*testing.T, site) *victim{"local": localVictim, "azure": azureVictim} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newCanaries(t, dist, open).run()
		})
	}
}

// canaryRuns is how many runs there are on each store, of a strict and of a plain
// workflow by turns; each carries a secret of the vault, a secured parameter, and a
// text that came in by a trigger whose outputs are secured.
const canaryRuns = 34

type canaries struct {
	t       *testing.T
	secrets []string
	site    site
	v       *victim
	up      *echoing
	answers bytes.Buffer
	metrics bytes.Buffer              // and spans
	ended   map[string]map[string]int // how often each step ended how
}

func newCanaries(t *testing.T, dist string, open func(*testing.T, site) *victim) *canaries {
	c := &canaries{t: t, secrets: awkward(3*canaryRuns, 1), up: newEchoing(t), ended: map[string]map[string]int{}}
	cloud := cloudtest.Start(t)
	all := map[string]string{}
	for i := range canaryRuns {
		cloud.SetSecret(fmt.Sprintf("c%d", i), cloudtest.Secret{Value: c.secrets[3*i]})
		all[fmt.Sprintf("p%d", i)] = c.secrets[3*i+1]
	}
	env := crashEnv(t)
	for name, v := range cloud.ManagedIdentityEnv() {
		env[name] = v
	}
	env["LATCHWORK_LOG_LEVEL"], env["WEBSITE_SITE_NAME"] = "debug", ""
	maps := filepath.Join(t.TempDir(), "Artifacts")
	writeFile(t, filepath.Join(maps, "Maps", "show.liquid"), `<a>{{ content.s }}</a>{{ content.s | Upcase }}`)
	env["LATCHWORK_ARTIFACTS"] = maps
	c.site = site{dist: dist, workflows: t.TempDir(), env: env, data: t.TempDir()}
	env["OTEL_EXPORTER_OTLP_ENDPOINT"], env["OTEL_BSP_SCHEDULE_DELAY"] = c.collector(), "200"
	c.writePlanted()
	c.write("plain", "", all)
	c.write("strict", "strict", all)
	writeFile(t, filepath.Join(c.site.workflows, "callee.json"), calleeOfCanaries)
	c.v = open(t, c.site)
	return c
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const calleeOfCanaries = `{"name":"callee","id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/callee","properties":{"definition":{
	"triggers":{"manual":{"type":"Request","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}},
	"actions":{"R":{"type":"Response","inputs":{"statusCode":200,"body":"@triggerBody()"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}}}}}}`

// stepsOfCanaries are the actions of a run, each after the one before, however that ended.
// S is the secret of the vault, P the parameter, T what came in.
var stepsOfCanaries = []string{
	`"Get":{"type":"ApiConnection","inputs":{"host":{"connection":{"name":"@parameters('$connections')['keyvault']['connectionId']"}},"method":"get","path":"/secrets/@{triggerBody()?['name']}/value"}}`,
	`"Init":{"type":"InitializeVariable","inputs":{"variables":[{"name":"text","type":"string","value":"S"}]}}`,
	`"List":{"type":"InitializeVariable","inputs":{"variables":[{"name":"list","type":"array","value":[]}]}}`,
	`"Count":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"integer","value":0}]}}`,
	`"Forms":{"type":"Compose","inputs":{"concat":"@concat('x', S, P, T)","b64":"@base64(S)","uri":"@encodeUriComponent(P)","json":"@string(createArray(S, P, T))","data":"@dataUri(S)","bin":"@binary(P)","upper":"@concat('[', S, ']')","parts":"@split(P, 'e')"}}`,
	`"Again":{"type":"Compose","inputs":"@string(outputs('Forms'))"}`,
	`"Given":{"type":"AppendToArrayVariable","inputs":{"name":"list","value":"@T"}}`,
	`"Sink":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/sink","body":"@createArray(T)"}}`,
	`"Each":{"type":"Foreach","foreach":"@createArray(S, P)","actions":{
		"Append":{"type":"AppendToArrayVariable","inputs":{"name":"list","value":"@concat(item(), '')"}},
		"Item":{"type":"Compose","inputs":{"item":"@item()"},"runAfter":{"Append":["Succeeded"]}},
		"Send_item":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/echo","body":"@item()"},"runAfter":{"Item":["Succeeded"]}}}}`,
	`"Until":{"type":"Until","expression":"@greater(variables('n'), 1)","limit":{"count":3},"actions":{
		"More":{"type":"IncrementVariable","inputs":{"name":"n"}},
		"Longer":{"type":"AppendToStringVariable","inputs":{"name":"text","value":"@{P}"},"runAfter":{"More":["Succeeded"]}}}}`,
	`"If":{"type":"If","expression":{"and":[{"equals":["@variables('text')","S"]}]},"actions":{}}`,
	`"Switch":{"type":"Switch","expression":"@P","cases":{"One":{"case":"one","actions":{}}},"default":{"actions":{"Default":{"type":"Compose","inputs":"@last(variables('list'))"}}}}`,
	`"Select":{"type":"Select","inputs":{"from":"@variables('list')","select":{"v":"@item()"}}}`,
	`"Filter":{"type":"Query","inputs":{"from":"@body('Select')","where":"@contains(item()['v'], 'a')"}}`,
	`"Join":{"type":"Join","inputs":{"from":"@variables('list')","joinWith":"@{P}"}}`,
	`"Table":{"type":"Table","inputs":{"format":"HTML","from":"@body('Select')"}}`,
	`"Send":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/echo?q=@{encodeUriComponent(S)}","headers":{"X-Key":"@{encodeUriComponent(P)}","X-Basic":"@base64(S)"},"body":{"s":"@S","p":"@P","all":"@base64(concat('..', S, P))"}}}`,
	`"Raw_header":{"type":"Http","inputs":{"method":"GET","uri":"UPSTREAM/echo/@{encodeUriComponent(P)}","headers":{"X-Key":"@S"}}}`,
	`"Raw_address":{"type":"Http","inputs":{"method":"GET","uri":"@concat('UPSTREAM/echo/', S)","retryPolicy":{"type":"none"}}}`,
	`"Bad_host":{"type":"Http","inputs":{"method":"GET","uri":"@concat('http://', P)","retryPolicy":{"type":"none"}}}`,
	`"Basic":{"type":"Http","inputs":{"method":"GET","uri":"UPSTREAM/echo","authentication":{"type":"Basic","username":"user","password":"@P"}}}`,
	`"Raw":{"type":"Http","inputs":{"method":"GET","uri":"UPSTREAM/echo","authentication":{"type":"Raw","value":"@concat('Key ', base64(S))"}}}`,
	`"Certificate":{"type":"Http","inputs":{"method":"GET","uri":"UPSTREAM/echo","authentication":{"type":"ClientCertificate","pfx":"@base64(S)","password":"@P"}}}`,
	`"Kind":{"type":"Http","inputs":{"method":"@S","uri":"UPSTREAM/echo","authentication":{"type":"@P","value":"x"}}}`,
	`"Fails":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/fail","body":"@createArray(S, P)","retryPolicy":{"type":"fixed","count":1,"interval":"PT5S"}}}`,
	`"Refused":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/refuse","body":"@P"}}`,
	`"Bytes":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/bytes","body":"@concat('é', P)"}}`,
	`"Parse":{"type":"ParseJson","inputs":{"content":"@concat('[', S)","schema":{"type":"array"}}}`,
	`"Schema":{"type":"ParseJson","inputs":{"content":{"a":"@P"},"schema":{"type":"object","properties":{"a":{"type":"string","maxLength":1,"enum":["x"]}}}}}`,
	`"Number":{"type":"Compose","inputs":"@int(concat('x', S))"}`,
	`"Missing":{"type":"Compose","inputs":"@createArray(P)[S]"}`,
	`"Late":{"type":"Compose","inputs":"@formatDateTime(T, P)"}`,
	`"Code":{"type":"JavaScriptCode","inputs":{"code":"var s = workflowContext.actions.Get.outputs.body.value; return {s: s, t: workflowContext.trigger.outputs.body.given};"}}`,
	`"Throws":{"type":"JavaScriptCode","inputs":{"code":"throw new Error(workflowContext.actions.Get.outputs.body.value)"}}`,
	`"Liquid":{"type":"Liquid","kind":"JsonToText","inputs":{"content":{"s":"@P"},"map":{"name":"show"}}}`,
	`"Xml":{"type":"Compose","inputs":"@xml(json(concat('{\"a\":', string(createArray(S)), '}')))"}`,
	`"Path":{"type":"Compose","inputs":"@xpath(xml(concat('<a>', P, '</a>')), 'string(/a)')"}`,
	`"Hook":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"UPSTREAM/subscribe","body":{"callback":"@listCallbackUrl()","s":"@S","p":"@P"}},"unsubscribe":{"method":"POST","uri":"UPSTREAM/unsubscribe","body":"@P"}}}`,
	`"Hooked":{"type":"Compose","inputs":"@body('Hook')"}`,
	`"Call":{"type":"Workflow","inputs":{"host":{"workflow":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/callee"},"triggerName":"manual"},"headers":{"X-Key":"@{encodeUriComponent(P)}"},"body":{"s":"@S","p":"@P","t":"@T"}}}`,
	`"Called":{"type":"Compose","inputs":"@body('Call')"}`,
	`"Secured":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/token","body":"@concat('x', T)"},"runtimeConfiguration":{"secureData":{"properties":["inputs","outputs"]}}}`,
	`"Token":{"type":"Compose","inputs":"@concat('Bearer ', body('Secured')?['issued'])"}`,
	`"Result":{"type":"Compose","inputs":"@string(actions('Fails'))"}`,
	`"Done":{"type":"Http","inputs":{"method":"POST","uri":"UPSTREAM/done","body":"@triggerBody()?['name']"}}`,
	`"End":{"type":"Terminate","inputs":{"runStatus":"Failed","runError":{"code":"@{P}","message":"@{S} @{T}"}}}`,
}

func (c *canaries) write(name, strict string, all map[string]string) {
	var actions []string
	before := ""
	for _, step := range stepsOfCanaries {
		step = strings.NewReplacer("UPSTREAM", c.up.url, "\n", "", "\t", "").Replace(step)
		for short, long := range map[string]string{"S": "body('Get')?['value']", "P": "parameters('all')[triggerBody()['parameter']]", "T": "triggerBody()?['given']"} {
			for _, around := range []string{"(X)", "(X,", " X,", " X)", "@{X}", `"@X"`, "[X]"} {
				step = strings.ReplaceAll(step, strings.Replace(around, "X", short, 1), strings.Replace(around, "X", long, 1))
			}
			step = strings.ReplaceAll(step, `"`+short+`"`, `"@`+long+`"`)
		}
		if before != "" {
			step = strings.TrimSuffix(step, "}") + `,"runAfter":{"` + before + `":["Succeeded","Failed","Skipped","TimedOut"]}}`
		}
		before, _, _ = strings.Cut(strings.TrimPrefix(step, `"`), `"`)
		actions = append(actions, step)
	}
	values, _ := json.Marshal(all)
	id := "/subscriptions/s/resourceGroups/g/providers/Microsoft."
	writeFile(c.t, filepath.Join(c.site.workflows, name+".json"), fmt.Sprintf(`{"name":%q,"id":"%sLogic/workflows/%s","tags":{"latchwork-history":%q},"properties":{
		"parameters":{"all":{"value":%s},"$connections":{"value":{"keyvault":{"connectionId":"%sWeb/connections/keyvault","id":"/subscriptions/s/providers/Microsoft.Web/locations/l/managedApis/keyvault"}}}},
		"definition":{"parameters":{"all":{"type":"secureobject"},"$connections":{"type":"object"}},
		"triggers":{"manual":{"type":"Request","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}},"actions":{%s}}}}`,
		name, id, name, strict, values, id, strings.Join(actions, ",")))
}

func (c *canaries) run() {
	c.v.start()
	c.refused()
	c.up.onCall(6*canaryRuns, c.v.kill) // in the middle of it
	var callers sync.WaitGroup
	for i := range canaryRuns {
		callers.Go(func() { c.call([]string{"plain", "strict"}[i%2], i) })
	}
	callers.Wait()
	c.up.awaitKill(c.t)
	c.v.kill()
	c.v.start()
	c.plant() // what is told together is told before the next kill
	for i, secret := range c.secrets[:20] {
		c.manage(i, secret)
	}
	c.settle()
	c.v.look(c.history)
	c.exercised()
	c.v.stop()
	c.files()
	for name, told := range map[string]*bytes.Buffer{"answers": &c.answers, "metrics and spans": &c.metrics} {
		if found := newSearch(c.secrets).in(told.Bytes()); len(found) > 0 || told.Len() == 0 {
			c.t.Errorf("%s, %d bytes, show %s", name, told.Len(), strings.Join(found, "\n"))
		}
	}
}

// refused are calls that are not let in, with secrets in all that a call has.
func (c *canaries) refused() {
	for i, secret := range c.secrets[:20] {
		target := strings.Replace(c.v.url("plain"), "sig=", "sig="+base64.RawURLEncoding.EncodeToString([]byte(secret)), 1)
		r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, target, strings.NewReader(secret))
		if err != nil {
			c.t.Fatal(err)
		}
		r.Header.Set("X-Key", base64.StdEncoding.EncodeToString([]byte(secret)))
		if i%2 == 0 {
			r.Header.Set("Authorization", "Bearer "+base64.RawURLEncoding.EncodeToString([]byte(secret)))
		}
		c.keep(http.DefaultClient.Do(r))
	}
}

// manage makes a management call that is not let in, with a secret in names, query and
// headers.
func (c *canaries) manage(i int, secret string) {
	method := []string{http.MethodPut, http.MethodDelete, http.MethodGet}[i%3]
	name := url.PathEscape(secret)
	path := "/subscriptions/s/resourceGroups/" + name + "/providers/Microsoft.Logic/workflows/" + name + "?api-version=2019-05-01&x=" + url.QueryEscape(secret)
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.v.base+path, strings.NewReader(secret))
	if err != nil {
		c.t.Fatal(err)
	}
	packed := base64.RawURLEncoding.EncodeToString([]byte(secret))
	r.Header.Set("Authorization", "Bearer "+packed)
	r.Header.Set("X-Ms-Correlation-Request-Id", packed[:min(len(packed), 60)])
	r.Header.Set("User-Agent", packed)
	if answer, err := http.DefaultClient.Do(r); err == nil { // the answer names the path to whoever has sent it
		_ = answer.Body.Close()
		if answer.StatusCode < 400 {
			c.t.Errorf("%s %s: %d", method, path, answer.StatusCode)
		}
	}
}

func (c *canaries) keep(answer *http.Response, err error) bool {
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	c.up.mu.Lock()
	defer c.up.mu.Unlock()
	_ = answer.Header.Write(&c.answers)
	c.answers.Write(body)
	return err == nil && answer.StatusCode < 300
}

// call starts a run; without an answer it tries again, once the victim is back.
func (c *canaries) call(workflow string, i int) {
	body, _ := json.Marshal(map[string]string{"name": fmt.Sprintf("c%d", i), "parameter": fmt.Sprintf("p%d", i), "given": c.secrets[3*i+2]})
	for range 200 {
		if c.keep(http.Post(c.v.url(workflow), "application/json", bytes.NewReader(body))) {
			return
		}
		select {
		case <-c.t.Context().Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	c.t.Errorf("run %d: no answer", i)
}

// history: what it hides and what it redacts shows no secret, nor do errors. A strict
// one shows none at all; a plain one shows what is not a credential, as the service does.
func (c *canaries) history(r *reader) {
	credentials := make([]string, 0, canaryRuns)
	for i := range canaryRuns {
		credentials = append(credentials, c.secrets[3*i+1])
	}
	all, some := newSearch(c.secrets), newSearch(credentials)
	runs, hidden := 0, 0
	r.each(func(w *store.Workflow, header *run.State) {
		runs++
		key := store.RunKey{WorkflowID: w.ID, Run: header.Name}
		snapshot, err := r.s.LoadRun(c.t.Context(), key)
		if err != nil {
			c.t.Fatal(err)
		}
		records := []*run.Record{&snapshot.State.Trigger}
		for _, record := range snapshot.State.Records {
			records = append(records, record)
			if record.Repetitions > 0 {
				if err := r.s.LoadRepetitions(c.t.Context(), key, snapshot.State, record.Key()); err != nil {
					c.t.Fatal(err)
				}
				records = append(records, snapshot.State.Repetitions[record.Key()]...)
			}
		}
		in, level := some, "credential"
		if w.Name == "strict" {
			in, level = all, "secret"
		}
		for _, record := range records {
			c.count(w, record)
			if !record.Inputs.Loaded() || !record.Outputs.Loaded() {
				if err := r.s.LoadPayloads(c.t.Context(), key, snapshot.State, []*run.Record{record}); err != nil {
					c.t.Fatal(err)
				}
			}
			if record.HideInputs || record.HideOutputs {
				hidden++
			}
			for side, v := range map[string]value.Value{"inputs": record.Inputs.Value, "outputs": record.Outputs.Value, "tracked": record.Tracked} {
				if side == "inputs" && record.HideInputs || side == "outputs" && record.HideOutputs {
					continue
				}
				if found := in.in(value.Reveal(value.Redact(v, value.Credential))); len(found) > 0 {
					c.t.Errorf("%s of %s %s show a %s: %s", side, w.Name, record.Name, level, found[0])
				}
			}
			errs := value.Reveal(record.Error.Value())
			for _, a := range record.Retries {
				errs = append(errs, value.Reveal(a.Error.Value())...)
			}
			if found := all.in(errs); len(found) > 0 {
				c.t.Errorf("errors of %s %s show a secret: %s", w.Name, record.Name, found[0])
			}
		}
	})
	if runs < 2*canaryRuns || hidden < 2*canaryRuns {
		c.t.Errorf("%d runs, %d records with a hidden side", runs, hidden)
	}
	var trail bytes.Buffer
	for _, e := range auditOf(c.t, r.s) {
		fmt.Fprintf(&trail, "%+v\n", e)
	}
	if found := all.in(trail.Bytes()); len(found) > 0 || !strings.Contains(trail.String(), planted) || !strings.Contains(trail.String(), "Kind:management Outcome:refused") {
		c.t.Errorf("the audit trail has %d bytes and shows %v", trail.Len(), found)
	}
}

// files searches all that the binary and the emulator have left on the disk.
func (c *canaries) files() {
	in, leaks := newSearch(c.secrets), newSearch(leaked)
	sure := 0
	plants := map[string]string{}
	for _, folder := range []string{c.site.data, c.site.env["LATCHWORK_DATA"]} {
		err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if bytes.Contains(data, []byte("Send_item")) {
				sure++ // the runs, or the log of them, are in there
			}
			for _, what := range leaks.in(data) {
				secret, _, _ := strings.Cut(what, " behind")
				plants[strings.Join(strings.Fields(secret)[:2], " ")] = path
				if strings.HasSuffix(path, "log") {
					plants["log"] = path
				}
			}
			if found := in.in(data); len(found) > 0 {
				c.t.Errorf("%d places of %s show a secret: %s", len(found), path, strings.Join(found[:min(3, len(found))], "\n"))
			}
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	for _, where := range []string{"secret 0", "secret 1", "secret 2", "secret 3", "log"} {
		if plants[where] == "" {
			c.t.Errorf("what was planted is not found: %s of %v", where, plants)
		}
	}
	if sure < 2 {
		c.t.Errorf("only %d files hold runs or their log", sure)
	}
}
