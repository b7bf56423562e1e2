package handlers_test

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// validSARIF: sarif FILE fails unless the file is valid by the schema of SARIF 2.1.0.
func validSARIF(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sarif FILE")
	}
	data, err := os.ReadFile(filepath.Join(ts.Getenv("TESTDATA"), "sarif", "sarif-schema-2.1.0.json"))
	ts.Check(err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	ts.Check(err)
	c := jsonschema.NewCompiler()
	ts.Check(c.AddResource("sarif.json", document))
	schema, err := c.Compile("sarif.json")
	ts.Check(err)
	log, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(ts.ReadFile(args[0]))))
	ts.Check(err)
	ts.Check(schema.Validate(log))
}
