package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestGeneratedCosts: infra/README.md has what is computed here.
func TestGeneratedCosts(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "infra", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := replaced(string(data)); err != nil || want != string(data) {
		t.Errorf("infra/README.md is not what `make generate` writes: %v", err)
	}
}

// TestArithmetic: a month computed by hand.
func TestArithmetic(t *testing.T) {
	m := month{10_000_000}
	gbs, executions := m.consumption()
	builtIns, connectors, kept := m.logicApps()
	flex, _ := m.flex(2)
	for what, c := range map[string]struct {
		got  float64
		want string
	}{
		"GB-seconds":       {m.consumptionGBs(), "1501080.00"}, // 10e6 × 0.15 + 43200 × 0.025
		"their price":      {gbs, "17.62"},                     // 1,101,080 × 0.000016
		"executions":       {executions, "1.81"},               // 9,043,200 × 0.0000002
		"flex, 2 GB":       {flex, "134.43"},                   // (2,635,200 × 2 − 100,000) × 0.000026
		"logs":             {m.logs(), "34.70"},                // (20.0864 − 5) × 2.30
		"built-in actions": {builtIns, "749.90"},               // 29,996,000 × 0.000025
		"connectors":       {connectors, "1250.00"},            // 10e6 × 0.000125
		"retention":        {kept, "9.60"},                     // 80 GB × 0.12
	} {
		if got := fmt.Sprintf("%.2f", c.got); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	if free := (month{}).logs() + (month{}).vault(); free != 0 {
		t.Errorf("without runs: %v", free)
	}
}
