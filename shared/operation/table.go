package operation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Table", Inline: true,
		Required: []string{"format", "from"}, Deferred: []string{"columns[].value"},
		Check: checkTable,
	},
	Doc: "Writes an array as a CSV or HTML table, with a column for each key, or with columns of expressions with item().",
	Examples: []Example{
		{Inputs: `{"format":"CSV","from":[{"a":1,"b":"x, y"},{"b":"z","c":true}]}`, Want: `{"body":"a,b,c\r\n1,\"x, y\",\r\n,z,True\r\n"}`},
		{Inputs: `{"format":"HTML","from":["<x>"],"columns":[{"header":"It's","value":"@item()"},{"header":"n","value":"@length(item())"}]}`,
			Want: `{"body":"<table><thead><tr><th>It&#39;s</th><th>n</th></tr></thead><tbody><tr><td>&lt;x&gt;</td><td>3</td></tr></tbody></table>"}`},
		{Inputs: `{"format":"HTML","from":[]}`, Want: `{"body":"<table><tbody></tbody></table>"}`},
		{Inputs: `{"format":"CSV","from":["a"]}`, Want: `{"code":"BadRequest","message":"The property 'columns' must be specified unless the 'from' property value is an array of objects."}`},
	},
	Run: makeTable,
})

// checkTable finds at save time what no run could make good.
func checkTable(inputs value.Value, report definition.Report) {
	root := (*value.Path)(nil)
	if format, ok := inputs.Get("format"); ok && !holdsExpression(format) && !isFormat(format.Str()) {
		report(definition.InvalidInput, root.Key("format"), "The format of a table must be 'CSV' or 'HTML'.")
	}
	columns := inputs.Member("columns")
	if !columns.IsNull() && !holdsExpression(columns) && columns.Kind() != value.KindArray {
		report(definition.InvalidInput, root.Key("columns"), "The columns of a table must be an array.")
	}
}

func isFormat(s string) bool { return strings.EqualFold(s, "CSV") || strings.EqualFold(s, "HTML") }

// holdsExpression tells whether a value as written is only known at run time.
func holdsExpression(v value.Value) bool { return strings.Contains(v.Str(), "@") }

func makeTable(ctx context.Context, _ Deps, c Call) run.Outcome {
	format, from, columns := c.Inputs.Member("format").Str(), c.Inputs.Member("from"), c.Inputs.Member("columns")
	if !isFormat(format) {
		return badInput("The 'format' property value in the 'table' action inputs is not valid. It must be 'CSV' or 'HTML'.")
	}
	if o := checkItems("table", from, "of type 'Array'"); o != nil {
		return *o
	}
	if !columns.IsNull() && columns.Kind() != value.KindArray {
		return badInput("The 'columns' property value in the 'table' action inputs is of type '%s'. The value must be of type 'Array'.", columns.Kind())
	}
	t := &table{html: strings.EqualFold(format, "HTML"), call: c}
	var failure *run.Outcome
	if columns.Len() > 0 {
		failure = t.custom(ctx, from, columns)
	} else {
		failure = t.automatic(from)
	}
	if failure != nil {
		return *failure
	}
	return run.Succeed("", bodyOutputs(value.String(t.b.String()).Mark(t.origins...)))
}

// table is the text of a table while it is written.
type table struct {
	b       strings.Builder
	html    bool
	call    Call
	origins []value.Origin
}

// custom writes the columns that the action names. They are there even without
// rows.
func (t *table) custom(ctx context.Context, from, columns value.Value) *run.Outcome {
	cells, fixed := make([]value.Value, columns.Len()), make([]value.Value, columns.Len())
	templates := make([]*expr.Template, columns.Len())
	for i, column := range columns.Elements {
		cells[i], fixed[i] = column.Member("header"), column.Member("value") // a value is here where an expression gives the columns
		templates[i] = t.call.Deferred[fmt.Sprintf("columns[%d].value", i)]
	}
	if failure := t.begin(cells); failure != nil {
		return failure
	}
	each := t.call.perItem(ctx)
	for _, item := range from.Elements {
		copy(cells, fixed)
		for i, template := range templates {
			if template == nil {
				continue
			}
			var failure *run.Outcome
			if cells[i], failure = each.evaluate(template, item); failure != nil {
				return failure
			}
		}
		if failure := t.row(cells, "td"); failure != nil {
			return failure
		}
	}
	t.end()
	return nil
}

// automatic writes a column for each key of each row, in the order in which they
// first appear.
func (t *table) automatic(from value.Value) *run.Outcome {
	places := map[string]int{}
	var headers []value.Value
	for _, row := range from.Elements {
		if row.Kind() != value.KindObject {
			o := badInput("The property 'columns' must be specified unless the 'from' property value is an array of objects.")
			return &o
		}
		for key := range row.Members {
			if _, known := places[key]; !known {
				places[key] = len(headers)
				headers = append(headers, value.String(key))
			}
		}
	}
	t.origins = from.Taint()
	if len(headers) == 0 {
		if t.html {
			t.b.WriteString("<table><tbody></tbody></table>")
		}
		return nil
	}
	if failure := t.begin(headers); failure != nil {
		return failure
	}
	cells := make([]value.Value, len(headers))
	for _, row := range from.Elements {
		clear(cells)
		for key, v := range row.Members {
			cells[places[key]] = v
		}
		if failure := t.row(cells, "td"); failure != nil {
			return failure
		}
	}
	t.end()
	return nil
}

func (t *table) begin(headers []value.Value) *run.Outcome {
	if !t.html {
		return t.row(headers, "")
	}
	t.b.WriteString("<table><thead>")
	failure := t.row(headers, "th")
	t.b.WriteString("</thead><tbody>")
	return failure
}

func (t *table) end() {
	if t.html {
		t.b.WriteString("</tbody></table>")
	}
}

// row writes cells as string() would write them.
func (t *table) row(cells []value.Value, element string) *run.Outcome {
	if t.html {
		t.b.WriteString("<tr>")
	}
	for i, v := range cells {
		text, ok := textOf(v, maxResult-t.b.Len())
		switch {
		case !ok:
		case t.html:
			t.b.WriteString("<" + element + ">")
			htmlEncode(&t.b, text)
			t.b.WriteString("</" + element + ">")
		default:
			if i > 0 {
				t.b.WriteByte(',')
			}
			t.b.WriteString(csvField(text))
		}
		if !ok || t.b.Len() > maxResult {
			o := t.call.tooLarge()
			return &o
		}
		for _, o := range v.Taint() {
			if !slices.Contains(t.origins, o) {
				t.origins = append(t.origins, o)
			}
		}
	}
	if t.html {
		t.b.WriteString("</tr>")
	} else {
		t.b.WriteString("\r\n")
	}
	return nil
}

func csvField(text string) string {
	if !strings.ContainsAny(text, "\",\r\n") {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}

// htmlEncode writes a text as WebUtility.HtmlEncode does: what is special in HTML,
// Latin-1 from the no-break space on, and what lies outside the basic plane. It
// stops where a result is too large.
func htmlEncode(b *strings.Builder, text string) {
	written := 0
	for i, r := range text {
		entity := ""
		switch {
		case r < 0xa0:
			entity = htmlEntities[byte(r)]
		case r <= 0xff || r > 0xffff:
			entity = "&#" + strconv.Itoa(int(r)) + ";"
		}
		if entity == "" {
			continue
		}
		b.WriteString(text[written:i])
		b.WriteString(entity)
		if written = i + utf8.RuneLen(r); b.Len() > maxResult {
			return
		}
	}
	b.WriteString(text[written:])
}

var htmlEntities = [256]string{'<': "&lt;", '>': "&gt;", '&': "&amp;", '"': "&quot;", '\'': "&#39;"}
