package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/engine"
)

// loadBalancerTime is how long Azure's front end waits for the first byte
// (functions-host §5.5), consumptionTime what a call may take at most on the
// Consumption plan.
const (
	loadBalancerTime = 230 * time.Second
	consumptionTime  = 10 * time.Minute
)

// checkPackage looks at the folder that the Functions host reads.
func (x *examination) checkPackage() {
	const check = "package"
	data, err := os.ReadFile(filepath.Join(x.root, "host.json"))
	if errors.Is(err, os.ErrNotExist) && !x.hosted {
		return // standalone: nobody reads it
	}
	if err != nil {
		x.fault(check, "host.json cannot be read", "Deploy the folder that 'latchwork package' lays out, with host.json at its root.")
		return
	}
	var h struct {
		Extensions struct {
			Queues struct{ MessageEncoding string }
		}
		ExtensionBundle struct{ ID string }
		CustomHandler   struct {
			Description struct{ DefaultExecutablePath string }
		}
	}
	settings, err := host.ReadSettings(data)
	if err = errors.Join(err, json.Unmarshal(data, &h)); err != nil {
		x.fault(check, err.Error(), "Take host.json from the folder that 'latchwork package' lays out.")
		return
	}
	before := len(x.findings)
	if settings.RoutePrefix != "" {
		x.fault(check, fmt.Sprintf("host.json puts %q before every route, and callback URLs have nothing there", settings.RoutePrefix), `Set extensions.http.routePrefix to "" in host.json.`)
	}
	if e := h.Extensions.Queues.MessageEncoding; e != "" && e != "base64" {
		x.fault(check, "host.json expects messages that are not in base64, as doorbells are", `Set extensions.queues.messageEncoding to "base64" in host.json.`)
	}
	if h.ExtensionBundle.ID == "" {
		x.fault(check, "host.json names no extension bundle: queues are not read, and runs stop at their first wait", `Add "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"} to host.json.`)
	}
	if path := h.CustomHandler.Description.DefaultExecutablePath; path != executable {
		x.fault(check, fmt.Sprintf("host.json starts %q", path), `Set customHandler.description.defaultExecutablePath to "`+executable+`" in host.json, without ./ before it.`)
	}
	if !x.hosted { // the folder is to be deployed, or this is the source
		if !fileExists(filepath.Join(x.root, executable)) {
			return
		}
	}
	if err := host.CheckFunctions(x.root, functions(&app{})); err != nil {
		x.fault(check, "the functions beside host.json are not those of this binary", "Lay the package out again with this binary's source: latchwork package.")
	}
	if len(x.findings) == before {
		x.ok(check, "host.json and functions fit this binary")
	}
}

// checkPlan holds the times in settings and host.json against the plan.
func (x *examination) checkPlan() {
	const check = "plan"
	before := len(x.findings)
	sku := x.getenv("WEBSITE_SKU")
	settings, err := readHostSettings(x.root)
	if err != nil {
		return // said before
	}
	slice, response := x.settings.slice, x.settings.response
	if slice == 0 {
		slice = engine.DefaultSlice
	}
	if response == 0 {
		response = engine.DefaultResponseTimeout
	}
	limit := settings.FunctionTimeout // 0: none
	if limit > 0 && slice > limit*9/10 {
		x.fault(check, fmt.Sprintf("a run may be driven for %s, and the host kills the whole process when a call takes longer than %s", slice, limit), fmt.Sprintf("Set LATCHWORK_SLICE to at most %s, or raise functionTimeout in host.json.", limit*8/10))
	}
	if sku == "Dynamic" && (limit == 0 || limit > consumptionTime) {
		x.fault(check, "functionTimeout in host.json is longer than the Consumption plan allows; the host does not start", "Set functionTimeout to at most 00:10:00, or deploy to Flex Consumption.")
	}
	if sku != "" && response > loadBalancerTime {
		x.warn(check, fmt.Sprintf("callers are to wait for %s, and Azure's front end gives up after %s", response, loadBalancerTime), "Set LATCHWORK_RESPONSE_TIMEOUT to at most 230s, or answer 202 and let callers ask.")
	}
	if sku == "Dynamic" && x.getenv("WEBSITE_INSTANCE_ID") == "" {
		x.warn(check, "the Consumption plan on Linux retires on 30 September 2028", "Deploy to Flex Consumption: azd env set DEPLOY_PLAN FlexConsumption.")
	}
	runtime := x.getenv("FUNCTIONS_WORKER_RUNTIME")
	if x.hosted && sku != "FlexConsumption" && runtime != "" && runtime != "custom" {
		x.fault(check, "FUNCTIONS_WORKER_RUNTIME is "+runtime, "Set FUNCTIONS_WORKER_RUNTIME to custom.")
	}
	if sku == "FlexConsumption" && x.getenv("WEBSITE_RUN_FROM_PACKAGE") != "" {
		x.fault(check, "WEBSITE_RUN_FROM_PACKAGE is set, which Flex Consumption refuses to be deployed with", "Remove the setting WEBSITE_RUN_FROM_PACKAGE.")
	}
	if len(x.findings) == before {
		x.ok(check, "%s, calls of up to %s", map[string]string{"Dynamic": "Consumption", "FlexConsumption": "Flex Consumption", "": "no plan of Azure"}[sku], limit)
	}
}
