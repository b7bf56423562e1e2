package expr

import (
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Strings,
	Function{Signature: "formatNumber(number number, format string, locale? string)", Doc: "A number in a standard or custom .NET format, as a culture writes it.", Body: formatNumber,
		Examples: []Example{
			{"@formatNumber(1234567890,'0,0.00','en-us')", `"1,234,567,890.00"`}, {"@formatNumber(17.35,'C2','de-DE')", `"17,35 €"`},
			{"@formatNumber(0.1234,'0.0%')", `"12.3%"`}, {"@formatNumber(255,'X4')", `"00FF"`}, {"@formatNumber(-5,'0;(0);zero')", `"(5)"`},
		}},
)

func formatNumber(c *Call) (value.Value, error) {
	in, err := c.culture(2, enUS)
	if err != nil {
		return value.Value{}, err
	}
	var s string
	switch v := c.Args[0]; v.Kind() {
	case value.KindInt:
		s, err = dotnet.FormatInt(c.integer(0), c.str(1), in)
	case value.KindDecimal:
		d, _ := v.AsDecimal()
		s, err = dotnet.FormatDecimal(d, c.str(1), in)
	default:
		s, err = dotnet.FormatFloat(toFloat(v), c.str(1), in)
	}
	if err != nil {
		return value.Value{}, c.badFormat(c.str(1))
	}
	return value.String(s), nil
}
