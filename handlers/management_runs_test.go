package handlers_test

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/logic/armlogic"
)

func (w *walker) triggers(name string) {
	c := w.f.NewWorkflowTriggersClient()
	list := all(w, c.NewListPager(w.rg, name, &armlogic.WorkflowTriggersClientListOptions{Filter: to.Ptr("state eq 'Enabled'")}), func(p armlogic.WorkflowTriggersClientListResponse) []*armlogic.WorkflowTrigger { return p.Value })
	w.check(len(list) == 1 && *list[0].Name == "manual", "%d triggers", len(list))
	one := must[armlogic.WorkflowTriggersClientGetResponse](w)(c.Get(w.ctx, w.rg, name, "manual", nil))
	w.check(*one.Properties.State == armlogic.WorkflowStateEnabled && one.Properties.LastExecutionTime != nil && strings.Contains(*one.Properties.Workflow.ID, "/versions/"), "trigger %+v", one.Properties)
	schema := must[armlogic.WorkflowTriggersClientGetSchemaJSONResponse](w)(c.GetSchemaJSON(w.ctx, w.rg, name, "manual", nil))
	w.check(strings.Contains(*schema.Content, `"containers"`), "schema %s", *schema.Content)
	_ = must[armlogic.WorkflowTriggersClientResetResponse](w)(c.Reset(w.ctx, w.rg, name, "manual", nil))
	_ = must[armlogic.WorkflowTriggersClientRunResponse](w)(c.Run(w.ctx, w.rg, name, "manual", nil))

	h := w.f.NewWorkflowTriggerHistoriesClient()
	histories := all(w, h.NewListPager(w.rg, name, "manual", &armlogic.WorkflowTriggerHistoriesClientListOptions{Top: to.Ptr[int32](1), Filter: to.Ptr("status eq 'Succeeded'")}),
		func(p armlogic.WorkflowTriggerHistoriesClientListResponse) []*armlogic.WorkflowTriggerHistory {
			return p.Value
		})
	if len(histories) != 3 {
		w.t.Fatalf("%d histories", len(histories))
	}
	oldest := histories[2]
	got := must[armlogic.WorkflowTriggerHistoriesClientGetResponse](w)(h.Get(w.ctx, w.rg, name, "manual", *oldest.Name, nil))
	w.check(*got.Properties.Fired && *got.Properties.Run.Name == *oldest.Name && *got.Properties.Status == armlogic.WorkflowStatusSucceeded, "history %+v", got.Properties)
	w.check(strings.Contains(w.get(got.Properties.OutputsLink), "KX1"), "the outputs of the trigger lack what came in")
	_ = must[armlogic.WorkflowTriggerHistoriesClientResubmitResponse](w)(h.Resubmit(w.ctx, w.rg, name, "manual", *oldest.Name, nil))
	_, err := h.Get(w.ctx, w.rg, name, "manual", "08584281307553541240417205583CU00", nil)
	w.refused(err, http.StatusNotFound, "WorkflowTriggerHistoryNotFound")
	_, err = c.Get(w.ctx, w.rg, name, "nobody", nil)
	w.refused(err, http.StatusNotFound, "WorkflowTriggerNotFound")
}

func (w *walker) runs(name, run string) {
	c := w.f.NewWorkflowRunsClient()
	list := func(top int32, filter string) []*armlogic.WorkflowRun {
		o := &armlogic.WorkflowRunsClientListOptions{Top: &top}
		if filter != "" {
			o.Filter = &filter
		}
		return all(w, c.NewListPager(w.rg, name, o), func(p armlogic.WorkflowRunsClientListResponse) []*armlogic.WorkflowRun { return p.Value })
	}
	everything := list(1, "") // two calls, one by hand, one again
	w.check(len(everything) == 4 && *everything[3].Name == run, "%d runs", len(everything))
	one := must[armlogic.WorkflowRunsClientGetResponse](w)(c.Get(w.ctx, w.rg, name, run, nil))
	p := one.Properties
	w.check(*p.Status == armlogic.WorkflowStatusSucceeded && p.EndTime != nil && *p.Trigger.Name == "manual" && p.Outputs["berth"] != nil, "run %+v", p)
	w.check(strings.Contains(w.get(p.Trigger.OutputsLink), "KX2"), "the outputs of the trigger lack what came in")
	w.check(p.Response != nil && strings.Contains(w.get(p.Response.OutputsLink), "B7"), "the response %+v", p.Response)
	started := p.StartTime.UTC().Format("2006-01-02T15:04:05.0000000Z")
	for filter, want := range map[string]int{
		"clientTrackingId eq '" + run + "'":                             2, // and what was sent again
		"startTime eq " + started:                                       1,
		"startTime le " + started:                                       1,
		"startTime gt " + started:                                       3,
		"startTime lt 2020-01-01T00:00:00Z":                             0,
		"status eq 'Cancelled'":                                         0,
		"status ne 'Cancelled' and startTime ge '2020-01-01T00:00:00Z'": 4,
		"status eq 'Succeeded' and startTime ge " + started + " and startTime le " + started: 1,
	} {
		w.check(len(list(2, filter)) == want, "%s: %d runs, want %d", filter, len(list(2, filter)), want)
	}
	operation := must[armlogic.WorkflowRunOperationsClientGetResponse](w)(w.f.NewWorkflowRunOperationsClient().Get(w.ctx, w.rg, name, run, "08584281307553541240417205583CU00", nil))
	w.check(*operation.Name == run, "operation %s", *operation.Name)
	_, err := c.Cancel(w.ctx, w.rg, name, run, nil)
	w.refused(err, http.StatusConflict, "WorkflowRunCanNotBeCancelled")
	_, err = c.Get(w.ctx, w.rg, name, "08584281307553541240417205583CU00", nil)
	w.refused(err, http.StatusNotFound, "WorkflowRunNotFound")
	_, err = c.Get(w.ctx, w.rg, name, "yesterday", nil)
	w.refused(err, http.StatusBadRequest, "BadRequest")
}

func (w *walker) actions(name, run string) {
	c := w.f.NewWorkflowRunActionsClient()
	list := all(w, c.NewListPager(w.rg, name, run, &armlogic.WorkflowRunActionsClientListOptions{Top: to.Ptr[int32](2), Filter: to.Ptr("status eq 'Succeeded'")}),
		func(p armlogic.WorkflowRunActionsClientListResponse) []*armlogic.WorkflowRunAction { return p.Value })
	names := map[string]*armlogic.WorkflowRunActionProperties{}
	for _, a := range list {
		names[*a.Name] = a.Properties
	}
	w.check(len(names) == len(list) && names["Check_tariff"] != nil && names["Answer"] != nil, "actions %v", names)
	if secured := names["Check_tariff"]; w.hidden(secured.InputsLink) {
		w.check(strings.Contains(w.get(secured.OutputsLink), "42"), "the outputs lack the quote")
	}
	asked := must[armlogic.WorkflowRunActionsClientGetResponse](w)(c.Get(w.ctx, w.rg, name, run, "Ask_again", nil)).Properties
	w.check(len(asked.RetryHistory) == 2 && *asked.RetryHistory[0].Code == "ServiceUnavailable", "retries %+v", asked.RetryHistory)
	w.check(strings.Contains(w.get(asked.InputsLink), "teal"), "the inputs lack a header")
	traces := all(w, c.NewListExpressionTracesPager(w.rg, name, run, "Ask_again", nil), func(p armlogic.WorkflowRunActionsClientListExpressionTracesResponse) []*armlogic.ExpressionRoot {
		return p.Inputs
	})
	shown, _ := json.Marshal(traces) // what was decoded encodes
	w.check(string(shown) == `[{"path":"body.first","subexpressions":[{"subexpressions":[{"text":"triggerBody()","value":{"containers":["KX1","KX2","KX3"]}}],`+
		`"text":"triggerBody()?['containers']","value":["KX1","KX2","KX3"]}],"text":"first(triggerBody()?['containers'])","value":"KX1"},`+
		`{"path":"queries.limit","text":"parameters('quayLimit')","value":6}]`, "traces %s", shown)
	hidden := all(w, c.NewListExpressionTracesPager(w.rg, name, run, "Check_tariff", nil), func(p armlogic.WorkflowRunActionsClientListExpressionTracesResponse) []*armlogic.ExpressionRoot {
		return p.Inputs
	})
	w.check(len(hidden) == 0, "traces of what is hidden: %+v", hidden)

	q := w.f.NewWorkflowRunActionRequestHistoriesClient()
	requests := all(w, q.NewListPager(w.rg, name, run, "Ask_again", nil), func(p armlogic.WorkflowRunActionRequestHistoriesClientListResponse) []*armlogic.RequestHistory {
		return p.Value
	})
	if len(requests) != 2 {
		w.t.Fatalf("%d requests", len(requests))
	}
	last := must[armlogic.WorkflowRunActionRequestHistoriesClientGetResponse](w)(q.Get(w.ctx, w.rg, name, run, "Ask_again", *requests[1].Name, nil)).Properties
	w.check(len(*requests[1].Name) == 20 && *last.Request.Method == "POST" && strings.HasSuffix(*last.Request.URI, "/v1/busy?limit=6") && *last.Response.StatusCode == 200, "request %+v %+v", last.Request, last.Response)
	_, err := c.Get(w.ctx, w.rg, name, run, "Nothing", nil)
	w.refused(err, http.StatusNotFound, "WorkflowRunActionNotFound")
}

// hidden: a side that is not shown has its size, and nothing to read it by.
func (w *walker) hidden(link *armlogic.ContentLink) bool {
	w.check(link != nil && link.URI == nil && link.ContentHash == nil && *link.ContentSize > 0, "a hidden side shows %+v", link)
	return true
}

func (w *walker) repetitions(name, run string) {
	c := w.f.NewWorkflowRunActionRepetitionsClient()
	list := all(w, c.NewListPager(w.rg, name, run, "Log_container", nil), func(p armlogic.WorkflowRunActionRepetitionsClientListResponse) []*armlogic.WorkflowRunActionRepetitionDefinition {
		return p.Value
	})
	if len(list) != 3 {
		w.t.Fatalf("%d repetitions", len(list))
	}
	one := must[armlogic.WorkflowRunActionRepetitionsClientGetResponse](w)(c.Get(w.ctx, w.rg, name, run, "Log_container", "000001", nil)).Properties
	w.check(*one.RepetitionIndexes[0].ScopeName == "For_each_container" && *one.RepetitionIndexes[0].ItemIndex == 1, "indexes %+v", one.RepetitionIndexes)
	w.check(w.get(one.OutputsLink) == `"box KX2"`, "the outputs are %s", w.get(one.OutputsLink))
	traces := all(w, c.NewListExpressionTracesPager(w.rg, name, run, "Log_container", "000001", nil), func(p armlogic.WorkflowRunActionRepetitionsClientListExpressionTracesResponse) []*armlogic.ExpressionRoot {
		return p.Inputs
	})
	w.check(len(traces) == 1 && traces[0].Value == "box KX2" && traces[0].Subexpressions[0].Value == "KX2", "traces %+v", traces)

	q := w.f.NewWorkflowRunActionRepetitionsRequestHistoriesClient()
	requests := all(w, q.NewListPager(w.rg, name, run, "Ask_weight", "000002", nil), func(p armlogic.WorkflowRunActionRepetitionsRequestHistoriesClientListResponse) []*armlogic.RequestHistory {
		return p.Value
	})
	w.check(len(requests) == 1 && strings.Contains(*requests[0].Properties.Request.URI, "box KX3"), "requests %+v", requests)
	_ = must[armlogic.WorkflowRunActionRepetitionsRequestHistoriesClientGetResponse](w)(q.Get(w.ctx, w.rg, name, run, "Ask_weight", "000002", *requests[0].Name, nil))

	s := w.f.NewWorkflowRunActionScopeRepetitionsClient()
	for _, scope := range []string{"Weigh", "For_each_container"} {
		found := all(w, s.NewListPager(w.rg, name, run, scope, nil), func(p armlogic.WorkflowRunActionScopeRepetitionsClientListResponse) []*armlogic.WorkflowRunActionRepetitionDefinition {
			return p.Value
		})
		w.check(len(found) == 3, "%d repetitions of %s", len(found), scope)
		_ = must[armlogic.WorkflowRunActionScopeRepetitionsClientGetResponse](w)(s.Get(w.ctx, w.rg, name, run, scope, "000000", nil))
	}
	_, err := c.Get(w.ctx, w.rg, name, run, "Log_container", "000009", nil)
	w.refused(err, http.StatusNotFound, "WorkflowRunActionRepetitionNotFound")
}

// cancel cancels a run that waits.
func (w *walker) cancel() {
	const name = "clock"
	c, runs := w.f.NewWorkflowsClient(), w.f.NewWorkflowRunsClient()
	_ = must[armlogic.WorkflowsClientCreateOrUpdateResponse](w)(c.CreateOrUpdate(w.ctx, w.rg, name, w.resource("clock.json"), nil))
	_ = must[armlogic.WorkflowTriggersClientRunResponse](w)(w.f.NewWorkflowTriggersClient().Run(w.ctx, w.rg, name, "Every_month", nil))
	list := all(w, runs.NewListPager(w.rg, name, nil), func(p armlogic.WorkflowRunsClientListResponse) []*armlogic.WorkflowRun { return p.Value })
	if len(list) != 1 {
		w.t.Fatalf("%d runs", len(list))
	}
	run := *list[0].Name
	_ = must[armlogic.WorkflowRunsClientCancelResponse](w)(runs.Cancel(w.ctx, w.rg, name, run, nil))
	eventually(w.t, "the run is cancelled", func() bool {
		got := must[armlogic.WorkflowRunsClientGetResponse](w)(runs.Get(w.ctx, w.rg, name, run, nil))
		return *got.Properties.Status == armlogic.WorkflowStatusCancelled
	}, w.log)
}

// keys: a new key ends the URLs of the old one, and no others.
func (w *walker) keys(name string) {
	c := w.f.NewWorkflowsClient()
	url := func(k armlogic.KeyType) string {
		u := must[armlogic.WorkflowsClientListCallbackURLResponse](w)(c.ListCallbackURL(w.ctx, w.rg, name, armlogic.GetCallbackURLParameters{KeyType: &k}, nil))
		w.secrets = append(w.secrets, *u.Queries.Sig)
		return strings.Replace(*u.Value, "{berthId}", "B1", 1)
	}
	call := func(url string) int {
		status, _, _ := w.request(w.t, "", http.MethodPut, url, `{"containers":[]}`, nil)
		return status
	}
	first, second := url(armlogic.KeyTypePrimary), url(armlogic.KeyTypeSecondary)
	w.check(call(first) == http.StatusOK && call(second) == http.StatusOK, "a fresh URL opens nothing")
	_ = must[armlogic.WorkflowsClientRegenerateAccessKeyResponse](w)(c.RegenerateAccessKey(w.ctx, w.rg, name, armlogic.RegenerateActionParameter{KeyType: to.Ptr(armlogic.KeyTypePrimary)}, nil))
	w.check(call(first) == http.StatusUnauthorized && call(second) == http.StatusOK, "the wrong URLs died")
	w.check(call(url(armlogic.KeyTypePrimary)) == http.StatusOK, "a URL of the new key opens nothing")
}

// clocks: triggers that fire by themselves are reset, and go on where others stand.
func (w *walker) clocks() {
	c, triggers := w.f.NewWorkflowsClient(), w.f.NewWorkflowTriggersClient()
	_ = must[armlogic.WorkflowsClientCreateOrUpdateResponse](w)(c.CreateOrUpdate(w.ctx, w.rg, "clock-2", w.resource("clock.json"), nil))
	one := must[armlogic.WorkflowTriggersClientGetResponse](w)(triggers.Get(w.ctx, w.rg, "clock", "Every_month", nil)).Properties
	w.check(one.NextExecutionTime != nil && *one.Recurrence.Frequency == armlogic.RecurrenceFrequencyMonth && *one.Recurrence.Schedule.MonthDays[0] == 31, "trigger %+v", one)
	_ = must[armlogic.WorkflowTriggersClientResetResponse](w)(triggers.Reset(w.ctx, w.rg, "clock", "Every_month", nil))
	source := armlogic.SetTriggerStateActionDefinition{Source: &armlogic.WorkflowTriggerReference{FlowName: to.Ptr("clock"), TriggerName: to.Ptr("Every_month")}}
	_ = must[armlogic.WorkflowTriggersClientSetStateResponse](w)(triggers.SetState(w.ctx, w.rg, "clock-2", "Every_month", source, nil))
	two := must[armlogic.WorkflowTriggersClientGetResponse](w)(triggers.Get(w.ctx, w.rg, "clock-2", "Every_month", nil)).Properties
	w.check(two.NextExecutionTime.Equal(*one.NextExecutionTime), "next: %v and %v", two.NextExecutionTime, one.NextExecutionTime)
	_, err := triggers.ListCallbackURL(w.ctx, w.rg, "clock", "Every_month", nil)
	w.refused(err, http.StatusBadRequest, "TriggerTypeNotSupported")

	_ = must[armlogic.WorkflowsClientDisableResponse](w)(c.Disable(w.ctx, w.rg, "clock", nil))
	off := must[armlogic.WorkflowTriggersClientGetResponse](w)(triggers.Get(w.ctx, w.rg, "clock", "Every_month", nil)).Properties
	w.check(*off.State == armlogic.WorkflowStateDisabled && off.NextExecutionTime == nil, "a disabled trigger %+v", off)
	_, err = triggers.Run(w.ctx, w.rg, "clock", "Every_month", nil)
	w.refused(err, http.StatusBadRequest, "WorkflowTriggerIsNotEnabled")
	_ = must[armlogic.WorkflowsClientEnableResponse](w)(c.Enable(w.ctx, w.rg, "clock", nil))
	on := must[armlogic.WorkflowTriggersClientGetResponse](w)(triggers.Get(w.ctx, w.rg, "clock", "Every_month", nil)).Properties
	w.check(*on.State == armlogic.WorkflowStateEnabled && on.NextExecutionTime != nil, "an enabled trigger %+v", on)
}

func (w *walker) moveAndDelete(name string) {
	c := w.f.NewWorkflowsClient()
	before := must[armlogic.WorkflowsClientGetResponse](w)(c.Get(w.ctx, w.rg, name, nil))
	poller, err := c.BeginMove(w.ctx, w.rg, name, armlogic.WorkflowReference{ID: to.Ptr(strings.TrimPrefix(inGroup, "/") + "/berth-two")}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = must[armlogic.WorkflowsClientMoveResponse](w)(poller.PollUntilDone(w.ctx, nil))
	_, err = c.Get(w.ctx, w.rg, name, nil)
	w.refused(err, http.StatusNotFound, "ResourceNotFound")
	after := must[armlogic.WorkflowsClientGetResponse](w)(c.Get(w.ctx, w.rg, "berth-two", nil))
	w.check(*after.Properties.AccessEndpoint == *before.Properties.AccessEndpoint, "the workflow has another id: %s", *after.Properties.AccessEndpoint)
	_, err = c.BeginMove(w.ctx, w.rg, "berth-two", armlogic.WorkflowReference{ID: to.Ptr(inGroup + "/clock")}, nil)
	w.refused(err, http.StatusConflict, "WorkflowAlreadyExists")
	_ = must[armlogic.WorkflowsClientDeleteResponse](w)(c.Delete(w.ctx, w.rg, "berth-two", nil))
	_ = must[armlogic.WorkflowsClientDeleteResponse](w)(c.Delete(w.ctx, w.rg, "berth-two", nil)) // 204
	_, err = c.Get(w.ctx, w.rg, "berth-two", nil)
	w.refused(err, http.StatusNotFound, "ResourceNotFound")
	_, err = c.Disable(w.ctx, w.rg, "berth-two", nil)
	w.refused(err, http.StatusNotFound, "WorkflowNotFound")
}

// callers: who shows what, and what it opens.
func (w *walker) callers() {
	clock := inGroup + "/clock?api-version=2019-05-01"
	local := ""
	if _, rest, found := strings.Cut(w.log(), "Authorization: Bearer "); found {
		local, _, _ = strings.Cut(rest, "\n")
	}
	claims := func(changes map[string]any) string {
		all := map[string]any{"aud": armAudience, "appid": "x", "groups": []string{contributorGroup}}
		for name, v := range changes {
			all[name] = v
		}
		token := w.cloud.Token(all)
		w.secrets = append(w.secrets, token)
		return token
	}
	genuine := claims(nil)
	for name, c := range map[string]struct {
		token, method string
		status        int
		code          string
	}{
		"nobody":              {"", http.MethodGet, 401, "AuthenticationFailed"},
		"rubbish":             {"rubbish", http.MethodGet, 401, "InvalidAuthenticationToken"},
		"a changed token":     {genuine[:len(genuine)-6] + "AAAAAA", http.MethodGet, 401, "InvalidAuthenticationToken"},
		"for somebody else":   {claims(map[string]any{"aud": "https://graph.microsoft.com"}), http.MethodGet, 401, "InvalidAuthenticationToken"},
		"of another tenant":   {claims(map[string]any{"iss": "https://sts.windows.net/22222222-1111-1111-1111-111111111111/", "tid": "22222222-1111-1111-1111-111111111111"}), http.MethodGet, 401, "InvalidAuthenticationToken"},
		"expired":             {claims(map[string]any{"exp": 1}), http.MethodGet, 401, "InvalidAuthenticationToken"},
		"without the slash":   {claims(map[string]any{"aud": "https://management.azure.com"}), http.MethodGet, 200, ""},
		"without a role":      {claims(map[string]any{"groups": []string{"somebody"}}), http.MethodGet, 403, "AuthorizationFailed"},
		"a group as a role":   {claims(map[string]any{"groups": nil, "roles": []string{contributorGroup}}), http.MethodGet, 403, "AuthorizationFailed"},
		"a reader":            {w.token("reader"), http.MethodGet, 200, ""},
		"a reader who writes": {w.token("reader"), http.MethodDelete, 403, "AuthorizationFailed"},
		"an operator":         {w.token("operator"), http.MethodDelete, 403, "AuthorizationFailed"},
	} {
		status, code, _, body := w.call(w.t, c.token, c.method, clock, "")
		w.check(status == c.status && code == c.code, "%s: %d %s, want %d %s", name, status, body, c.status, c.code)
	}
	if local != "" {
		status, _, _, body := w.call(w.t, local, http.MethodGet, clock, "")
		w.check(status == http.StatusOK, "the local token: %d %s", status, body)
		status, _, _, body = w.call(w.t, local[:len(local)-1], http.MethodGet, clock, "")
		w.check(status == http.StatusUnauthorized, "a part of the local token: %d %s", status, body)
		status, _, _, body = w.call(w.t, local, http.MethodGet, "/runtime/webhooks/workflow/api/management/workflows/clock/triggers?api-version=2018-11-01", "")
		w.check(status == http.StatusOK && strings.Contains(body, "Every_month"), "the path of a Standard app: %d %s", status, body)
	}
}
