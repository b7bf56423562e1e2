#!/bin/sh
# Makes the key that seals what lies in the store, once: a vault that has it keeps
# it, because without it nothing that was sealed can be read. The right to write it
# may take minutes to hold, so this tries again for a while. The key goes through a
# pipe: it is in no argument and no file.
set -eu
vault=$AZURE_LATCHWORK_VAULT name=$AZURE_LATCHWORK_SEAL_KEY_SECRET
tries=20
while :; do
  if found=$(az keyvault secret list --vault-name "$vault" --query "[?name=='$name'] | length(@)" --output tsv 2>/dev/null); then
    [ "$found" = 0 ] || { echo "The vault $vault has the key to seal with."; exit 0; }
    if openssl rand -base64 32 | tr -d '\n' | az keyvault secret set --vault-name "$vault" --name "$name" --file /dev/stdin --encoding utf-8 --output none 2>/dev/null; then
      echo "The vault $vault has a new key to seal with."
      exit 0
    fi
  fi
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo "The vault $vault does not let you write secrets: you need the role Key Vault Secrets Officer on it." >&2; exit 1; }
  sleep "${HOOK_PAUSE:-15}"
done
