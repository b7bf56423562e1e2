package handlers

import (
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
)

// functions is the one table of Azure functions. `go generate ./handlers` writes
// functions/<Name>/function.json from it.
func functions(a *app) host.App {
	table := []host.Function{
		{Name: "Invoke", HTTP: &host.HTTP{
			Route: "workflows/{*path}", AuthLevel: host.Anonymous, // the gate authorises
			Methods: []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut},
			Handler: a.lazily(func() http.Handler { return a.invoke() }),
		}},
		{Name: "Management", HTTP: a.managed("subscriptions/{*path}")},
		{Name: "Providers", HTTP: a.managed("providers/{*path}")},
		{Name: "Doctor", HTTP: &host.HTTP{Route: doctorPath[1:], AuthLevel: host.KeyNeeded, Methods: []string{http.MethodGet}, Handler: http.HandlerFunc(a.doctor)}},
		{Name: "Dispatch", Queue: &host.Queue{Name: store.DoorbellQueue, Connection: settingStorage, Handle: a.dispatch}},
		{Name: "Poison", Queue: &host.Queue{Name: store.PoisonQueue, Connection: settingStorage, Handle: a.poison}},
		{Name: "Sweep", Timer: &host.Timer{Schedule: "0 * * * * *", Handle: a.sweep}},
	}
	for _, typ := range (operation.Catalog{}).ActionTypes() {
		if operation.Find(typ).Unavailable == "" {
			table = append(table, a.actionFunction("Action"+typ, typ, ""))
		}
	}
	for _, api := range (operation.Catalog{}).Connectors() {
		table = append(table, a.actionFunction("Action"+strings.ToUpper(api[:1])+api[1:], "ApiConnection", api))
	}
	for _, typ := range (operation.Catalog{}).TriggerTypes() {
		table = append(table, a.triggerFunction(typ))
	}
	return host.App{Functions: a.measured(table)}
}

// managed is a route of the management API, which asks for a token itself.
func (a *app) managed(route string) *host.HTTP {
	return &host.HTTP{
		Route: route, AuthLevel: host.Anonymous,
		Methods: []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut},
		Handler: a.lazily(a.managementAPI),
	}
}
