package expr

import "github.com/latchwork/latchwork/shared/value"

// NoScope knows nothing. Embedded, it leaves a Scope to say what it does know.
type NoScope struct{}

var _ Scope = NoScope{}

func nothing() (value.Value, bool) { return value.Value{}, false }

// What follows implements Scope.

func (NoScope) Parameter(string) (value.Value, bool)       { return nothing() }
func (NoScope) Variable(string) (value.Value, bool)        { return nothing() }
func (NoScope) AgentParameter(string) (value.Value, bool)  { return nothing() }
func (NoScope) Action(string) (value.Value, bool)          { return nothing() }
func (NoScope) Outputs(string, string) (value.Value, bool) { return nothing() }
func (NoScope) Trigger() (value.Value, bool)               { return nothing() }
func (NoScope) TriggerOutputs() (value.Value, bool)        { return nothing() }
func (NoScope) Item() (value.Value, bool)                  { return nothing() }
func (NoScope) LoopItem(string) (value.Value, bool)        { return nothing() }
func (NoScope) IterationIndex(string) (int64, bool)        { return 0, false }
func (NoScope) Result(string) (value.Value, bool)          { return nothing() }
func (NoScope) Workflow() (value.Value, bool)              { return nothing() }
func (NoScope) Self() (value.Value, bool)                  { return nothing() }
func (NoScope) CallbackURL() (value.Value, bool)           { return nothing() }
