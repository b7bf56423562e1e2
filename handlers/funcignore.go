package handlers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ignored are the files of a folder that are not published: what its .funcignore says,
// in the words of .gitignore (functions-host §3).
type ignored struct{ rules []ignoreRule }

type ignoreRule struct {
	pattern     *regexp.Regexp
	again       bool // with "!": it is published after all
	onlyFolders bool
}

// readIgnored reads the .funcignore of a folder.
func readIgnored(folder string) (*ignored, error) {
	data, err := os.ReadFile(filepath.Join(folder, ".funcignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return &ignored{}, nil
	}
	if err != nil {
		return nil, err
	}
	i := &ignored{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		var r ignoreRule
		line, r.again = strings.CutPrefix(line, "!")
		line = strings.TrimPrefix(line, `\`)
		line, r.onlyFolders = strings.CutSuffix(line, "/")
		r.pattern = ignorePattern(line)
		i.rules = append(i.rules, r)
	}
	return i, nil
}

// ignorePattern is a pattern as an expression over a path with slashes. Without a slash
// it means a name in any folder.
func ignorePattern(p string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	if !strings.Contains(p, "/") {
		b.WriteString("(.*/)?")
	}
	p = strings.TrimPrefix(p, "/")
	for p != "" {
		switch {
		case strings.HasPrefix(p, "**/"):
			b.WriteString("(.*/)?")
			p = p[3:]
		case strings.HasPrefix(p, "**"):
			b.WriteString(".*")
			p = p[2:]
		case p[0] == '*':
			b.WriteString("[^/]*")
			p = p[1:]
		case p[0] == '?':
			b.WriteString("[^/]")
			p = p[1:]
		default:
			end := strings.IndexAny(p, "*?")
			if end < 0 {
				end = len(p)
			}
			b.WriteString(regexp.QuoteMeta(p[:end]))
			p = p[end:]
		}
	}
	return regexp.MustCompile(b.String() + "$")
}

// has tells whether a file or folder below a root is ignored; the last rule that fits
// counts. What lies in an ignored folder is never asked about.
func (i *ignored) has(root, path string, isFolder bool) bool {
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return false
	}
	is := false
	for _, r := range i.rules {
		if (isFolder || !r.onlyFolders) && r.pattern.MatchString(filepath.ToSlash(relative)) {
			is = !r.again
		}
	}
	return is
}

// neverPublished are left out whatever .funcignore says, as publishing does.
var neverPublished = map[string]bool{".git": true, ".vscode": true, ".funcignore": true, ".gitignore": true, projectSettings: true, "project.lock.json": true}

// copyWorkflows copies what is published of a file or folder; but for out, which may
// lie in it.
func copyWorkflows(from, to, out string) error {
	info, err := os.Stat(from)
	if err != nil || !info.IsDir() {
		return errors.Join(err, copyTree(from, to))
	}
	i, err := readIgnored(from)
	if err != nil {
		return err
	}
	target, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == from {
			return err
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if neverPublished[d.Name()] || absolute == target || i.has(from, path, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil // folders are made for what lies in them
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyTree(path, filepath.Join(to, relative))
	})
}
