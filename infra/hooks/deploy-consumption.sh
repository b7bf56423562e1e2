#!/bin/sh
# Deploys dist/ to the Consumption plan. `azd deploy` and `func publish` cannot: they
# want a storage account with a key, and here there is none. The package goes into
# the container that WEBSITE_RUN_FROM_PACKAGE points to, and the host learns of it.
#
#   deploy-consumption.sh RESOURCE-GROUP APP STORAGE-ACCOUNT [PACKAGE-FOLDER]
set -eu
[ $# -ge 3 ] || { echo "usage: $0 RESOURCE-GROUP APP STORAGE-ACCOUNT [PACKAGE-FOLDER]" >&2; exit 2; }
group=$1 app=$2 account=$3 folder=${4:-dist}
[ -x "$folder/latchwork" ] || { echo "$folder is no package: run 'make package' first" >&2; exit 1; }
zip=$(mktemp -d)/latchwork.zip
(cd "$folder" && zip -q -r -X "$zip" . -x local.settings.json -x .funcignore)
az storage blob upload --auth-mode login --account-name "$account" --container-name app-package --name latchwork.zip --file "$zip" --overwrite --output none
rm -r "$(dirname "$zip")"
az functionapp restart --resource-group "$group" --name "$app"
site=$(az functionapp show --resource-group "$group" --name "$app" --query id --output tsv)
az rest --method post --url "https://management.azure.com$site/syncfunctiontriggers?api-version=2024-04-01" --output none
echo "$app runs $folder."
