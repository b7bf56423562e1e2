# What package.sh does, on Windows.
$ErrorActionPreference = 'Stop'
$workflows = if ($env:LATCHWORK_WORKFLOWS_TO_DEPLOY) { $env:LATCHWORK_WORKFLOWS_TO_DEPLOY -split ' ' } else { @('samples') }
go run . package --out dist @workflows
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Remove-Item -Force -ErrorAction SilentlyContinue dist/local.settings.json
