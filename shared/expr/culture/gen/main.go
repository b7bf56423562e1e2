// Gen writes the data of package culture from the JSON edition of CLDR.
package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// version of CLDR. A newer one changes what expressions print: look at the
// difference of data.tsv before committing it.
const version = "48.2.0"

var packages = []string{"cldr-core", "cldr-numbers-full", "cldr-dates-full"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "cldr")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"pack", "--silent", "--pack-destination", dir}
	for _, name := range packages {
		args = append(args, name+"@"+version)
	}
	pack := exec.Command("npm", args...)
	pack.Stderr = os.Stderr
	if err := pack.Run(); err != nil {
		return fmt.Errorf("npm pack: %w", err)
	}
	var c cldr
	for _, name := range packages {
		if err := extract(filepath.Join(dir, name+"-"+version+".tgz"), c.read); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	text, err := write(&c)
	if err != nil {
		return err
	}
	if err := os.WriteFile("data.tsv", text, 0o644); err != nil {
		return err
	}
	return os.WriteFile("LICENSE-UNICODE", c.license, 0o644)
}

// extract calls read for each file of a package, with its path in it.
func extract(path string, read func(path string, content io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(header.Name, "package/")
		if err := read(name, archive); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
