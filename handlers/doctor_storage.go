package handlers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
)

// storageRole is the role that a service of the storage account wants
// (functions-host §12.4).
var storageRole = map[string]string{
	azure.TableService: "Storage Table Data Contributor (0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3)",
	azure.BlobService:  "Storage Blob Data Owner (b7e6dc6d-f1e8-4753-8033-0f276bb0955b)",
	azure.QueueService: "Storage Queue Data Contributor (974c5e8b-45b9-4653-ba55-5f855dd0fb88)",
}

// checkStorage tries each thing that the store uses.
func (x *examination) checkStorage(ctx context.Context) bool {
	if x.storeFile != "" {
		x.ok("storage", "the embedded store, %s", x.storeFile)
		return fileExists(x.storeFile) || x.opened != nil
	}
	a := &app{settings: x.settings, outbound: x.outbound, identity: x.identity}
	config, err := a.storageConfig(x.getenv)
	if err != nil {
		x.fault("storage", err.Error(), "Set AzureWebJobsStorage__accountName to the name of the storage account, and give the identity its roles; or AzureWebJobsStorage to a connection string.")
		return false
	}
	if config.ConnectionString == "" {
		if _, err := x.identity.Token(ctx, "", storageAudience); err != nil {
			x.fault("identity", "the identity gets no token for storage: "+err.Error(), identityFix)
			return false
		}
	}
	list, err := azure.Inspect(ctx, config, store.DoorbellQueue, store.PoisonQueue)
	if err != nil {
		x.fault("storage", err.Error(), "Copy the connection string in AzureWebJobsStorage anew from the storage account.")
		return false
	}
	good := true
	for _, f := range list {
		good = x.checkService(f, config.ConnectionString == "") && good
	}
	for _, f := range list {
		if !f.Clock.IsZero() {
			x.checkClock("the storage account", f.Clock, f.Asked)
			break
		}
	}
	return good
}

func (x *examination) checkService(f azure.Finding, byIdentity bool) bool {
	check := fmt.Sprintf("storage %s", f.Service)
	switch {
	case f.Err == nil:
		x.ok(check, "%s can be read and written", f.Name)
	case f.Status == http.StatusNotFound:
		x.fault(check, fmt.Sprintf("the %s %s is missing", f.Service, f.Name), missing(f))
	case (f.Status == http.StatusForbidden || f.Status == http.StatusUnauthorized) && byIdentity:
		x.fault(check, fmt.Sprintf("the identity may not use the %s %s: %v", f.Service, f.Name, f.Err),
			"Give the identity the role "+storageRole[f.Service]+" on the storage account, and let it through the account's firewall. A new role may take ten minutes.")
	case f.Status == http.StatusForbidden || f.Status == http.StatusUnauthorized:
		x.fault(check, fmt.Sprintf("the key in AzureWebJobsStorage is refused: %v", f.Err),
			"Copy the connection string anew; where shared keys are off, remove it and set AzureWebJobsStorage__accountName.")
	case f.Status == 0:
		x.fault(check, f.Err.Error(), "Check the name of the account and the network; for the emulator: make azurite.")
	default:
		x.fault(check, f.Err.Error(), "Ask again; if it stays, look at the state of the storage account.")
	}
	return f.Err == nil
}

func missing(f azure.Finding) string {
	kind := map[string]string{azure.TableService: "table", azure.BlobService: "container", azure.QueueService: "queue"}[f.Service]
	return fmt.Sprintf("Make the %s: az storage %s create --auth-mode login --account-name ACCOUNT --name %s (infra/ does); 'latchwork serve' and an app with the right to do so make it by themselves.", kind, kind, f.Name)
}
