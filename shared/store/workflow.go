package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// Workflow is a workflow resource in its current version.
type Workflow struct {
	ID         string // 32 hex digits; stands in callback URLs and never changes
	Name       string
	ResourceID string // /subscriptions/…/workflows/{name}
	Location   string
	Kind       string // Stateful, Stateless, or ""
	State      string // Enabled, Disabled, or Deleted until nothing of it is left
	Declared   string // the state that its file asked for last
	Version    string
	Created    time.Time
	Changed    time.Time

	Tags, Identity, AccessControl value.Value
	// Definition and Parameters belong to the version; WorkflowHeader leaves them
	// out.
	Definition, Parameters value.Value

	Keys Keys
	ETag string
}

// Keys sign the URLs of a workflow, 32 bytes each; they are sealed at rest.
type Keys struct{ Primary, Secondary, Contents []byte }

// The registry holds one row per workflow (W.), one per resource id that leads
// to it (N.), one per connection (C.), all in one partition.
const registry = "registry"

// SaveWorkflow writes a new version. Without an ETag the workflow must not exist
// yet (ErrConflict); with one it must not have changed. A save that fails leaves
// the current version as it was.
func (s *Store) SaveWorkflow(ctx context.Context, w *Workflow) error {
	var blobs []Blob
	version := s.row(versions(w.ID), w.Version, &blobs).
		time("Changed", w.Changed).value("Definition", w.Definition).value("Parameters", w.Parameters)
	header := s.workflowHeader(w, &blobs)
	if err := errors.Join(version.err, header.err); err != nil {
		return err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return err
	}
	if _, err := s.backend.Transact(ctx, versions(w.ID), []Op{{Kind: Insert, Key: w.Version, Properties: version.properties}}); err != nil {
		return fmt.Errorf("write workflow version: %w", err)
	}
	ops := []Op{{Kind: Replace, Key: "W." + w.ID, Properties: header.properties, ETag: w.ETag}}
	if w.ETag == "" {
		ops[0].Kind = Insert
		ops = append(ops, Op{Kind: Insert, Key: nameKey(w.ResourceID), Properties: Properties{"ID": w.ID}})
	}
	etags, err := s.backend.Transact(ctx, registry, ops)
	if err != nil {
		return fmt.Errorf("write workflow: %w", errors.Join(err, s.withdraw(ctx, w, err)))
	}
	w.ETag = etags[0]
	return nil
}

// withdraw removes a version that never was the current one: somebody else's was first.
func (s *Store) withdraw(ctx context.Context, w *Workflow, why error) error {
	if !errors.Is(why, ErrConflict) {
		return nil // nobody knows whether it is the current one
	}
	row, err := s.backend.Get(ctx, registry, "W."+w.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if current, _ := row.Properties["Version"].(string); current == w.Version {
		return nil // written by this very save, which then was repeated
	}
	written, err := s.backend.Get(ctx, versions(w.ID), w.Version)
	if err == nil {
		err = s.deleteRows(ctx, versions(w.ID), []Row{written})
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) workflowHeader(w *Workflow, blobs *[]Blob) *row {
	header := s.row(registry, "W."+w.ID, blobs).
		text("Name", w.Name).text("ResourceID", w.ResourceID).text("Location", w.Location).text("Kind", w.Kind).
		text("State", w.State).text("Declared", w.Declared).text("Version", w.Version).time("Created", w.Created).time("Changed", w.Changed).
		value("Tags", w.Tags).value("Identity", w.Identity).value("AccessControl", w.AccessControl)
	return header.bytes("Keys", s.codec.Sealer.Seal(w.Keys.join(), header.place))
}

// SaveWorkflowHeader writes a workflow without a new version, if it has not changed
// since it was read. One that is Deleted loses its name to whoever is next.
func (s *Store) SaveWorkflowHeader(ctx context.Context, w *Workflow) error {
	var blobs []Blob
	header := s.workflowHeader(w, &blobs)
	if header.err != nil {
		return header.err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return err
	}
	ops := []Op{{Kind: Replace, Key: "W." + w.ID, Properties: header.properties, ETag: w.ETag}}
	if w.State == Deleted {
		ops = append(ops, Op{Kind: Delete, Key: nameKey(w.ResourceID)})
	}
	etags, err := s.backend.Transact(ctx, registry, ops)
	if err != nil {
		return fmt.Errorf("write workflow: %w", err)
	}
	w.ETag = etags[0]
	return nil
}

// Deleted is the state of a workflow that is gone, while something of it is left.
const Deleted = "Deleted"

func versions(id string) string { return "versions:" + id }

func nameKey(resourceID string) string { return "N." + escape(strings.ToLower(resourceID)) }

const keyLength = 32

func (k Keys) join() []byte {
	return append(append(append(make([]byte, 0, 3*keyLength), k.Primary...), k.Secondary...), k.Contents...)
}

func splitKeys(b []byte) (Keys, error) {
	if len(b) != 3*keyLength {
		return Keys{}, errors.New("the signing keys have an unexpected length")
	}
	return Keys{b[:keyLength], b[keyLength : 2*keyLength], b[2*keyLength:]}, nil
}

// WorkflowHeader reads a workflow without definition and parameters: one read.
func (s *Store) WorkflowHeader(ctx context.Context, id string) (*Workflow, error) {
	row, err := s.backend.Get(ctx, registry, "W."+escape(id))
	if err != nil {
		return nil, fmt.Errorf("read workflow: %w", err)
	}
	return s.workflow(ctx, row)
}

// WorkflowVersion adds definition and parameters of a version to a header.
func (s *Store) WorkflowVersion(ctx context.Context, w *Workflow, version string) error {
	row, err := s.backend.Get(ctx, versions(w.ID), escape(version))
	if err != nil {
		return fmt.Errorf("read workflow version: %w", err)
	}
	r := s.reader(ctx, row)
	w.Version, w.Definition, w.Parameters = version, r.value("Definition"), r.value("Parameters")
	return r.err
}

// WorkflowNamed returns the id of the workflow with this resource id.
func (s *Store) WorkflowNamed(ctx context.Context, resourceID string) (string, error) {
	row, err := s.backend.Get(ctx, registry, nameKey(resourceID))
	if err != nil {
		return "", fmt.Errorf("find workflow: %w", err)
	}
	id, _ := row.Properties["ID"].(string)
	return id, nil
}

// Workflows lists the headers of all workflows that are not deleted.
func (s *Store) Workflows(ctx context.Context) ([]*Workflow, error) {
	all, err := s.AllWorkflows(ctx)
	return slices.DeleteFunc(all, func(w *Workflow) bool { return w.State == Deleted }), err
}

// AllWorkflows lists the headers of all workflows, also of those that are deleted and
// of which something is left.
func (s *Store) AllWorkflows(ctx context.Context) ([]*Workflow, error) {
	rows, err := s.rangeAll(ctx, registry, "W.", after("W."))
	if err != nil {
		return nil, fmt.Errorf("list workflows: %w", err)
	}
	list := make([]*Workflow, 0, len(rows))
	for _, row := range rows {
		w, err := s.workflow(ctx, row)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func (s *Store) workflow(ctx context.Context, row Row) (*Workflow, error) {
	r := s.reader(ctx, row)
	w := &Workflow{
		ID: strings.TrimPrefix(row.Key, "W."), Name: r.text("Name"), ResourceID: r.text("ResourceID"),
		Location: r.text("Location"), Kind: r.text("Kind"), State: r.text("State"), Declared: r.text("Declared"), Version: r.text("Version"),
		Created: r.time("Created"), Changed: r.time("Changed"),
		Tags: r.value("Tags"), Identity: r.value("Identity"), AccessControl: r.value("AccessControl"), ETag: row.ETag,
	}
	if r.err != nil {
		return nil, fmt.Errorf("read workflow: %w", r.err)
	}
	plain, err := s.codec.Sealer.Open(r.bytes("Keys"), r.place)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	w.Keys, err = splitKeys(plain)
	return w, err
}

// Connection is a Microsoft.Web/connections resource.
type Connection struct {
	ResourceID string
	Name       string
	API        string // lower case name of the managed API
	Location   string
	Properties value.Value
}

// SaveConnection writes a connection, replacing what was there.
func (s *Store) SaveConnection(ctx context.Context, c Connection) error {
	var blobs []Blob
	key := connectionKey(c.ResourceID)
	row := s.row(registry, key, &blobs).text("ResourceID", c.ResourceID).text("Name", c.Name).
		text("API", c.API).text("Location", c.Location).value("Properties", c.Properties)
	if row.err != nil {
		return row.err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return err
	}
	if _, err := s.backend.Transact(ctx, registry, []Op{{Kind: Replace, Key: key, Properties: row.properties}}); err != nil {
		return fmt.Errorf("write connection: %w", err)
	}
	return nil
}

func connectionKey(resourceID string) string { return "C." + escape(strings.ToLower(resourceID)) }

// Connections lists all connections.
func (s *Store) Connections(ctx context.Context) ([]Connection, error) {
	rows, err := s.rangeAll(ctx, registry, "C.", after("C."))
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	list := make([]Connection, 0, len(rows))
	for _, row := range rows {
		r := s.reader(ctx, row)
		list = append(list, Connection{
			ResourceID: r.text("ResourceID"), Name: r.text("Name"), API: r.text("API"),
			Location: r.text("Location"), Properties: r.value("Properties"),
		})
		if r.err != nil {
			return nil, fmt.Errorf("read connection: %w", r.err)
		}
	}
	return list, nil
}
