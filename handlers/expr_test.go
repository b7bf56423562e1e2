package handlers

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// TestReferenceIsTrue evaluates every example in docs/expressions.md, those of the
// introduction too.
func TestReferenceIsTrue(t *testing.T) {
	context, err := value.Parse([]byte(expr.ExampleContext))
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for line := range strings.SplitSeq(string(expressionReference()), "\n") {
		text, result, ok := strings.Cut(line, "  →  ")
		if !ok {
			continue
		}
		examples++
		text = strings.TrimRight(text, " ")
		got, err := expr.EvaluateText(text, context)
		message, fails := strings.CutPrefix(result, "error: ")
		switch {
		case fails && (err == nil || !strings.Contains(err.Error(), message)):
			t.Errorf("%s: %v %v", line, got, err)
		case !fails && (err != nil || string(value.JSON(got)) != result):
			t.Errorf("%s: %v %v", line, got, err)
		}
	}
	if examples < 200 {
		t.Errorf("there are only %d examples", examples)
	}
}

func TestCompletion(t *testing.T) {
	context, err := value.Parse([]byte(`{
		"actions": {"Get_user": {}, "Get_mail": {}, "It's": {}}, "parameters": {"region": 1}, "variables": {"count": 1},
		"items": {"For_each": 1}, "iterationIndexes": {"Until": 1}, "results": {"Scope": []}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &calculator{context: context}
	for _, test := range []struct{ typed, want string }{ // the cursor is at the |
		{"toU|", "toUpper("},
		{"TOL|", "toLower("},
		{"@concat('a',isF|", "@concat('a',isFloat("},
		{"isF|('1')", "isFloat('1')"},
		{"triggerB|", "triggerBody()"},
		{"indexO|, x", "indexOf(, x"},
		{"enc|", "encodeUriComponent( encodeXmlName( encodeXmlValue("},
		{"It's @{toU|", "It's @{toUpper("},
		{"body('get_u|", "body('Get_user'"},
		{"body('Get_|", "body('Get_user' body('Get_mail'"},
		{"body('Get_u|')", "body('Get_user')"},
		{"outputs( 'It''|", "outputs( 'It''s'"},
		{"concat('',body('It|", "concat('',body('It''s'"},
		{"Parameters('|", "Parameters('region'"},
		{"variables('c|", "variables('count'"},
		{"items('|", "items('For_each'"},
		{"iterationIndexes('|", "iterationIndexes('Until'"},
		{"result('|", "result('Scope'"},
		{"concat('toU|", ""},
		{"nothing('G|", ""},
		{"body('Get_user').toU|", ""},
		{"'it''s |", ""},
		{"|", ""},
		{":|", ":context :doc :help :quit :set"},
		{":d|", ":doc"},
		{":doc uriH|", ":doc uriHost"},
	} {
		before, after, _ := strings.Cut(test.typed, "|")
		head, completions, tail := c.complete(before+after, len([]rune(before)))
		var got []string
		for _, completion := range completions {
			got = append(got, head+completion+tail)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %q, want %q", test.typed, got, test.want)
		}
	}
}

func TestSimilar(t *testing.T) {
	for typed, want := range map[string]string{
		"toUper": "toUpper", "lengt": "length", "substr": "substring", "formatDate": "formatDateTime", "upper": "toUpper", "IndexOff": "indexOf",
	} {
		if got := similar(typed); !slices.Contains(got, want) {
			t.Errorf("%s: %q", typed, got)
		}
	}
	for _, typed := range []string{"xyzzyplugh", "q", strings.Repeat("a", 100000)} {
		if got := similar(typed); len(got) > 0 {
			t.Errorf("%.20s: %q", typed, got)
		}
	}
}

func TestPaint(t *testing.T) {
	v, err := value.Parse([]byte(`{"a\"b":["x: \\",-1.5,true,null,{}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.NewReplacer(paintKey, "<k>", paintText, "<t>", paintNumber, "<n>", paintWord, "<w>", paintEnd, "</>").Replace(string(paint(value.Indent(v))))
	want := `{
  <k>"a\"b"</>: [
    <t>"x: \\"</>,
    <n>-1.5</>,
    <w>true</>,
    <w>null</>,
    {}
  ]
}`
	if got != want {
		t.Errorf("%s", got)
	}
}
