package operation_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// TestTableGolden compares whole tables, byte by byte, with testdata/table.*.
func TestTableGolden(t *testing.T) {
	rows, err := os.ReadFile("testdata/table.rows.json")
	if err != nil {
		t.Fatal(err)
	}
	columns := `,"columns":[{"header":"Ship, or \"vessel\"","value":"@item()['ship']"},{"header":"","value":"@item()?['port']"},
		{"value":"@{item()['masts']} of @{item()?['knots']}"},{"header":"Größe"},{"header":7,"value":["x",1.0]}]`
	for _, c := range []struct{ file, format, columns string }{
		{"table.automatic.csv", "CSV", ""},
		{"table.automatic.html", "HTML", ""},
		{"table.custom.csv", "csv", columns},
		{"table.custom.html", "Html", columns},
	} {
		path := filepath.Join("testdata", c.file)
		o := perform(t, `{"type":"Table","inputs":{"format":"`+c.format+`","from":`+string(rows)+c.columns+`}}`)
		got := o.Outputs.Member("body").Str()
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: %+v\n got %q\nwant %q", c.file, o.Error, got, want)
		}
	}
}

// TestTable: what stands at the edges.
func TestTable(t *testing.T) {
	const notObjects = `{"code":"BadRequest","message":"The property 'columns' must be specified unless the 'from' property value is an array of objects."}`
	for _, c := range []struct{ inputs, want string }{
		{`{"format":"CSV","from":[]}`, `{"body":""}`},
		{`{"format":"HTML","from":[]}`, `{"body":"<table><tbody></tbody></table>"}`},
		{`{"format":"CSV","from":[{}]}`, `{"body":""}`},
		{`{"format":"HTML","from":[{},{}]}`, `{"body":"<table><tbody></tbody></table>"}`},
		{`{"format":"CSV","from":[],"columns":[]}`, `{"body":""}`},
		{`{"format":"CSV","from":[{"a":1}],"columns":null}`, `{"body":"a\r\n1\r\n"}`},
		{`{"format":"CSV","from":[],"columns":[{"header":"A","value":"@item()"}]}`, `{"body":"A\r\n"}`},
		{`{"format":"HTML","from":[],"columns":[{"header":"A","value":"@item()"}]}`, `{"body":"<table><thead><tr><th>A</th></tr></thead><tbody></tbody></table>"}`},
		{`{"format":"CSV","from":[1,2],"columns":[{"header":"A","value":"@item()"}]}`, `{"body":"A\r\n1\r\n2\r\n"}`},
		{`{"format":"CSV","from":[1],"columns":"@json('[{\"header\":\"A\",\"value\":\"@item()\"}]')"}`, `{"body":"A\r\n@item()\r\n"}`},
		{`{"format":"CSV","from":[{"a":1,"A":2},{"A":3}]}`, `{"body":"a,A\r\n1,2\r\n,3\r\n"}`},
		{`{"format":"CSV","from":[{"a":"x\ny","b":"x\ry","c":"; \t'"}]}`, `{"body":"a,b,c\r\n\"x\ny\",\"x\ry\",; \t'\r\n"}`},
		{`{"format":"HTML","from":[{"a":"\u009f\u00a0\u00ff\u0100\uffff😀"}]}`, `{"body":"<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>` + "\u009f&#160;&#255;\u0100\uffff&#128512;" + `</td></tr></tbody></table>"}`},
		{`{"format":"HTML","from":null}`, `{"code":"BadRequest","message":"The 'from' property value in the 'table' action inputs is of type 'Null'. The value must be of type 'Array'."}`},
		{`{"format":"CSV","from":{"a":1}}`, `{"code":"BadRequest","message":"The 'from' property value in the 'table' action inputs is of type 'Object'. The value must be of type 'Array'."}`},
		{`{"format":"CSV","from":["a","b"]}`, notObjects},
		{`{"format":"HTML","from":[{"a":1},"x"]}`, notObjects},
		{`{"format":"@concat('X','ML')","from":[]}`, `{"code":"BadRequest","message":"The 'format' property value in the 'table' action inputs is not valid. It must be 'CSV' or 'HTML'."}`},
		{`{"format":"CSV","from":[],"columns":"@string(1)"}`, `{"code":"BadRequest","message":"The 'columns' property value in the 'table' action inputs is of type 'String'. The value must be of type 'Array'."}`},
		{`{"format":"CSV","from":[1],"columns":[{"header":"a","value":"@item()['x']"}]}`, `{"code":"InvalidTemplate","message":"Unable to process template language expressions in action 'example' inputs at line '0' and column '0': 'The template language expression 'item()['x']' cannot be evaluated because property 'x' cannot be selected. Property selection is not supported on values of type 'Integer'. Please see https://aka.ms/logicexpressions for usage details.'."}`},
	} {
		o := perform(t, `{"type":"Table","inputs":`+c.inputs+`}`)
		if got, want := shown(o), string(value.Reveal(parse(t, c.want))); got != want {
			t.Errorf("%s\n got %s\nwant %s", c.inputs, got, want)
		}
	}
}
