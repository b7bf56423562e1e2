// Package artifacts holds what an integration account holds: maps, schemas,
// partners and agreements. Folder reads them from the folders that a Standard
// project keeps them in.
package artifacts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is a kind of artifact, in the product's spelling.
type Kind string

// The kinds.
const (
	Map       Kind = "Map"
	Schema    Kind = "Schema"
	Partner   Kind = "Partner"
	Agreement Kind = "Agreement"
)

// Kinds lists all kinds.
var Kinds = []Kind{Map, Schema, Partner, Agreement}

// folders and extensions are where Standard projects keep each kind. The order
// of the extensions says nothing: two files of one name are ambiguous.
var (
	folders    = map[Kind]string{Map: "Maps", Schema: "Schemas", Partner: "Partners", Agreement: "Agreements"}
	extensions = map[Kind][]string{Map: {".xslt", ".xsl", ".liquid"}, Schema: {".xsd"}, Partner: {".json"}, Agreement: {".json"}}
)

// maxSize is the largest artifact that an integration account takes.
const maxSize = 8 << 20

// ErrNotFound tells that there is no artifact of a name.
var ErrNotFound = errors.New("there is no such artifact")

// Artifact is one map, schema, partner or agreement.
type Artifact struct {
	Kind      Kind
	Name      string // without extension
	Extension string // lower case, with the dot
	Content   []byte
}

// Folder is a folder of artifacts. It is read at every look-up, so that a map
// may be edited while workflows are served.
type Folder struct{ root *os.Root }

// Open opens a folder with Maps, Schemas, Partners and Agreements in it, or a
// project that has them in its folder Artifacts. Nothing outside of it is ever
// read, also not through a symbolic link.
func Open(dir string) (*Folder, error) {
	if inner := filepath.Join(dir, "Artifacts"); isDir(inner) {
		dir = inner
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root}, nil
}

// Close releases the folder.
func (f *Folder) Close() error { return f.root.Close() }

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// Lookup returns an artifact by its name, with or without its extension and
// ignoring case, as an integration account does.
func (f *Folder) Lookup(kind Kind, name string) (Artifact, error) {
	folder, ok := folders[kind]
	if !ok || name == "" || strings.ContainsAny(name, `/\`) {
		return Artifact{}, ErrNotFound
	}
	file, err := f.find(folder, name, extensions[kind])
	if err != nil {
		return Artifact{}, err
	}
	content, err := f.read(path.Join(folder, file))
	if err != nil {
		return Artifact{}, err
	}
	extension := path.Ext(file)
	return Artifact{Kind: kind, Name: strings.TrimSuffix(file, extension), Extension: strings.ToLower(extension), Content: content}, nil
}

// find returns the file of an artifact. A file that bears the very name goes
// before those that bear it before their extension.
func (f *Folder) find(folder, name string, extensions []string) (string, error) {
	entries, err := fs.ReadDir(f.root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotFound
	} else if err != nil {
		return "", fmt.Errorf("the folder %s cannot be read", folder)
	}
	var found []string
	for _, e := range entries {
		extension := path.Ext(e.Name())
		switch {
		case e.IsDir() || !slices.Contains(extensions, strings.ToLower(extension)):
		case strings.EqualFold(e.Name(), name):
			return e.Name(), nil
		case strings.EqualFold(strings.TrimSuffix(e.Name(), extension), name):
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", ErrNotFound
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("the name is ambiguous: there are %s", strings.Join(found, ", "))
}

func (f *Folder) read(name string) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read", name)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read", name)
	case len(content) > maxSize:
		return nil, fmt.Errorf("%s is larger than %d MB", name, maxSize>>20)
	}
	return content, nil
}
