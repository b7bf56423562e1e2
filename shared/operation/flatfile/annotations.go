package flatfile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// chars reads a character annotation: as it stands, in hexadecimal code points, or
// the default that the schema has for it.
func (c *compiler) chars(info *xmltree.Node, name, kindName, fallback, fallbackKind string) (string, error) {
	text, typ := info.Get(name), info.Get(kindName)
	if typ == "default" || text == "" && typ == "" {
		text, typ = c.info.Get(fallback), c.info.Get(fallbackKind)
	}
	if typ == "none" {
		return "", nil
	}
	if typ != "hex" {
		return text, nil
	}
	var b strings.Builder
	for code := range strings.FieldsSeq(strings.ReplaceAll(text, ",", " ")) {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(code), "0x"), 16, 21)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return "", fmt.Errorf("'%s' of %s is no character", code, name)
		}
		b.WriteRune(rune(n))
	}
	return b.String(), nil
}

// record reads what recordInfo says.
func (c *compiler) record(x *node, info *xmltree.Node) (err error) {
	if err := x.place(info); err != nil {
		return err
	}
	// Attributes stand after elements in a schema, wherever they are in the file.
	slices.SortStableFunc(x.children, func(a, b *node) int { return cmp.Compare(a.sequence, b.sequence) })
	x.positional = info.Get("structure") == "positional"
	x.tag = info.Get("tag_name")
	x.suppressTrailing = isTrue(info.Get("suppress_trailing_delimiters"))
	if s := info.Get("tag_offset"); s != "" {
		if x.tagOffset, err = strconv.Atoi(s); err != nil || x.tagOffset < 0 {
			return fmt.Errorf("the tag_offset of '%s' is no number", x.name.Local)
		}
	}
	if !x.positional {
		if x.delimiter, err = c.chars(info, "child_delimiter", "child_delimiter_type", "default_child_delimiter", "default_child_delimiter_type"); err != nil {
			return err
		}
		if x.escape, err = c.chars(info, "escape_char", "escape_char_type", "default_escape_char", "default_escape_char_type"); err != nil {
			return err
		}
		how := info.Get("child_order")
		if how == "default" {
			how = c.info.Get("default_child_order")
		}
		switch how {
		case "infix":
		case "postfix":
			x.order = postfix
		case "prefix":
			x.order = prefix
		default: // conditional default
			if x.tag != "" {
				x.order = prefix
			}
		}
		if x.delimiter == "" && len(x.children) > 1 {
			return fmt.Errorf("the delimited record '%s' has no delimiter", x.name.Local)
		}
	}
	x.collect()
	return nil
}

// place reads the sequence_number of a record or field.
func (x *node) place(info *xmltree.Node) error {
	s := info.Get("sequence_number")
	if s == "" {
		return nil
	}
	var err error
	if x.sequence, err = strconv.Atoi(s); err != nil {
		return fmt.Errorf("the sequence_number of '%s' is no number", x.name.Local)
	}
	return nil
}

// field reads what fieldInfo says.
func (c *compiler) field(x *node, info *xmltree.Node) (err error) {
	if err := x.place(info); err != nil {
		return err
	}
	x.right = cmp.Or(info.Get("justification"), c.info.Get("default_field_justification")) == "right"
	for name, into := range map[string]*int{"pos_offset": &x.offset, "pos_length": &x.length} {
		if s := info.Get(name); s != "" {
			if *into, err = strconv.Atoi(s); err != nil || *into < 0 {
				return fmt.Errorf("the %s of '%s' is no number", name, x.name.Local)
			}
		}
	}
	x.padded = info.Get("pad_char") != ""
	if x.pad, err = c.chars(info, "pad_char", "pad_char_type", "default_pad_char", "pad_char_type"); err != nil {
		return err
	}
	if x.pad == "" {
		x.pad = " "
	}
	if utf8.RuneCountInString(x.pad) > 1 {
		return fmt.Errorf("the pad_char of '%s' is more than one character", x.name.Local)
	}
	x.wrap, err = c.chars(info, "wrap_char", "wrap_char_type", "default_wrap_char", "default_wrap_char_type")
	return err
}

// finish works out what depends on the records around a node.
func (x *node) finish(outer []string, delimiter string) {
	if x.kind == record {
		outer = slices.Clip(outer)
		if x.delimiter != "" {
			outer = append(outer, x.delimiter)
		}
	}
	x.outer = outer
	shares := x.shares(delimiter)
	if x.kind == record {
		delimiter = x.delimiter
	}
	x.after = make([]int, len(x.children))
	sum, smallest := 0, maxNodes
	for i, child := range slices.Backward(x.children) {
		child.finish(outer, delimiter)
		x.after[i] = sum
		sum = min(sum+child.least, 1<<30)
		smallest = min(smallest, child.least)
	}
	each := 1
	switch {
	case x.kind == choice:
		each = smallest
	case shares:
		each = sum
	}
	x.least = min(min(x.min, 1<<15)*each, 1<<30)
}

// collect gathers the delimiters and wrap characters that stand inside.
func (x *node) collect() {
	add := func(list *[]string, all ...string) {
		for _, s := range all {
			if s != "" && !slices.Contains(*list, s) {
				*list = append(*list, s)
			}
		}
	}
	add(&x.delimiters, x.delimiter)
	for _, child := range x.children {
		add(&x.delimiters, child.delimiters...)
		add(&x.wraps, child.wrap)
		add(&x.wraps, child.wraps...)
	}
}
