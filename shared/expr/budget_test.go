package expr_test

import (
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
)

// TestLeft: what an evaluation takes is missing from what it leaves.
func TestLeft(t *testing.T) {
	e := env()
	e.Budget = expr.Budget{Steps: 10, Bytes: 100}
	if _, err := compile(t, "@concat('ab',toUpper('cd'))").Evaluate(e); err != nil {
		t.Fatal(err)
	}
	if got := e.Left(); got != (expr.Budget{Steps: 8, Bytes: 94}) {
		t.Errorf("left: %+v", got)
	}
	next := env()
	next.Budget = expr.Budget{Steps: 1, Bytes: 100}
	if _, err := compile(t, "@concat('ab',toUpper('cd'))").Evaluate(next); err == nil {
		t.Error("one step is not enough for two calls")
	}
}
