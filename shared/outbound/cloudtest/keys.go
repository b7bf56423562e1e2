package cloudtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// SetKey makes a new version of an RSA key in the vault.
func (c *Cloud) SetKey(t testing.TB, name string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[name] = append(c.keys[name], key)
}

// useKey answers wrapkey and unwrapkey of keys/{name}/{version}; without a version the
// newest one is used, which only wrapping may do.
func (c *Cloud) useKey(w http.ResponseWriter, r *http.Request, path []string) {
	var in struct{ Alg, Value string }
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&in) != nil || in.Alg != "RSA-OAEP-256" {
		azureError(w, http.StatusBadRequest, "BadParameter", "Method, body or algorithm is not supported.", "")
		return
	}
	name, operation := path[0], path[len(path)-1]
	c.mu.Lock()
	keys := c.keys[name]
	c.mu.Unlock()
	number := len(keys)
	if len(path) == 3 {
		_, _ = fmt.Sscanf(path[1], "%x", &number)
	}
	if number < 1 || number > len(keys) {
		azureError(w, http.StatusNotFound, "KeyNotFound", "A key with (name/id) "+name+" was not found in this key vault.", "")
		return
	}
	key := keys[number-1]
	value, err := base64.RawURLEncoding.DecodeString(in.Value)
	if err == nil && operation == "wrapkey" {
		value, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, value, nil)
	} else if err == nil {
		value, err = rsa.DecryptOAEP(sha256.New(), nil, key, value, nil)
	}
	if err != nil {
		azureError(w, http.StatusBadRequest, "BadParameter", "The parameter is incorrect.", "")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"kid": fmt.Sprintf("https://%s/keys/%s/%032x", r.Host, name, number), "value": base64.RawURLEncoding.EncodeToString(value)})
}
