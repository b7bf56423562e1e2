package host

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ReadFunctions reads the functions of an app folder: <Name>/function.json in its
// immediate sub-folders, as the host does (functions-host §1.1). They have no
// handlers; Options.Handler of a standalone host answers for all of them.
func ReadFunctions(dir string) (App, error) {
	var a App
	err := eachFunctionFolder(dir, func(name string) error {
		data, err := os.ReadFile(filepath.Join(dir, name, "function.json"))
		if err != nil {
			return err
		}
		f, err := readFunction(name, data)
		if err != nil {
			return fmt.Errorf("%s/function.json: %w", name, err)
		}
		a.Functions = append(a.Functions, f)
		return nil
	})
	if err != nil {
		return App{}, err
	}
	return a, a.Validate()
}

func readFunction(name string, data []byte) (Function, error) {
	var content struct {
		Disabled bool
		Bindings []struct {
			Type, Direction, Name, Route, AuthLevel, QueueName, Connection, Schedule string
			Methods                                                                  []string
		}
	}
	if err := json.Unmarshal(data, &content); err != nil {
		return Function{}, err
	}
	f := Function{Name: name, Disabled: content.Disabled}
	for _, b := range content.Bindings {
		switch {
		case b.Type == "httpTrigger":
			f.HTTP = &HTTP{Route: b.Route, AuthLevel: AuthLevel(b.AuthLevel)}
			f.HTTP.Route = f.template()
			if b.Methods != nil {
				f.HTTP.Methods = inCase(strings.ToUpper, b.Methods)
			}
		case b.Type == "queueTrigger":
			f.Queue = &Queue{Name: b.QueueName, Connection: b.Connection}
		case b.Type == "timerTrigger":
			f.Timer = &Timer{Schedule: b.Schedule}
		case b.Type == "http" && b.Direction == "out":
		default:
			return Function{}, fmt.Errorf("a binding of type %q is not known here", b.Type)
		}
	}
	return f, nil
}
