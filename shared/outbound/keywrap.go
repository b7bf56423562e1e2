package outbound

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// KeyWrap encrypts keys with a key that never leaves the Key Vault.
type KeyWrap struct {
	client *azkeys.Client
	name   string
}

// wrapAlgorithm: every RSA key of a vault can do it.
const wrapAlgorithm = azkeys.EncryptionAlgorithmRSAOAEP256

// NewKeyWrap wraps with the key of a name in the vault at an address.
func NewKeyWrap(address, name string, credential azcore.TokenCredential, transport policy.Transporter, options ...VaultOption) (*KeyWrap, error) {
	if !vaultAddress(address) {
		return nil, errors.New("the address of the vault: want https://{name}.vault.azure.net")
	}
	if !validName(name) {
		return nil, errors.New("a key has a name of 1 to 127 letters, digits and hyphens")
	}
	o := &azkeys.ClientOptions{}
	o.Transport = bound(transport)
	o.DisableChallengeResourceVerification = trustsChallenge(address, options)
	client, err := azkeys.NewClient(address, credential, o)
	if err != nil {
		return nil, fmt.Errorf("key vault client: %w", err)
	}
	return &KeyWrap{client, name}, nil
}

// Wrap encrypts a key with the current version of the vault's key, and says which that is.
func (w *KeyWrap) Wrap(ctx context.Context, plain []byte) (wrapped []byte, version string, err error) {
	limited, cancel := withTimeout(ctx)
	defer cancel()
	algorithm := wrapAlgorithm
	answer, err := w.client.WrapKey(limited, w.name, "", azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: plain}, nil)
	if err != nil {
		return nil, "", w.failure(limited, err)
	}
	if answer.KID == nil || len(answer.Result) == 0 {
		return nil, "", w.failure(limited, errors.New("the vault gave no key"))
	}
	return answer.Result, answer.KID.Version(), nil
}

// Unwrap decrypts what a version of the vault's key has wrapped.
func (w *KeyWrap) Unwrap(ctx context.Context, wrapped []byte, version string) ([]byte, error) {
	if !validVersion(version) {
		return nil, errors.New("the version of the wrapping key is not valid")
	}
	limited, cancel := withTimeout(ctx)
	defer cancel()
	algorithm := wrapAlgorithm
	answer, err := w.client.UnwrapKey(limited, w.name, version, azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: wrapped}, nil)
	if err != nil {
		return nil, w.failure(limited, err)
	}
	return answer.Result, nil
}

// failure words what went wrong: texts of the vault quote who asked.
func (w *KeyWrap) failure(ctx context.Context, err error) error {
	f := vaultFailure(ctx, w.name, err)
	if f.StatusCode == 403 {
		f.Message = "The identity is not allowed to use the key '" + w.name + "'. It needs the permissions Wrap Key and Unwrap Key, such as by the role Key Vault Crypto Service Encryption User."
	}
	return f
}
