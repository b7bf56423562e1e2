#!/bin/sh
# Lays out dist/ with the workflows to deploy.
set -eu
# Paths may stand in DEPLOY_WORKFLOWS separated by spaces.
# shellcheck disable=SC2086
go run . package --out dist ${DEPLOY_WORKFLOWS:-samples}
rm -f dist/local.settings.json
