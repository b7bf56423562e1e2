package operation

import (
	"context"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// TestItemsShareABudget: what one item may do, many may not do together.
func TestItemsShareABudget(t *testing.T) {
	usual := itemBudget
	t.Cleanup(func() { itemBudget = usual })
	itemBudget = expr.Budget{Steps: 100, Bytes: 1000}
	for _, c := range []struct {
		items   int
		text    string
		message string
	}{
		{10, "@add(1,add(2,add(3,4)))", ""},
		{40, "@add(1,add(2,add(3,4)))", "takes more steps than it may"},
		{10, "@concat('0123456789','0123456789')", ""},
		{60, "@concat('0123456789','0123456789')", "produces more than it may"},
		{1, "@concat('" + strings.Repeat("x", 1001) + "','y')", "produces more than it may"},
		{100_000, "fixed", ""},
	} {
		template, problems := expr.CompileTemplate(value.String(c.text), nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		o := selectItems(t.Context(), Deps{}, Call{Inputs: value.Object(value.Member{Key: "from", Value: value.Ints(0, c.items)}), Deferred: map[string]*expr.Template{"select": template}})
		if c.message == "" && o.Error != nil || c.message != "" && (o.Error == nil || !strings.Contains(o.Error.Message, c.message)) {
			t.Errorf("%d items %.40s: %+v", c.items, c.text, o.Error)
		}
	}
}

// TestInterrupted: an action that is interrupted is begun anew, not failed.
func TestInterrupted(t *testing.T) {
	template, _ := expr.CompileTemplate(value.String("@equals(item(),1)"), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := query(ctx, Deps{}, Call{Inputs: value.Ints(0, 3), Deferred: map[string]*expr.Template{"where": template}})
	if o.Again <= 0 || o.Status != definition.Failed {
		t.Errorf("%+v", o)
	}
}

// TestSize: about what the JSON takes, and never the whole way for what is shared.
func TestSize(t *testing.T) {
	parse := func(text string) value.Value {
		v, err := value.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, text := range []string{`null`, `"text"`, `[1,"a",[]]`, `{"a":{"b":[true,null,1.5]},"c":"` + strings.Repeat("x", 500) + `"}`} {
		v := parse(text)
		if n := size(v, maxResult); n < len(text) || n > len(text)+scalarSize*10 {
			t.Errorf("%.30s: %d of %d", text, n, len(text))
		}
	}
	shared := value.String("x")
	for range 200 { // 2^200, if it were counted to the end
		shared = value.Array(shared, shared)
	}
	if n := size(shared, 1000); n <= 1000 || n > 3000 {
		t.Errorf("shared: %d", n)
	}
}
