# What seal-key.sh does, on Windows.
$ErrorActionPreference = 'Stop'
$vault = $env:AZURE_LATCHWORK_VAULT
$name = $env:AZURE_LATCHWORK_SEAL_KEY_SECRET
foreach ($try in 1..20) {
  $found = az keyvault secret list --vault-name $vault --query "[?name=='$name'] | length(@)" --output tsv 2>$null
  if ($LASTEXITCODE -eq 0) {
    if ($found -ne '0') { Write-Output "The vault $vault has the key to seal with."; exit 0 }
    $key = [Convert]::ToBase64String([Security.Cryptography.RandomNumberGenerator]::GetBytes(32))
    $file = New-TemporaryFile
    try {
      Set-Content -Path $file -Value $key -NoNewline
      az keyvault secret set --vault-name $vault --name $name --file $file --encoding utf-8 --output none 2>$null
    } finally { Remove-Item $file }
    if ($LASTEXITCODE -eq 0) { Write-Output "The vault $vault has a new key to seal with."; exit 0 }
  }
  Start-Sleep -Seconds 15
}
Write-Error "The vault $vault does not let you write secrets: you need the role Key Vault Secrets Officer on it."
exit 1
