package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// evaluated is what an expression gives, as JSON, in a template that is deployed.
func evaluated(t *testing.T, expression string) string {
	t.Helper()
	opened, problems := template.Open([]byte(`{
		"functions":[{"namespace":"own","members":{"twice":{"parameters":[{"name":"s","type":"string"}],"output":{"type":"string","value":"[concat(parameters('s'),parameters('s'))]"}},
			"again":{"parameters":[],"output":{"type":"string","value":"[own.again()]"}}}}],
		"variables":{"copy":[{"name":"squares","count":3,"input":"[mul(copyIndex('squares'),copyIndex('squares'))]"}],"list":[3,1,2],"people":[{"n":"a","g":1},{"n":"b","g":2},{"n":"c","g":1}]},
		"resources":[],"outputs":{"x":{"type":"object","value":`+string(value.AppendQuoted(nil, expression))+`}}}`), "w", value.Value{}, context)
	for _, p := range problems {
		t.Fatalf("%s at %s", p.Message, p.Path)
	}
	outputs, problems := opened.Outputs(func(c template.Call) (value.Value, error) {
		return parse(t, `{"function":"`+c.Function+`","id":"`+c.ID+`","version":"`+c.APIVersion+`"}`), nil
	})
	if len(problems) > 0 {
		return problems[0].Message
	}
	return string(value.JSON(outputs[0].Value))
}

// TestFunctions: the functions that Microsoft's reference lists, with its examples and
// those that were computed elsewhere.
func TestFunctions(t *testing.T) {
	const failure = "The template expression cannot be evaluated: "
	for expression, want := range map[string]string{
		// CIDR
		"[parseCidr('10.144.0.0/20')]":               `{"network":"10.144.0.0","netmask":"255.255.240.0","broadcast":"10.144.15.255","firstUsable":"10.144.0.1","lastUsable":"10.144.15.254","cidr":20}`,
		"[parseCidr('fdad:3236:5555::/48').netmask]": `"ffff:ffff:ffff::"`,
		"[cidrSubnet('10.144.0.0/20', 24, 3)]":       `"10.144.3.0/24"`,
		"[cidrSubnet('10.144.0.0/20', 24, 16)]":      failure + "the network has fewer parts.",
		"[cidrHost('10.144.3.0/24', 0)]":             `"10.144.3.1"`,
		"[cidrHost('10.144.3.0/30', 3)]":             failure + "the network has fewer addresses.",
		"[parseCidr('10.0.0.0')]":                    failure + "a network is written as in CIDR, such as 10.0.0.0/16.",
		// arrays and objects
		"[intersection(createArray(1,2,3), createArray(3,4,2))]":                                       `[2,3]`,
		"[intersection(json('{\"one\":\"a\",\"two\":\"b\"}'), json('{\"one\":\"a\",\"two\":\"c\"}'))]": `{"one":"a"}`,
		"[items(createObject('b',2,'a',1))]":                                                           `[{"key":"a","value":1},{"key":"b","value":2}]`,
		"[objectKeys(createObject('b',2,'a',1))]":                                                      `["a","b"]`,
		"[shallowMerge(createArray(createObject('a',1),createObject('a',2,'b',3)))]":                   `{"a":2,"b":3}`,
		"[union(json('{\"p\":{\"a\":1,\"b\":2}}'), json('{\"p\":{\"a\":0}}'))]":                        `{"p":{"a":0,"b":2}}`,
		"[tryGet(createObject('a',createArray(1)),'a',0)]":                                             `1`,
		"[tryGet(createObject('a',1),'b','c')]":                                                        `null`,
		"[indexFromEnd(createArray(1,2,3),1)]":                                                         `3`,
		"[tryIndexFromEnd(createArray(1,2,3),4)]":                                                      `null`,
		"[indexOf(createArray('a','b','a'),'a')]":                                                      `0`,
		"[lastIndexOf(createArray('a','b','a'),'a')]":                                                  `2`,
		"[indexOf('äbB','b')]":                                                                         `1`,
		"[variables('squares')]":                                                                       `[0,1,4]`,
		// lambdas
		"[filter(variables('people'), lambda('p', equals(lambdaVariables('p').g, 1)))]":                                                          `[{"n":"a","g":1},{"n":"c","g":1}]`,
		"[map(variables('list'), lambda('x', 'i', add(lambdaVariables('x'), lambdaVariables('i'))))]":                                            `[3,2,4]`,
		"[mapValues(createObject('a',1), lambda('v', mul(lambdaVariables('v'), 10)))]":                                                           `{"a":10}`,
		"[reduce(variables('list'), 0, lambda('sum', 'x', add(lambdaVariables('sum'), lambdaVariables('x'))))]":                                  `6`,
		"[sort(variables('list'), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))]":                                          `[1,2,3]`,
		"[toObject(variables('people'), lambda('p', lambdaVariables('p').n), lambda('p', lambdaVariables('p').g))]":                              `{"a":1,"b":2,"c":1}`,
		"[groupBy(variables('people'), lambda('p', string(lambdaVariables('p').g)))]":                                                            `{"1":[{"n":"a","g":1},{"n":"c","g":1}],"2":[{"n":"b","g":2}]}`,
		"[map(variables('list'), lambda('x', map(range(0,lambdaVariables('x')), lambda('y', mul(lambdaVariables('x'),lambdaVariables('y'))))))]": `[[0,3,6],[0],[0,2]]`,
		"[map(variables('list'), lambda('x', lambdaVariables('z')))]":                                                                            failure + "the lambda variable 'z' is not found.",
		"[map(variables('list'), 1)]": failure + "a lambda is needed.",
		"[lambda('x', 1)]":            failure + "lambda() stands only in functions that take one.",
		"[length(filter(range(0,1000), lambda('x', contains(map(range(0,1000), lambda('y', lambdaVariables('y'))), lambdaVariables('x')))))]": failure + "the lambdas take too many turns.",
		// dates
		"[dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')]":                      `"2023-04-07T14:53:14Z"`,
		"[dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')]":                     `"2020-03-29T14:53:14Z"`,
		"[dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H', 'yyyy-MM-dd HH:mm')]": `"2020-04-07 15:53"`,
		"[dateTimeAdd(utcNow(), 'PT1H')]":                                   `"20260115T130000Z"`,
		"[dateTimeAdd('x', 'PT1H')]":                                        failure + "a time is written as in ISO 8601, such as 2026-03-14T12:00:00Z.",
		"[dateTimeAdd(utcNow(), '1H')]":                                     failure + "a duration is written as in ISO 8601, such as P3Y, -P9D or PT1H.",
		"[dateTimeFromEpoch(1683040573)]":                                   `"2023-05-02T15:16:13Z"`,
		"[dateTimeToEpoch('2023-05-02T15:16:13Z')]":                         `1683040573`,
		"[utcNow('d')]":          `"01/15/2026"`,
		"[utcNow('yyyy-MM-dd')]": `"2026-01-15"`,
		// text
		"[format('{0,5}|{1:N0}|{{{2}}}|{0}', 'a', 8175133, true())]": `"    a|8,175,133|{True}|a"`,
		"[format('{0}', '{1}')]":                                     `"{1}"`,
		"[format('{1}', 'a')]":                                       failure + "format() has fewer arguments than its text names.",
		"[dataUri('Hello')]":                                         `"data:text/plain;charset=utf8;base64,SGVsbG8="`,
		"[dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')]":     `"Hello, World!"`,
		"[float('2.5')]":                                             `2.5`,
		"[guid('a','b',1)]":                                          `"` + guidOfAB1 + `"`,
		"[uniqueString('test')]":                                     `"rbgf3xv4ufgzg"`, // as Azure gives them
		"[uniqueString('hello','world')]":                            `"a7wkljktk6wne"`,
		"[uniqueString('abc')]":                                      `"cgtzqvhu4i23s"`,
		"[uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg')]": `"bmg7c6xu4tw46"`,
		"[uniqueString('foo','bar','baz')]": `"xzi4ioaxtmth4"`,
		"[fail('no')]":                      failure + "no.",
		// scopes
		"[tenantResourceId('Microsoft.A/b','c')]":               `"/providers/Microsoft.A/b/c"`,
		"[extensionResourceId('/x/y','Microsoft.A/locks','l')]": `"/x/y/providers/Microsoft.A/locks/l"`,
		"[managementGroupResourceId('g','Microsoft.A/b','c')]":  `"/providers/Microsoft.Management/managementGroups/g/providers/Microsoft.A/b/c"`,
		"[subscriptionResourceId('s','Microsoft.A/b','c')]":     `"/subscriptions/s/providers/Microsoft.A/b/c"`,
		"[environment().suffixes.keyvaultDns]":                  `".vault.azure.net"`,
		"[environment().authentication.loginEndpoint]":          `"https://login.microsoftonline.com/"`,
		"[resourceGroup().tags]":                                `{}`,
		"[deployment().properties.mode]":                        `"Incremental"`,
		"[sys.concat('a','b')]":                                 `"ab"`,
		"[own.twice('ab')]":                                     `"abab"`,
		"[own.again()]":                                         failure + "the function 'own.again' calls itself too often.",
		"[own.none()]":                                          failure + "the function 'own.none' is not known here.",
		// only the branch that is taken is evaluated
		"[if(true(), 'yes', createArray()[3].x)]":                                  `"yes"`,
		"[if(false(), own.none('x', if(true(), 1, 2)), first(createArray('no')))]": `"no"`,
		// what only deployed resources know
		"[listKeys('/a/b','2020').id]":                    `"/a/b"`,
		"[reference('/a/b').function]":                    `"reference"`,
		"[concat('x', listAccountSas('/a','v').version)]": `"xv"`,
		"[copyIndex()]":                                   failure + "copyIndex() is only known inside a copy loop.",
	} {
		if got := evaluated(t, expression); got != want {
			t.Errorf("%s:\n got  %s\n want %s", expression, got, want)
		}
	}
}

// guidOfAB1 is guid('a','b',1), computed by another implementation of UUIDs.
const guidOfAB1 = "023d3ed2-aa1c-5ba9-b6fc-119ccde4c792"

// TestEveryFunctionOfTheReference: none of the functions that Microsoft lists is
// unknown here.
func TestEveryFunctionOfTheReference(t *testing.T) {
	for _, name := range strings.Fields(`array concat contains createArray empty first indexFromEnd indexOf intersection last lastIndexOf length max min range skip take tryGet tryIndexFromEnd union
		parseCidr cidrSubnet cidrHost coalesce equals less lessOrEquals greater greaterOrEquals dateTimeAdd dateTimeFromEpoch dateTimeToEpoch utcNow deployment deployer environment parameters variables
		filter groupBy map mapValues reduce sort toObject lambdaVariables and bool false if not or true add copyIndex div float int max min mod mul sub createObject items json null objectKeys shallowMerge
		extensionResourceId listAccountSas listKeys listSecrets listCallbackUrl reference references resourceId managementGroupResourceId subscriptionResourceId tenantResourceId managementGroup resourceGroup subscription tenant
		base64 base64ToJson base64ToString dataUri dataUriToString endsWith fail format guid join newGuid padLeft replace split startsWith string substring toLower toUpper trim uniqueString uri uriComponent uriComponentToString any
		pickZones providers toLogicalZone toLogicalZones toPhysicalZone toPhysicalZones`) {
		if got := evaluated(t, "["+name+"()]"); strings.Contains(got, "is not known here") != (name == "pickZones" || name == "providers" || strings.Contains(name, "Zone")) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestLoops: loops in loops, by name; that of the resource is meant where none is named.
func TestLoops(t *testing.T) {
	opened, problems := template.Open([]byte(`{"resources":[{"type":"Microsoft.Logic/workflows","name":"[concat('w', copyIndex(1))]","copy":{"name":"outer","count":2},
		"properties":{"copy":[{"name":"list","count":2,"input":"[concat(copyIndex('outer'), '-', copyIndex('list'), '-', copyIndex())]"}]}}]}`), "w", value.Value{}, context)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, r := range opened.Resources {
		body, problems := opened.Body(r, func(template.Call) (value.Value, error) { return template.Unknown, nil })
		got = append(got, r.Name+" "+body.Member("properties").String())
		if len(problems) > 0 {
			t.Error(problems)
		}
	}
	if want := `w1 {"list":["0-0-0","0-1-0"]}, w2 {"list":["1-0-1","1-1-1"]}`; strings.Join(got, ", ") != want {
		t.Errorf("got %s", strings.Join(got, ", "))
	}
}

// TestUnknownSpreads: what is made of an answer that nobody has yet is not known either.
func TestUnknownSpreads(t *testing.T) {
	opened, problems := template.Open([]byte(`{"resources":[{"type":"Microsoft.Logic/workflows","name":"w","properties":{
		"a":"[concat('x', reference('w').y)]","b":"[split(reference('w').y, ',')[3]]","c":["[if(true(), 1, reference('w'))]"],"d":"[createArray(1, reference('w'))]"}},
		{"type":"Microsoft.Logic/workflows","name":"[reference('w').name]","properties":{}}]}`), "w", value.Value{}, context)
	if len(problems) != 1 || problems[0].Path.String() != "$.resources[1].name" || !strings.Contains(problems[0].Message, "known before the deployment") {
		t.Errorf("problems: %v", problems)
	}
	body, problems := opened.Body(opened.Resources[0], func(template.Call) (value.Value, error) { return template.Unknown, nil })
	p := body.Member("properties")
	if !template.IsUnknown(p.Member("a")) || !template.IsUnknown(p.Member("b")) || p.Member("c").String() != "[1]" || !template.HasUnknown(p.Member("d")) || len(problems) > 0 {
		t.Errorf("%v %v", template.Replace(p, value.String("?")), problems)
	}
	if calls := opened.Calls(opened.Resources[0]); len(calls) != 3 || calls[0].Function != "reference" || calls[0].Path.String() != "$.resources[0].properties.a" {
		t.Errorf("calls: %v", calls)
	}
}

// TestParametersOfDeployments: types, bounds and defaults of templates as Bicep writes
// them.
func TestParametersOfDeployments(t *testing.T) {
	const declared = `{"languageVersion":"2.0","definitions":{"short":{"type":"string","maxLength":3}},"parameters":{
		"a":{"$ref":"#/definitions/short","defaultValue":"abc"},"n":{"type":"int","minValue":1,"maxValue":5,"defaultValue":3},"o":{"type":"object","nullable":true},
		"later":{"type":"string","defaultValue":"[concat(parameters('zz'), '!')]"},"zz":{"type":"string","defaultValue":"z"},"list":{"type":"array","allowedValues":["x","y"],"defaultValue":["y"]},
		"s":{"type":"secureObject","defaultValue":{"k":"canary"}}},
		"resources":{},"outputs":{"all":{"type":"string","value":"[concat(parameters('a'), parameters('n'), string(empty(parameters('o'))), parameters('later'), parameters('list')[0])]"},"k":{"type":"string","value":"[parameters('s').k]"}}}`
	for given, want := range map[string]string{
		``:                         `abc3Truez!y [redacted]`,
		`{"a":{"value":"abcd"}}`:   "The value of template parameter 'a' is above its maxLength of 3.",
		`{"n":{"value":0}}`:        "The value of template parameter 'n' is below its minValue of 1.",
		`{"list":{"value":["z"]}}`: "The value of template parameter 'list' is not one of the allowed values.",
		`{"o":{"value":"x"}}`:      "The value of template parameter 'o' is of type 'String'; 'object' is declared.",
	} {
		v := value.Object()
		if given != "" {
			v = parse(t, given)
		}
		opened, problems := template.Open([]byte(declared), "w", v, context)
		got := ""
		if len(problems) > 0 {
			got = problems[0].Message
		} else {
			outputs, _ := opened.Outputs(nil)
			got = outputs[0].Value.Str() + " " + value.Redact(outputs[1].Value).Str()
		}
		if got != want {
			t.Errorf("%s: %s", given, got)
		}
	}
	cyclic := `{"parameters":{"a":{"type":"string","defaultValue":"[parameters('b')]"},"b":{"type":"string","defaultValue":"[parameters('a')]"}},"resources":[]}`
	if _, problems := template.Open([]byte(cyclic), "w", value.Value{}, context); len(problems) == 0 || !strings.Contains(problems[0].Message, "has no value yet") {
		t.Errorf("a cycle: %v", problems)
	}
}

func FuzzOpen(f *testing.F) {
	samples, err := filepath.Glob("../../samples/*/*.json")
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range samples {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"functions":[{"namespace":"o","members":{"f":{"output":{"value":"[o.f()]"}}}}],"resources":[{"type":"Microsoft.Resources/deployments","name":"d","copy":{"name":"c","count":800},"properties":{"template":{"resources":[{"type":"Microsoft.Logic/workflows","name":"[concat('a',copyIndex())]"}],"outputs":{"x":{"value":"[reference('d').outputs.x.value]"}}}}}],"outputs":{"y":{"value":"[map(range(0,9), lambda('x', reference('d').outputs))]"}}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		c := context
		c.Assume = true
		opened, _ := template.Open(data, "w", value.Value{}, c) // must neither panic nor hang
		if opened == nil {
			return
		}
		ask := func(template.Call) (value.Value, error) { return template.Unknown, nil }
		for _, r := range opened.Resources[:min(len(opened.Resources), 20)] {
			_, _ = opened.Body(r, ask)
		}
		_, _ = opened.Outputs(ask)
	})
}
