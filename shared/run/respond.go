package run

import (
	"github.com/latchwork/latchwork/shared/definition"
)

// refuseResponse decides, before a Response action does its work, whether
// anybody is there to be answered (triggers §11.4).
func (m *machine) refuseResponse(a *definition.Action) (Outcome, bool) {
	const skipped, timedOut, twice = "ActionResponseSkipped", "ActionResponseTimedOut", "ActionResponseAlreadyDefined"
	switch s := m.s; {
	case s.Responded != "":
		return Fail("Conflict", twice, "The execution of template action '"+a.Name+"' failed: the action '"+s.Responded+"' has already answered the caller."), true
	case s.Parent.Run != "" || s.Polled: // somebody waits, for as long as it takes
	case s.ResponseDue.IsZero():
		return Outcome{Status: definition.Skipped, Code: skipped, Error: &Error{skipped,
			"The execution of template action '" + a.Name + "' is skipped: the client application is not waiting for a response from service."}}, true
	case !m.now.Before(s.ResponseDue):
		return Fail(timedOut, timedOut, "The execution of template action '"+a.Name+"' failed: the client application timed out waiting for a response from service."), true
	}
	return Outcome{}, false
}
