package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/value"
)

// nested are scopes inside of scopes.
func nested(levels int) string {
	text := `{"A":{"type":"Compose","inputs":1}}`
	for i := levels - 1; i > 0; i-- {
		text = fmt.Sprintf(`{"S%d":{"type":"Scope","actions":%s}}`, i, text)
	}
	return text
}

func many(n int, after func(i int) string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"A%d":{"type":"Compose","inputs":%d,"runAfter":{%s}}`, i, i, after(i))
	}
	b.WriteByte('}')
	return b.String()
}

func chain(i int) string {
	if i == 0 {
		return ""
	}
	return fmt.Sprintf(`"A%d":["Succeeded"]`, i-1)
}

// Definitions that nobody means well by: each is told what is wrong with it, and
// nothing is stored.
func TestHostileDefinitions(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), nil)
		for name, c := range map[string]struct{ definition, code string }{
			"not an object":      {`[]`, "InvalidTemplate"},
			"null":               {`null`, "InvalidTemplate"},
			"text":               {`"{}"`, "InvalidTemplate"},
			"actions in a list":  {`{"actions":[1]}`, "InvalidTemplate"},
			"triggers as text":   {`{"triggers":"manual"}`, "InvalidTemplate"},
			"action as number":   {`{"actions":{"A":5}}`, "InvalidTemplate"},
			"no type":            {`{"actions":{"A":{}}}`, "PropertyNotSpecified"},
			"type as object":     {`{"actions":{"A":{"type":{}}}}`, "InvalidTemplate"},
			"unknown type":       {`{"actions":{"A":{"type":"Format_disk"}}}`, "InvalidTemplate"},
			"unknown trigger":    {`{"triggers":{"T":{"type":"Nothing"}}}`, "InvalidTemplate"},
			"runAfter in a list": {`{"actions":{"A":{"type":"Compose","inputs":1,"runAfter":["B"]}}}`, "InvalidTemplate"},
			"runAfter a number":  {`{"actions":{"A":{"type":"Compose","inputs":1},"B":{"type":"Compose","inputs":1,"runAfter":{"A":1}}}}`, "InvalidTemplate"},
			"runAfter nobody":    {`{"actions":{"A":{"type":"Compose","inputs":1,"runAfter":{"B":["Succeeded"]}}}}`, "InvalidTemplate"},
			"runAfter a status":  {`{"actions":{"A":{"type":"Compose","inputs":1},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Done"]}}}}`, "InvalidTemplate"},
			"after itself":       {`{"actions":{"A":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}}`, "InvalidTemplate"},
			"circle": {`{"actions":` + many(1000, func(i int) string { return fmt.Sprintf(`"A%d":["Succeeded"]`, (i+999)%1000) }) + `}`,
				"InvalidTemplate"},
			"same name":          {`{"actions":{"Send":{"type":"Compose","inputs":1},"SEND":{"type":"Compose","inputs":1}}}`, "InvalidTemplate"},
			"same name inside":   {`{"actions":{"Send":{"type":"Compose","inputs":1},"S":{"type":"Scope","actions":{"send":{"type":"Compose","inputs":1}}}}}`, "InvalidTemplate"},
			"same trigger":       {`{"triggers":{"a":{"type":"Request"},"A":{"type":"Request"}}}`, "InvalidTemplate"},
			"same parameter":     {`{"parameters":{"p":{"type":"string","defaultValue":"x"},"P":{"type":"string","defaultValue":"x"}}}`, "InvalidTemplate"},
			"long name":          {`{"actions":{"` + strings.Repeat("x", 10_000) + `":{"type":"Compose","inputs":1}}}`, "InvalidTemplate"},
			"empty name":         {`{"actions":{"":{"type":"Compose","inputs":1}}}`, "InvalidTemplate"},
			"nesting":            {`{"actions":` + nested(101) + `}`, "InvalidTemplate"},
			"too many":           {`{"actions":` + many(20_001, func(int) string { return "" }) + `}`, "InvalidTemplate"},
			"deep expression":    {`{"actions":{"A":{"type":"Compose","inputs":"@` + strings.Repeat("string(", 100_000) + `"}}}`, "InvalidTemplate"},
			"broken expression":  {`{"actions":{"A":{"type":"Compose","inputs":"@{"}}}`, "InvalidTemplate"},
			"Response in a loop": {`{"triggers":{"m":{"type":"Request"}},"actions":{"L":{"type":"Until","expression":"@true","limit":{"count":1},"actions":{"R":{"type":"Response","inputs":{}}}}}}`, "InvalidTemplate"},
			"Response to nobody": {`{"triggers":{"T":{"type":"Recurrence","recurrence":{"frequency":"Day","interval":1}}},"actions":{"R":{"type":"Response","inputs":{}}}}`, "WorkflowUnsupportedRecurrenceTriggerForResponseAction"},
		} {
			v, err := value.Parse([]byte(c.definition))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			w, problems, err := l.Save(t.Context(), &engine.Resource{Name: "hostile", ResourceID: "/hostile", Definition: v})
			if w != nil || err != nil {
				t.Errorf("%s: saved %v, %v", name, w, err)
			}
			found := false
			for _, p := range problems {
				found = found || p.Code == c.code && !p.Warning
				if len(p.Error()) > 50_000 {
					t.Errorf("%s: a message of %d bytes", name, len(p.Error()))
				}
			}
			if !found {
				t.Errorf("%s: no problem %s, but %.300v", name, c.code, problems)
			}
		}
		if list, err := l.Store.Workflows(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("stored: %v %v", list, err)
		}
	})
}

// Large definitions that are sound are carried out.
func TestLargeDefinitions(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), nil)
		for name, c := range map[string]struct {
			actions string
			records int
		}{
			"nesting": {nested(100), 100},
			"chain":   {many(1000, chain), 1000},
			"wide":    {many(1000, func(int) string { return "" }), 1000},
		} {
			key := l.start(t, l.workflow(t, name, c.actions))
			snapshot, err := l.Store.LoadRun(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if st := snapshot.State; st.Status != definition.Succeeded || len(st.Records) != c.records {
				t.Errorf("%s: %s with %d records, %v", name, st.Status, len(st.Records), st.Error)
			}
		}
	})
}

func TestTenThousandActions(t *testing.T) {
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l := newLife(t, b, nil)
	for name, after := range map[string]func(int) string{"chain": chain, "wide": func(int) string { return "" }} {
		running, err := l.Start(t.Context(), l.workflow(t, name, many(10_000, after)), engine.Trigger{Name: "manual"})
		if err != nil {
			t.Fatal(err)
		}
		l.look(t, running.Key)
		if s := l.status(t, running.Key); s != definition.Succeeded {
			t.Errorf("%s: %s", name, s)
		}
	}
}
