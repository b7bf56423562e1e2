package leaks

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// abstract stands for a value of which is known what it derives from and, where
// the expression says it, the value.
type abstract struct {
	t     *taint
	known value.Value // absent where it is not known
}

// decisions are functions whose result tells of their arguments no more than a
// yes, a no, a count or a place.
var decisions = strings.Fields(`equals not and or greater greaterorequals less lessorequals contains startswith endswith
	empty length indexof lastindexof nthindexof isint isfloat bool`)

// folder follows values through the expressions of one action.
type folder struct {
	f    *flow
	from *node  // whose expressions they are
	item *taint // of what is evaluated for each item; used when each is set
	each bool
}

func (f *folder) Literal(v value.Value) abstract { return abstract{f.f.literal(v), v} }

func (f *folder) Read(r expr.Reference, args []abstract) abstract {
	if r.Dynamic && len(args) > 0 {
		name, ok := args[0].known.AsString()
		if !ok {
			return abstract{} // may be anything: that is no finding
		}
		r.Name = name
	}
	return abstract{t: f.f.read(f, r)}
}

func (f *folder) Call(function string, args []abstract) abstract {
	all := make([]*taint, len(args))
	for i, a := range args {
		all[i] = a.t
	}
	switch function {
	case "if":
		return abstract{t: join(all[min(1, len(all)):]...)}
	case "coalesce", "union", "intersection":
		return abstract{t: join(all...)}
	case "json", "array":
		if len(all) == 1 && function == "json" {
			return abstract{t: all[0]}
		}
		return abstract{t: arrayOf(join(all...))}
	case "createarray":
		return f.Array(args)
	case "take", "skip", "reverse", "sort", "chunk":
		if len(all) > 0 {
			return abstract{t: join2(whole(first(all).marksOnly()...), arrayOf(first(all).elements()))}
		}
	case "first", "last":
		return abstract{t: join(all...).elements()}
	case "setproperty", "addproperty":
		if name, ok := nth(args, 1).known.AsString(); ok && len(args) == 3 {
			return abstract{t: args[0].t.with(name, args[2].t)}
		}
	case "removeproperty":
		if name, ok := nth(args, 1).known.AsString(); ok && len(args) == 2 {
			return abstract{t: args[0].t.without(name)}
		}
	case "concat":
		return f.Text(args)
	}
	if slices.Contains(decisions, function) {
		return abstract{}
	}
	return abstract{t: join(all...).flat()}
}

func first(list []*taint) *taint { return list[0] }

func nth(args []abstract, i int) abstract {
	if i < len(args) {
		return args[i]
	}
	return abstract{}
}

func (t *taint) marksOnly() []*mark {
	if t == nil {
		return nil
	}
	return t.marks
}

func (f *folder) Select(from abstract, name string, key *abstract) abstract {
	if key == nil {
		return abstract{t: from.t.member(name)}
	}
	if i, ok := key.known.AsInt(); ok {
		return abstract{t: from.t.element(itoa(int(i)))}
	}
	if s, ok := key.known.AsString(); ok {
		return abstract{t: from.t.member(s)}
	}
	return abstract{t: from.t.elements()}
}

// host is the beginning of an address up to its path or query.
var host = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z+]*://)?[^/?:]+(?::\d+)?[/?]`)

// Text joins texts. What stands behind the host of an address is kept apart.
func (f *folder) Text(parts []abstract) abstract {
	var text strings.Builder
	var sum *taint
	known := true
	for _, p := range parts {
		t := p.t.flat()
		if host.MatchString(text.String()) {
			t = t.under(beyondHost)
		}
		sum = join2(sum, t)
		s, ok := p.known.AsString()
		if known = known && ok; !ok {
			s = unknown
		}
		text.WriteString(s)
	}
	if !known {
		return abstract{t: sum}
	}
	return abstract{t: sum, known: value.String(text.String())}
}

func (f *folder) Array(items []abstract) abstract {
	var members []member
	for i, item := range items {
		members = append(members, member{"#" + itoa(i), item.t})
	}
	return abstract{t: makeTaint(nil, members, nil)}
}

func (f *folder) Object(keys, values []abstract) abstract {
	var sum *taint
	for i, k := range keys {
		name, ok := k.known.AsString()
		if !ok {
			name = "?"
			sum = join2(sum, arrayOf(values[i].t))
		}
		sum = join(sum, at(values[i].t, name), whole(k.t.all()...)) // a member's name may be secret too
	}
	return abstract{t: sum}
}

// literal: what a template was deployed with from one of its secured parameters.
func (f *flow) literal(v value.Value) *taint {
	if !v.Marked() {
		return nil
	}
	switch v.Kind() {
	case value.KindObject:
		var members []member
		for k, m := range v.Members {
			members = append(members, member{k, f.literal(m)})
		}
		return join2(makeTaint(nil, members, nil), f.origins(v))
	case value.KindArray:
		var members []member
		for i, m := range v.Elements {
			members = append(members, member{"#" + itoa(i), f.literal(m)})
		}
		return join2(makeTaint(nil, members, nil), f.origins(v))
	}
	return f.origins(v)
}

// sketch makes of a template the value as far as the definition alone says it.
// What is not known is unknown text.
type sketch struct{ f *flow }

const unknown = "\x00"

func (s sketch) Literal(v value.Value) value.Value {
	if v.Marked() {
		return value.String(unknown)
	}
	return v
}

func (s sketch) Read(r expr.Reference, _ []value.Value) value.Value {
	if r.Kind == expr.RefParameter {
		if v, ok := s.f.program.Parameter(r.Name); ok && !v.Marked() {
			return v
		}
	}
	return value.String(unknown)
}

func (s sketch) Call(function string, args []value.Value) value.Value {
	if function == "concat" {
		return s.Text(args)
	}
	return value.String(unknown)
}

func (s sketch) Select(from value.Value, name string, key *value.Value) value.Value {
	if key != nil {
		return value.String(unknown)
	}
	if v, ok := from.Get(name); ok {
		return v
	}
	return value.String(unknown)
}

func (s sketch) Text(parts []value.Value) value.Value {
	var text strings.Builder
	for _, p := range parts {
		if t, ok := p.AsString(); ok {
			text.WriteString(t)
		} else {
			text.WriteString(unknown)
		}
	}
	return value.String(text.String())
}

func (s sketch) Array(items []value.Value) value.Value { return value.Array(items...) }

func (s sketch) Object(keys, values []value.Value) value.Value {
	b := value.NewObject(len(keys))
	for i, k := range keys {
		b.Set(k.Str(), values[i])
	}
	return b.Build()
}

func itoa(i int) string { return strconv.Itoa(i) }
