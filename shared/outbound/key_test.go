package outbound_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/value"
)

// tokens gives one token and remembers what for.
type tokens struct{ asked, forgotten []string }

func (t *tokens) Token(_ context.Context, identity, audience string) (string, error) {
	t.asked = append(t.asked, identity+"|"+audience)
	return "token-for-" + audience, nil
}

func (t *tokens) Forget(identity, audience string) {
	t.forgotten = append(t.forgotten, identity+"|"+audience)
}

const function = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app/functions/fn"

func TestFunctionKey(t *testing.T) {
	cloud := cloudtest.Start(t, "app.azurewebsites.net", "management.azure.com")
	var seen http.Header
	cloud.Handle("app.azurewebsites.net", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }))
	status, answer, asked := 200, "", 0
	var request string
	cloud.Handle("management.azure.com", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		request = r.Method + " " + r.URL.String() + " " + r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	const bearer = " Bearer token-for-https://management.azure.com/"
	for _, tt := range []struct {
		name, id     string
		noIdentity   bool
		status       int
		answer       string
		key, request string
		code         string
	}{
		{"of a function", function, false, 200, `{"default":"` + canary + `"}`, canary, "POST " + function + "/listKeys?api-version=2022-03-01" + bearer, ""},
		{"of an app", strings.TrimSuffix(function, "/functions/fn"), false, 200, `{"masterKey":"m","functionKeys":{"default":"` + canary + `"}}`, canary,
			"POST " + strings.TrimSuffix(function, "/functions/fn") + "/host/default/listKeys?api-version=2022-03-01" + bearer, ""},
		{"no right to read it", function, false, 403, `{}`, "", "POST " + function + "/listKeys?api-version=2022-03-01" + bearer, ""},
		{"no keys", function, false, 200, `{}`, "", "POST " + function + "/listKeys?api-version=2022-03-01" + bearer, ""},
		{"a key that is no header", function, false, 200, `{"default":"a\r\nb"}`, "", "POST " + function + "/listKeys?api-version=2022-03-01" + bearer, ""},
		{"no identity", function, true, 200, `{}`, "", "", ""},
		{"not now", function, false, 503, ``, "", "POST " + function + "/listKeys?api-version=2022-03-01" + bearer, "BadRequest"},
		{"something else's keys", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a", false, 200, `{}`, "", "", "InvalidRequest"},
		{"a way out", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/../../x", false, 200, `{}`, "", "", "InvalidRequest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen, request, asked, status, answer = nil, "", 0, tt.status, tt.answer
			live := &outbound.Credentials{}
			config := outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo(), Live: live, Identity: &tokens{}}
			if tt.noIdentity {
				config.Identity = nil
			}
			client := newClient(t, config)
			call := func() error {
				_, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "https://app.azurewebsites.net/api/fn", Authentication: outbound.FunctionKey(tt.id)})
				return err
			}
			err := call()
			if request != tt.request {
				t.Errorf("asked %q", request)
			}
			if tt.code != "" {
				if f := failureOf(t, err); f.Code != tt.code || f.Retryable != (tt.status == 503) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || seen.Get("x-functions-key") != tt.key || seen.Get("Authorization") != "" {
				t.Errorf("sent %v, %v", seen, err)
			}
			if err := call(); err != nil || asked > 1 {
				t.Errorf("asked %d times, %v", asked, err)
			}
			if tt.key != "" && strings.Contains(string(live.Replace([]byte("log "+tt.key))), tt.key) {
				t.Error("the key is not known to the log")
			}
		})
	}
}

func TestWithKey(t *testing.T) {
	cloud := cloudtest.Start(t, "demo.azure-api.net")
	var seen http.Header
	cloud.Handle("demo.azure-api.net", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }))
	live := &outbound.Credentials{}
	client := newClient(t, outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo(), Live: live})
	raw, err := outbound.ParseAuthentication(value.Object(
		value.Member{Key: "type", Value: value.String("Raw")}, value.Member{Key: "value", Value: value.String("Bearer abc")}))
	if err != nil {
		t.Fatal(err)
	}
	request := &outbound.Request{Method: "GET", URL: "https://demo.azure-api.net/", Authentication: outbound.WithKey("X-Key", value.String(canary), raw)}
	if text := fmt.Sprintf("%v %+v %#v", request, request, request.Authentication); strings.Contains(text, canary) {
		t.Errorf("printed: %s", text)
	}
	if _, err := client.Do(t.Context(), request); err != nil || seen.Get("X-Key") != canary || seen.Get("Authorization") != "Bearer abc" {
		t.Errorf("sent %v, %v", seen, err)
	}
	if strings.Contains(string(live.Replace([]byte(canary))), canary) {
		t.Error("the key is not known to the log")
	}
	for _, bad := range []value.Value{value.String(""), value.Null(), value.String("a\nb")} {
		_, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "https://demo.azure-api.net/", Authentication: outbound.WithKey("X-Key", bad, nil)})
		if f := failureOf(t, err); f.Code != "InvalidAuthentication" {
			t.Errorf("got %v", err)
		}
	}
}
