package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/export"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

type exportOptions struct {
	remote     remoteOptions
	store, out string
}

func exportCommand() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export [WORKFLOW…]",
		Short: "Write workflows as an ARM template",
		Long: `Export writes workflows, all unless some are named, with the connections that they use
as one ARM template, which deploys anywhere and is served here as it is. What is
secret becomes a parameter without a value.

It asks the app that --endpoint names. Without it, it reads the Azure store if the
settings name one, else the embedded store, which no other process may have open.`,
		RunE: func(c *cobra.Command, names []string) error { return exportWorkflows(c, names, o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "`FILE` to write (default: standard output)")
	c.Flags().StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: store.db in the data folder)")
	o.remote.flags(c)
	return c
}

func exportWorkflows(c *cobra.Command, names []string, o exportOptions) error {
	workflows, connections, err := o.read(c)
	if err != nil {
		return err
	}
	if workflows, err = named(workflows, names); err != nil {
		return err
	}
	t := export.Template(workflows, connections)
	if err := writeWhole(c.OutOrStdout(), o.out, append(value.Indent(t), '\n')); err != nil {
		return err
	}
	var secrets []string
	for name, p := range t.Member("parameters").Members {
		if strings.HasPrefix(p.Member("type").Str(), "secure") {
			secrets = append(secrets, name)
		}
	}
	if len(secrets) > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "Parameters without a value, for secrets: %s.\n", strings.Join(secrets, ", "))
	}
	return nil
}

// read gives all workflows and connections.
func (o *exportOptions) read(c *cobra.Command) ([]template.Workflow, []template.Connection, error) {
	if o.remote.endpoint == "" {
		a, err := openForCommand(c, o.store)
		if err != nil {
			return nil, nil, err
		}
		defer a.Close()
		return a.exported(c.Context())
	}
	if o.store != "" {
		return nil, nil, errors.New("--endpoint and --store exclude each other")
	}
	client, err := o.remote.client(c.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	return remoteExported(c.Context(), client, o.remote.within(client))
}

// exported reads the store.
func (a *app) exported(ctx context.Context) ([]template.Workflow, []template.Connection, error) {
	headers, err := a.store.Workflows(ctx)
	if err != nil {
		return nil, nil, err
	}
	var workflows []template.Workflow
	for _, w := range headers {
		if strings.EqualFold(w.State, "Deleted") {
			continue
		}
		if err := a.store.WorkflowVersion(ctx, w, w.Version); err != nil {
			return nil, nil, err
		}
		workflows = append(workflows, template.Workflow{
			Name: w.Name, ResourceID: w.ResourceID, Location: w.Location, State: w.State, Kind: w.Kind, Tags: w.Tags, Identity: w.Identity,
			AccessControl: w.AccessControl, Definition: w.Definition, Parameters: w.Parameters,
		})
	}
	list, err := a.store.Connections(ctx)
	if err != nil {
		return nil, nil, err
	}
	var connections []template.Connection
	for _, c := range list {
		connections = append(connections, template.Connection{Name: c.Name, ResourceID: c.ResourceID, Location: c.Location, API: c.API, Properties: c.Properties})
	}
	return workflows, connections, nil
}

// remoteExported asks an app.
func remoteExported(ctx context.Context, client *remote.Client, within string) ([]template.Workflow, []template.Connection, error) {
	var workflows []template.Workflow
	var groups []string
	page := url.Values{"$top": {strconv.Itoa(largestPage)}}
	for v, err := range client.List(ctx, within+"/providers/Microsoft.Logic/workflows", page) {
		if err != nil {
			return nil, nil, err
		}
		p := v.Member("properties")
		w := template.Workflow{
			Name: v.Member("name").Str(), ResourceID: v.Member("id").Str(), Location: v.Member("location").Str(), State: p.Member("state").Str(), Kind: v.Member("kind").Str(),
			Tags: v.Member("tags"), Identity: v.Member("identity"), AccessControl: p.Member("accessControl"), Definition: p.Member("definition"), Parameters: p.Member("parameters"),
		}
		workflows = append(workflows, w)
		if parts := strings.Split(w.ResourceID, "/"); len(parts) > 5 {
			group := "/subscriptions/" + url.PathEscape(parts[2]) + "/resourceGroups/" + url.PathEscape(parts[4])
			if !slices.ContainsFunc(groups, func(g string) bool { return strings.EqualFold(g, group) }) {
				groups = append(groups, group)
			}
		}
	}
	var connections []template.Connection
	for _, group := range groups {
		for v, err := range client.List(ctx, group+"/providers/Microsoft.Web/connections", url.Values{"api-version": {"2016-06-01"}}) {
			if err != nil {
				return nil, nil, err
			}
			p := v.Member("properties")
			id := p.Member("api").Member("id").Str()
			connections = append(connections, template.Connection{
				Name: v.Member("name").Str(), ResourceID: v.Member("id").Str(), Location: v.Member("location").Str(), Properties: p,
				API: strings.ToLower(cmp.Or(p.Member("api").Member("name").Str(), id[strings.LastIndexByte(id, '/')+1:])),
			})
		}
	}
	return workflows, connections, nil
}

// named picks workflows by name; none means all. A template has one of each name.
func named(all []template.Workflow, names []string) ([]template.Workflow, error) {
	if len(all) == 0 {
		return nil, errors.New("there are no workflows")
	}
	var list []template.Workflow
	for _, w := range all {
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, w.Name) || strings.EqualFold(n, w.ResourceID) }) {
			list = append(list, w)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(list, func(w template.Workflow) bool {
			return strings.EqualFold(n, w.Name) || strings.EqualFold(n, w.ResourceID)
		}) {
			return nil, fmt.Errorf("there is no workflow %q", n)
		}
	}
	slices.SortFunc(list, func(x, y template.Workflow) int {
		return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
	})
	for i := 1; i < len(list); i++ {
		if strings.EqualFold(list[i-1].Name, list[i].Name) {
			return nil, fmt.Errorf("there are several workflows %q: name one by its resource id", list[i].Name)
		}
	}
	return list, nil
}

// writeWhole writes a file, or standard output. A file is there as a whole, or as it was.
func writeWhole(stdout io.Writer, path string, data []byte) error {
	if path == "" {
		_, err := stdout.Write(data)
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
