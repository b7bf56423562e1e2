package handlers

import (
	"cmp"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/remote"
)

// remoteOptions are the flags of commands that can act on a running app.
type remoteOptions struct {
	endpoint, subscription, group, audience, tokenFile, caFile string
}

// flags adds them to a command and to those below it.
func (o *remoteOptions) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&o.endpoint, "endpoint", "", "`ADDRESS` of a running app, whose management API is asked")
	f.StringVar(&o.subscription, "subscription", "", "`ID` of the subscription that its workflows are in (default: "+remote.DefaultSubscription+")")
	f.StringVar(&o.group, "resource-group", "", "`NAME` of the resource group that its workflows are in (default: "+remote.DefaultGroup+")")
	f.StringVar(&o.audience, "audience", "", "`AUDIENCE` of the token that signing in gives (default: that of "+settingAudience+", else "+remote.DefaultAudience+")")
	f.StringVar(&o.tokenFile, "token-file", "", "`FILE` with a bearer token, or - for standard input (default: "+settingToken+" for an app on this machine, else whoever is signed in)")
	f.StringVar(&o.caFile, "ca-cert", "", "PEM `FILE` of certificate authorities that are trusted besides the system's")
}

// client of the app that the flags name.
func (o *remoteOptions) client(stdin io.Reader) (*remote.Client, error) {
	token, err := o.token(stdin)
	if err != nil {
		return nil, err
	}
	return remote.New(remote.Options{
		Endpoint: o.endpoint, Subscription: o.subscription, ResourceGroup: o.group, Audience: cmp.Or(o.audience, os.Getenv(settingAudience)),
		Token: token, CAFile: o.caFile, Getenv: os.Getenv,
	})
}

// within is the path of what is looked at: a resource group if one is named, else the
// subscription.
func (o *remoteOptions) within(c *remote.Client) string {
	if o.group != "" {
		return c.Group()
	}
	return c.Subscription()
}

// token never stands on the command line, where others see it. That of a local server
// opens nothing elsewhere, and is not sent there.
func (o *remoteOptions) token(stdin io.Reader) (string, error) {
	var data []byte
	var err error
	switch o.tokenFile {
	case "":
		u, err := remote.ParseEndpoint(o.endpoint)
		if err != nil || !remote.Loopback(u.Hostname()) {
			return "", err
		}
		return os.Getenv(settingToken), nil
	case "-":
		data, err = io.ReadAll(io.LimitReader(stdin, 64<<10))
	default:
		data, err = os.ReadFile(o.tokenFile)
	}
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("--token-file: want a token, and nothing else")
	}
	return token, nil
}
