package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/logic/armlogic"
)

// walker drives every operation through Microsoft's unmodified client.
type walker struct {
	*managed
	t   *testing.T
	ctx context.Context
	f   *armlogic.ClientFactory
	rg  string

	mu   sync.Mutex
	seen []string // method and path of what was called
}

func TestTheGoSDKWalksStandalone(t *testing.T) {
	t.Parallel()
	walk(t, managedByItself(t))
}

func TestTheGoSDKWalksThePackagedApp(t *testing.T) {
	t.Parallel()
	walk(t, managedInHost(t))
}

func walk(t *testing.T, m *managed) {
	t.Helper()
	w := &walker{managed: m, t: t, ctx: t.Context(), rg: resourceGroup}
	m.secrets = append(m.secrets, secretParameter)
	w.f = m.factory(t, m.token("contributor", "contents"), w)
	name := "berth-intake"
	created := w.create(name)
	run := w.callIt(name)
	w.workflows(name, created)
	w.triggers(name)
	w.runs(name, run)
	w.actions(name, run)
	w.repetitions(name, run)
	w.cancel()
	w.keys(name)
	w.clocks()
	w.moveAndDelete(name)
	w.templates()
	w.callers()
	w.allWereCalled()
	m.leaksNothing(t)
}

// Do notes what is called: a walker is a policy of its clients.
func (w *walker) Do(r *policy.Request) (*http.Response, error) {
	w.mu.Lock()
	w.seen = append(w.seen, r.Raw().Method+" "+r.Raw().URL.Path)
	w.mu.Unlock()
	return r.Next()
}

// must checks an answer: no error, and no value of an enum that the client does not
// know.
func must[T any](w *walker) func(T, error) T {
	return func(v T, err error) T {
		w.t.Helper()
		if err != nil {
			w.t.Fatalf("%T: %v\n%s", v, err, w.log())
		}
		for _, unknown := range unknownEnums(reflect.ValueOf(v)) {
			w.t.Errorf("%T: %s is not a value of its enum", v, unknown)
		}
		return v
	}
}

// all reads all pages, of which each is checked.
func all[P, T any](w *walker, pager *runtime.Pager[P], items func(P) []*T) []*T {
	w.t.Helper()
	var list []*T
	for pages := 0; pager.More(); pages++ {
		if pages > 100 {
			w.t.Fatalf("%T has no end", pager)
		}
		page := must[P](w)(pager.NextPage(w.ctx))
		list = append(list, items(page)...)
	}
	return list
}

func (w *walker) check(ok bool, format string, args ...any) {
	w.t.Helper()
	if !ok {
		w.t.Errorf(format, args...)
	}
}

// refused checks the status and the code of a call that must fail.
func (w *walker) refused(err error, status int, code string) {
	w.t.Helper()
	var e *azcore.ResponseError
	if !errors.As(err, &e) || e.StatusCode != status || e.ErrorCode != code {
		w.t.Errorf("got %v, want %d %s", err, status, code)
	}
}

// resource reads a workflow resource from testdata.
func (w *walker) resource(file string) armlogic.Workflow {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "management", file))
	if err != nil {
		w.t.Fatal(err)
	}
	quoted, _ := json.Marshal(secretParameter) // a text always encodes
	data = []byte(strings.ReplaceAll(string(data), `"SECRET"`, string(quoted)))
	var r armlogic.Workflow
	if err := json.Unmarshal(data, &r); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// get follows a link without a token.
func (w *walker) get(link *armlogic.ContentLink) string {
	w.t.Helper()
	if link == nil || link.URI == nil {
		w.t.Fatalf("there is no link")
	}
	status, header, body := w.request(w.t, "", http.MethodGet, *link.URI, "", nil)
	w.check(status == http.StatusOK && strings.HasPrefix(header.Get("Content-Type"), "application/json"), "%s: %d %s", *link.URI, status, body)
	w.check(int64(len(body)) == *link.ContentSize, "%s has %d bytes, and says %v", *link.URI, len(body), *link.ContentSize)
	return body
}

func (w *walker) create(name string) armlogic.Workflow {
	c, resource := w.f.NewWorkflowsClient(), w.resource("berth-intake.json")
	_, err := c.Get(w.ctx, w.rg, name, nil)
	w.refused(err, http.StatusNotFound, "ResourceNotFound")
	_ = must[armlogic.WorkflowsClientValidateByResourceGroupResponse](w)(c.ValidateByResourceGroup(w.ctx, w.rg, name, resource, nil))
	_ = must[armlogic.WorkflowsClientValidateByLocationResponse](w)(c.ValidateByLocation(w.ctx, w.rg, "onprem", name, resource, nil))
	_, err = c.Get(w.ctx, w.rg, name, nil)
	w.refused(err, http.StatusNotFound, "ResourceNotFound") // validating stores nothing
	created := must[armlogic.WorkflowsClientCreateOrUpdateResponse](w)(c.CreateOrUpdate(w.ctx, w.rg, name, resource, nil)).Workflow
	w.check(*created.Name == name && *created.Type == "Microsoft.Logic/workflows" && *created.ID == inGroup+"/"+name, "created %s %s %s", *created.Name, *created.Type, *created.ID)
	p := created.Properties
	w.check(*p.ProvisioningState == armlogic.WorkflowProvisioningStateSucceeded && *p.State == armlogic.WorkflowStateEnabled && len(*p.Version) == 20, "created %+v", p)
	w.check(p.Parameters["tariffKey"] == nil && *p.Parameters["quayLimit"].Type == armlogic.ParameterTypeInt, "parameters %v", p.Parameters)
	w.check(*created.Tags["team"] == "quay" && created.Identity.PrincipalID != nil && created.Identity.TenantID != nil, "tags %v, identity %+v", created.Tags, created.Identity)

	// What a client has read, it may write back: nothing is lost by it.
	read := must[armlogic.WorkflowsClientGetResponse](w)(c.Get(w.ctx, w.rg, name, nil)).Workflow
	again := must[armlogic.WorkflowsClientCreateOrUpdateResponse](w)(c.CreateOrUpdate(w.ctx, w.rg, name, read, nil)).Workflow
	w.check(*again.Identity.PrincipalID == *created.Identity.PrincipalID, "the identity changed: %v", *again.Identity.PrincipalID)
	return created
}

// callIt calls the workflow by its callback URL and returns the name of the run.
func (w *walker) callIt(name string) string {
	u := must[armlogic.WorkflowTriggersClientListCallbackURLResponse](w)(w.f.NewWorkflowTriggersClient().ListCallbackURL(w.ctx, w.rg, name, "manual", nil)).WorkflowTriggerCallbackURL
	w.secrets = append(w.secrets, *u.Queries.Sig)
	w.check(*u.Method == "PUT" && *u.RelativePath == "/berths/{berthId}" && *u.RelativePathParameters[0] == "berthId" && *u.Queries.APIVersion == "2019-05-01", "callback URL %+v", u)
	status, header, body := w.request(w.t, "", http.MethodPut, strings.Replace(*u.Value, "{berthId}", "B7", 1), `{"containers":["KX1","KX2","KX3"]}`, nil)
	if status != http.StatusOK || !strings.Contains(body, `"berth":"B7"`) {
		w.t.Fatalf("the workflow answers %d %s\n%s", status, body, w.log())
	}
	return header.Get("x-ms-workflow-run-id")
}

func (w *walker) workflows(name string, created armlogic.Workflow) {
	c := w.f.NewWorkflowsClient()
	patched := must[armlogic.WorkflowsClientUpdateResponse](w)(c.Update(w.ctx, w.rg, name, nil)).Workflow
	w.check(*patched.Properties.State == armlogic.WorkflowStateEnabled && *patched.Tags["team"] == "quay", "an update without a body changed %+v", patched.Properties)

	changed := w.resource("berth-intake.json")
	changed.Tags = map[string]*string{"team": to.Ptr("dock")}
	second := must[armlogic.WorkflowsClientCreateOrUpdateResponse](w)(c.CreateOrUpdate(w.ctx, w.rg, name, changed, nil)).Workflow
	w.check(*second.Properties.Version < *created.Properties.Version, "versions %s and then %s: the newer one must sort first", *created.Properties.Version, *second.Properties.Version)

	group := all(w, c.NewListByResourceGroupPager(w.rg, &armlogic.WorkflowsClientListByResourceGroupOptions{Top: to.Ptr[int32](1), Filter: to.Ptr("state eq 'Enabled'")}),
		func(p armlogic.WorkflowsClientListByResourceGroupResponse) []*armlogic.Workflow { return p.Value })
	w.check(len(group) == 1 && *group[0].Name == name, "%d workflows in the group", len(group))
	whole := all(w, c.NewListBySubscriptionPager(nil), func(p armlogic.WorkflowsClientListBySubscriptionResponse) []*armlogic.Workflow { return p.Value })
	w.check(len(whole) == 1, "%d workflows in the subscription", len(whole))

	swagger := must[armlogic.WorkflowsClientListSwaggerResponse](w)(c.ListSwagger(w.ctx, w.rg, name, nil)).Interface.(map[string]any)
	w.check(swagger["swagger"] == "2.0" && swagger["paths"].(map[string]any)["/manual/paths/invoke/berths/{berthId}"] != nil, "swagger %v", swagger)
	upgraded := must[armlogic.WorkflowsClientGenerateUpgradedDefinitionResponse](w)(c.GenerateUpgradedDefinition(w.ctx, w.rg, name, armlogic.GenerateUpgradedDefinitionParameters{TargetSchemaVersion: to.Ptr("2016-06-01")}, nil))
	w.check(upgraded.Interface.(map[string]any)["triggers"] != nil, "definition %v", upgraded.Interface)

	v := w.f.NewWorkflowVersionsClient()
	versions := all(w, v.NewListPager(w.rg, name, &armlogic.WorkflowVersionsClientListOptions{Top: to.Ptr[int32](1)}), func(p armlogic.WorkflowVersionsClientListResponse) []*armlogic.WorkflowVersion { return p.Value })
	w.check(len(versions) >= 2 && *versions[0].Name == *second.Properties.Version, "%d versions, the first %s", len(versions), *versions[0].Name)
	first := must[armlogic.WorkflowVersionsClientGetResponse](w)(v.Get(w.ctx, w.rg, name, *created.Properties.Version, nil))
	w.check(*first.Name == *created.Properties.Version && first.Properties.Definition != nil, "version %+v", first)
	pinned := must[armlogic.WorkflowVersionTriggersClientListCallbackURLResponse](w)(w.f.NewWorkflowVersionTriggersClient().ListCallbackURL(w.ctx, w.rg, name, *first.Name, "manual", nil))
	w.check(strings.Contains(*pinned.Value, "/versions/"+*first.Name+"/triggers/manual/paths/invoke"), "pinned URL %s", *pinned.Value)
	w.secrets = append(w.secrets, *pinned.Queries.Sig)
	status, _, body := w.request(w.t, "", http.MethodPut, strings.Replace(*pinned.Value, "{berthId}", "B9", 1), `{"containers":[]}`, nil)
	w.check(status == http.StatusOK && strings.Contains(body, "B9"), "the pinned URL answers %d %s", status, body)

	offered := all(w, w.f.NewOperationsClient().NewListPager(nil), func(p armlogic.OperationsClientListResponse) []*armlogic.Operation { return p.Value })
	w.check(len(offered) > 20 && *offered[0].Display.Provider == "Microsoft.Logic", "%d operations", len(offered))
}

// enums are the enumerations of the client that answers use.
var enums = map[reflect.Type][]string{}

func enum[T ~string](values []T) {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	enums[reflect.TypeFor[T]()] = list
}

func init() {
	enum(armlogic.PossibleWorkflowProvisioningStateValues())
	enum(armlogic.PossibleWorkflowStateValues())
	enum(armlogic.PossibleWorkflowStatusValues())
	enum(armlogic.PossibleWorkflowTriggerProvisioningStateValues())
	enum(armlogic.PossibleParameterTypeValues())
	enum(armlogic.PossibleRecurrenceFrequencyValues())
	enum(armlogic.PossibleDayOfWeekValues())
	enum(armlogic.PossibleDaysOfWeekValues())
	enum(armlogic.PossibleSKUNameValues())
	enum(armlogic.PossibleManagedServiceIdentityTypeValues())
	enum(armlogic.PossibleOpenAuthenticationProviderTypeValues())
}

// unknownEnums lists values of string types that are none of the type's.
func unknownEnums(v reflect.Value) (unknown []string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return unknownEnums(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				unknown = append(unknown, unknownEnums(v.Field(i))...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			unknown = append(unknown, unknownEnums(v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			unknown = append(unknown, unknownEnums(v.MapIndex(key))...)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			return nil
		}
		for _, known := range enums[v.Type()] {
			if v.String() == known {
				return nil
			}
		}
		return []string{fmt.Sprintf("%s %q", v.Type(), v.String())}
	}
	return unknown
}

// allWereCalled compares with the operations that the API says it has.
func (w *walker) allWereCalled() {
	for _, o := range all(w, w.f.NewOperationsClient().NewListPager(nil), func(p armlogic.OperationsClientListResponse) []*armlogic.Operation { return p.Value }) {
		if *o.Display.Provider != "Microsoft.Logic" || *o.Name == "Microsoft.Logic/workflows/runs/delete" { // the client has no such call
			continue
		}
		pattern := regexp.MustCompile(`(?i)^` + regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(*o.Display.Description), "[^/]+") + `$`)
		found := false
		for _, s := range w.seen {
			found = found || pattern.MatchString(s)
		}
		w.check(found, "nobody called %s", *o.Display.Description)
	}
}

// leaksNothing looks for secrets in the log and in what was written.
func (m *managed) leaksNothing(t *testing.T) {
	t.Helper()
	text := m.log()
	m.stop()
	files := 0
	for _, folder := range m.folders {
		err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			files++
			for _, s := range m.secrets {
				if form := canaryIn(data, s); form != "" {
					t.Errorf("a secret shows in %s (%s): %.12s…", path, form, s)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range m.secrets {
		if form := canaryIn([]byte(text), s); form != "" {
			t.Errorf("a secret shows in the log (%s): %.12s…", form, s)
		}
	}
	if files == 0 || text == "" && len(m.folders) == 0 {
		t.Error("nothing was searched")
	}
}
