package gate_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/gate"
)

func TestAcceptedCall(t *testing.T) {
	d := open(t, target(), gate.Peer)
	query := "colour=red&sv=1.0&sp=%2Ftriggers%2Fmanual%2Frun&a=1&api-version=2019-05-01&a=two%20words&sig=" + gate.Sign(secondary, workflowID, manualRun, "")
	r, err := http.NewRequestWithContext(t.Context(), "PUT", d.URL+strings.Replace(invoke, "B7", "wow%25wee%3F%2Fx", 1)+"?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := d.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	let, log := d.seen()
	want := []gate.Call{{
		WorkflowID: workflowID, Trigger: "manual",
		RelativePath: []gate.Parameter{{Name: "berth", Value: "wow%wee?/x"}},
		Queries:      []gate.Parameter{{Name: "colour", Value: "red"}, {Name: "a", Value: "1"}, {Name: "a", Value: "two words"}},
	}}
	if answer.StatusCode != http.StatusAccepted || !reflect.DeepEqual(let, want) {
		t.Errorf("%d, let in %+v", answer.StatusCode, let)
	}
	if log != "" {
		t.Errorf("an accepted call was logged as refused: %s", log)
	}
}

func TestPathsOfNothing(t *testing.T) {
	d := open(t, target(), gate.Peer)
	for _, path := range []string{
		"/", "/workflows", "/workflows/" + workflowID, "/workflows/" + workflowID + "/triggers/manual/paths",
		"/workflows//triggers/manual/paths/invoke", "/workflows/" + workflowID + "/triggers//paths/invoke",
		"/flows/" + workflowID + "/triggers/manual/paths/invoke",
		"/workflows/" + workflowID + "/triggers/manual/paths/invoked",
	} {
		answer, body := d.call(t, "PUT", path, signed(manualRun, ""), nil)
		checkError(t, answer, body, 404, "ResourceNotFound", "There is nothing at this address.")
	}
	if let, _ := d.seen(); len(let) > 0 {
		t.Errorf("let in %+v", let)
	}
}

// The longest URL that is let in.
func TestURLOfFullLength(t *testing.T) {
	q := signed(manualRun, "")
	length := len(invoke+"?"+q.Encode()) + len("&filler=")
	q.Set("filler", strings.Repeat("x", 16384-length))
	d := open(t, target(), gate.Peer)
	if answer, body := d.call(t, "PUT", invoke, q, nil); answer.StatusCode != http.StatusAccepted {
		t.Errorf("16384 characters: %d %s", answer.StatusCode, body)
	}
	q.Set("filler", q.Get("filler")+"x")
	if answer, _ := d.call(t, "PUT", invoke, q, nil); answer.StatusCode != http.StatusRequestURITooLong {
		t.Errorf("16385 characters: %d", answer.StatusCode)
	}
}

func TestRelativePath(t *testing.T) {
	for _, c := range []struct {
		template, path string
		want           []gate.Parameter
		refused        bool
	}{
		{"", "", nil, false},
		{"", "/", nil, false},
		{"", "/x", nil, true},
		{"orders", "/orders", nil, false},
		{"orders", "/Orders", nil, true},
		{"orders", "", nil, true},
		{"orders/{id}", "/orders/7", []gate.Parameter{{Name: "id", Value: "7"}}, false},
		{"/orders/{id}/", "/orders/7", []gate.Parameter{{Name: "id", Value: "7"}}, false},
		{"orders/{id}", "/orders", nil, true},
		{"orders/{id}", "/orders/7/lines", nil, true},
		{"{a}/of/{b}", "/x%20y/of/%C3%A9", []gate.Parameter{{Name: "a", Value: "x y"}, {Name: "b", Value: "é"}}, false},
		{"{a}/of/{b}", "/x/OF/y", nil, true},
		{"{a}/{b}/c", "/x/y/c", []gate.Parameter{{Name: "a", Value: "x"}, {Name: "b", Value: "y"}}, false},
		{"{a}/{b}/c", "/x//c", nil, true}, // a parameter is not empty
		{"{a}", "/x%2Fy", []gate.Parameter{{Name: "a", Value: "x/y"}}, false},
		{"a b", "/a%20b", nil, false},
	} {
		t.Run(c.template+" "+c.path, func(t *testing.T) {
			workflow := target()
			workflow.Trigger = func(name string) (gate.Trigger, bool) {
				return gate.Trigger{Name: name, Method: "put", RelativePath: c.template}, true
			}
			d := open(t, workflow, gate.Peer)
			answer, body := d.call(t, "PUT", strings.TrimSuffix(invoke, "/berths/B7")+c.path, signed(manualRun, ""), nil)
			let, _ := d.seen()
			switch {
			case c.refused && (len(let) > 0 || answer.StatusCode != 400 || !strings.Contains(string(body), "TriggerRelativePathNotValid")):
				t.Errorf("%d %s", answer.StatusCode, body)
			case !c.refused && (len(let) != 1 || !reflect.DeepEqual(let[0].RelativePath, c.want)):
				t.Errorf("%d %s, let in %+v", answer.StatusCode, body, let)
			}
		})
	}
}
