// Package access says who may call a workflow: it reads the accessControl of the
// resource once, into rules that are fast to ask (inbound-security §4, §5). What
// cannot be read lets nobody in.
package access

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Section is what a part of accessControl guards.
type Section uint8

// The sections.
const (
	Triggers   Section = iota // calls of request triggers
	Actions                   // calls that resume an action
	Contents                  // downloads of inputs and outputs of runs
	Management                // calls of the management API
	sections
)

var sectionNames = [sections]string{"triggers", "actions", "contents", "workflowManagement"}

// String returns the name of the section in accessControl.
func (s Section) String() string { return sectionNames[s] }

// Access is a compiled accessControl. A nil one restricts nothing.
type Access struct {
	// Policies are what a token may satisfy.
	Policies []Policy
	// SASDisabled: signed URLs do not open the triggers.
	SASDisabled bool
	ranges      [sections]*Ranges // nil: any address
}

// Restricts tells whether a section has rules for addresses.
func (a *Access) Restricts(s Section) bool { return a != nil && a.ranges[s] != nil }

// Allows tells whether an address may call. What restricts lets nobody in whose
// address is not known.
func (a *Access) Allows(s Section, caller netip.Addr) bool {
	return !a.Restricts(s) || a.ranges[s].Contain(caller)
}

// The codes of problems with accessControl; what the service answers is not known.
const (
	// Malformed: the service could not have read it.
	Malformed = "InvalidRequestContent"
	// Invalid: it can be read, and means nothing.
	Invalid = "InvalidWorkflowAccessControl"
)

// Compile reads accessControl, which stands at a path of its document, and reports
// all that is wrong with it. With problems that are no warnings it must not be
// saved. A name that is not known is one of these: a rule that is misspelt would
// protect nothing.
func Compile(control value.Value, at *value.Path) (*Access, []value.Problem) {
	if control.IsNull() {
		return nil, nil
	}
	c := &compiler{access: &Access{}}
	for s := range sections {
		section := c.object(control, at, s.String())
		if section.IsNull() {
			continue
		}
		c.section(s, section, at.Key(s.String()))
	}
	c.known(control, at, sectionNames[:]...)
	if control.Kind() != value.KindObject {
		c.fail(Malformed, at, "The access control configuration must be an object.")
		c.closeAll()
	}
	return c.access, c.problems
}

type compiler struct {
	access   *Access
	problems []value.Problem
}

func (c *compiler) fail(code string, at *value.Path, format string, args ...any) {
	c.problems = append(c.problems, value.Problem{Code: code, Path: at, Message: fmt.Sprintf(format, args...)})
}

func (c *compiler) warn(at *value.Path, format string, args ...any) {
	c.problems = append(c.problems, value.Problem{Code: Invalid, Path: at, Message: fmt.Sprintf(format, args...), Warning: true})
}

// closeAll lets nobody in.
func (c *compiler) closeAll() {
	c.access.SASDisabled = true
	for s := range sections {
		c.access.ranges[s] = &Ranges{}
	}
}

// object returns a member that is an object or not there.
func (c *compiler) object(v value.Value, at *value.Path, name string) value.Value {
	member := v.Member(name)
	if !member.IsNull() && member.Kind() != value.KindObject {
		c.fail(Malformed, at.Key(name), "The property '%s' of the access control configuration must be an object.", name)
		c.closeAll()
		return value.Value{}
	}
	return member
}

// known reports names that are not among those given.
func (c *compiler) known(v value.Value, at *value.Path, names ...string) {
next:
	for key := range v.Members {
		for _, name := range names {
			if strings.EqualFold(key, name) {
				continue next
			}
		}
		c.fail(Malformed, at.Key(key), "Could not find the member '%s' in the access control configuration. Known here: '%s'.", key, strings.Join(names, "', '"))
	}
}

const (
	ranges   = "allowedCallerIpAddresses"
	policies = "openAuthenticationPolicies"
	sas      = "sasAuthenticationPolicy"
)

func (c *compiler) section(s Section, section value.Value, at *value.Path) {
	names := []string{ranges, policies}
	if list := section.Member(ranges); !list.IsNull() {
		c.access.ranges[s] = c.ranges(list, at.Key(ranges))
	}
	held := c.object(section, at, policies)
	if s != Triggers {
		if held.Member("policies").Len() > 0 {
			c.warn(at.Key(policies), "Open authentication policies have an effect in 'triggers' only.")
		}
		c.known(section, at, names...)
		return
	}
	c.known(section, at, append(names, sas)...)
	c.policies(held, at.Key(policies))
	c.signatures(c.object(section, at, sas), at.Key(sas))
}

// signatures reads { "state": "Enabled" or "Disabled" }. Whatever else stands there
// counts as disabled.
func (c *compiler) signatures(policy value.Value, at *value.Path) {
	if policy.IsNull() {
		return
	}
	c.known(policy, at, "state")
	state := policy.Member("state")
	if state.IsNull() || strings.EqualFold(state.Str(), "Enabled") {
		return
	}
	c.access.SASDisabled = true
	if !strings.EqualFold(state.Str(), "Disabled") {
		c.fail(Invalid, at.Key("state"), "The state of the SAS authentication policy must be 'Enabled' or 'Disabled'.")
	}
}
