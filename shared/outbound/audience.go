package outbound

import (
	"net/url"
	"strings"
)

// audienceAdvice says what is probably wrong with an audience for which there is no
// token. The usual mistakes are few, and a token of the wrong audience is refused by the
// service without a word about why.
func audienceAdvice(audience string) string {
	u, err := url.Parse(audience)
	host := ""
	if err == nil {
		host = strings.ToLower(u.Hostname())
	}
	switch {
	case strings.HasSuffix(audience, "/.default"):
		return "It is a scope of the newer token endpoint; an audience has no '/.default' at its end."
	case host == "vault.azure.net" && audience != "https://vault.azure.net", strings.HasSuffix(host, ".vault.azure.net"):
		return "That of Key Vault is exactly 'https://vault.azure.net': not the address of one vault, and without a slash at its end."
	case host == "storage.azure.com" && audience != "https://storage.azure.com/":
		return "That of storage is exactly 'https://storage.azure.com/', with the slash at its end."
	case (host == "management.azure.com" || host == "management.core.windows.net") && !strings.HasSuffix(audience, "/"):
		return "That of Resource Manager has a slash at its end: 'https://management.azure.com/'."
	case strings.HasSuffix(host, ".blob.core.windows.net"), strings.HasSuffix(host, ".queue.core.windows.net"), strings.HasSuffix(host, ".table.core.windows.net"):
		return "It is known if it is the address of an account without a path and without a slash at its end; 'https://storage.azure.com/' serves all accounts."
	case host == "graph.microsoft.com" && u.Path != "" && u.Path != "/":
		return "That of Microsoft Graph is 'https://graph.microsoft.com', without a path."
	}
	return "It must be right to the slash: 'https://vault.azure.net' has none at its end, 'https://storage.azure.com/' has one. An identity that is named must be assigned to this app, and the service must know it."
}
