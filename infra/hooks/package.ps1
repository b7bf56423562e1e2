# What package.sh does, on Windows.
$ErrorActionPreference = 'Stop'
$workflows = if ($env:DEPLOY_WORKFLOWS) { $env:DEPLOY_WORKFLOWS -split ' ' } else { @('samples') }
go run . package --out dist @workflows
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Remove-Item -Force -ErrorAction SilentlyContinue dist/local.settings.json
