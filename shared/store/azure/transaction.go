package azure

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/latchwork/latchwork/shared/store"
)

// commitColumn holds the random id of the transaction that wrote a row. The
// client sends again by itself when an answer gets lost; the second try then
// finds its own work and takes it for somebody else's. The id tells.
const commitColumn = "CommitID"

// Transact implements store.Backend: one entity group transaction.
func (s *Store) Transact(ctx context.Context, partition string, ops []store.Op) ([]string, error) {
	if err := store.CheckTransaction(partition, ops); err != nil {
		return nil, err
	}
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	commit := hex.EncodeToString(id[:])
	actions := make([]aztables.TransactionAction, len(ops))
	for i, op := range ops {
		action, err := encodeOp(partition, op, commit)
		if err != nil {
			return nil, err
		}
		actions[i] = action
	}
	var raw *http.Response
	_, err := s.rows.SubmitTransaction(policy.WithCaptureResponse(ctx, &raw), actions, nil)
	if err != nil {
		err = transactionError(err)
		if etags, ours := s.alreadyDone(ctx, partition, ops, commit, err); ours {
			return etags, nil
		}
		return nil, fmt.Errorf("transaction: %w", err)
	}
	return readETags(raw, ops)
}

func encodeOp(partition string, op store.Op, commit string) (aztables.TransactionAction, error) {
	p := op.Properties
	if op.Kind != store.Delete {
		p = make(store.Properties, len(op.Properties)+1)
		for k, v := range op.Properties {
			p[k] = v
		}
		p[commitColumn] = commit
	}
	entity, err := encodeEntity(partition, op.Key, p)
	if err != nil {
		return aztables.TransactionAction{}, err
	}
	action := aztables.TransactionAction{Entity: entity}
	if op.ETag != "" {
		etag := azcore.ETag(op.ETag)
		action.IfMatch = &etag
	} else if op.Kind == store.Merge {
		action.IfMatch = to.Ptr(azcore.ETagAny) // without it the row would be inserted
	}
	switch {
	case op.Kind == store.Insert:
		action.ActionType = aztables.TransactionTypeAdd
	case op.Kind == store.Delete:
		action.ActionType = aztables.TransactionTypeDelete
	case op.Kind == store.Merge:
		action.ActionType = aztables.TransactionTypeUpdateMerge
	case op.ETag != "":
		action.ActionType = aztables.TransactionTypeUpdateReplace
	default:
		action.ActionType = aztables.TransactionTypeInsertReplace
	}
	return action, nil
}

// transactionError finds the true status of a failed transaction: the error says
// 202, and the answer of the operation that failed is two multipart levels deep.
func transactionError(err error) error {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) || answer.RawResponse == nil || answer.StatusCode != http.StatusAccepted {
		return classify(err)
	}
	parts, parseErr := innerAnswers(answer.RawResponse)
	if parseErr != nil {
		return fmt.Errorf("the storage service gave an answer that cannot be read: %w", parseErr)
	}
	for _, part := range parts {
		if part.status >= http.StatusBadRequest {
			return classifyStatus(part.status, part.code)
		}
	}
	return errors.New("the storage service refused a transaction without saying why")
}

type innerAnswer struct {
	status     int
	etag, code string
}

func innerAnswers(response *http.Response) ([]innerAnswer, error) {
	body, err := runtime.Payload(response)
	if err != nil {
		return nil, err
	}
	outer, err := firstPart(response.Header.Get("Content-Type"), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	_, params, err := mime.ParseMediaType(outer.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	var answers []innerAnswer
	for reader := multipart.NewReader(outer, params["boundary"]); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		inner, err := http.ReadResponse(bufio.NewReader(part), nil)
		if err != nil {
			return nil, err
		}
		answers = append(answers, innerAnswer{inner.StatusCode, inner.Header.Get("ETag"), errorCode(inner)})
		_ = inner.Body.Close()
	}
}

func firstPart(contentType string, r io.Reader) (*multipart.Part, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	return multipart.NewReader(r, params["boundary"]).NextPart()
}

func readETags(raw *http.Response, ops []store.Op) ([]string, error) {
	answers, err := innerAnswers(raw)
	if err != nil || len(answers) != len(ops) {
		return nil, errors.New("the storage service took a transaction, and its answer cannot be read")
	}
	etags := make([]string, len(ops))
	for i, a := range answers {
		if ops[i].Kind != store.Delete {
			etags[i] = a.etag
		}
	}
	return etags, nil
}

// alreadyDone tells whether a transaction that seems to have failed was ours and
// succeeded, its answer lost on the way.
func (s *Store) alreadyDone(ctx context.Context, partition string, ops []store.Op, commit string, failure error) ([]string, bool) {
	if errors.Is(failure, store.ErrTooLarge) {
		return nil, false
	}
	etags := make([]string, len(ops))
	for i, op := range ops {
		if op.Kind == store.Delete {
			continue
		}
		row, err := s.Get(ctx, partition, op.Key)
		if err != nil || row.Properties[commitColumn] != commit {
			return nil, false
		}
		etags[i] = row.ETag
	}
	return etags, hasWrite(ops)
}

func hasWrite(ops []store.Op) bool {
	for _, op := range ops {
		if op.Kind != store.Delete {
			return true
		}
	}
	return false
}

// reason is what an error of the network says, without the address.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}
