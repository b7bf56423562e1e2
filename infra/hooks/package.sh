#!/bin/sh
# Lays out dist/ with the workflows to deploy.
set -eu
# Paths may stand in LATCHWORK_WORKFLOWS_TO_DEPLOY separated by spaces.
# shellcheck disable=SC2086
go run . package --out dist ${LATCHWORK_WORKFLOWS_TO_DEPLOY:-samples}
rm -f dist/local.settings.json
