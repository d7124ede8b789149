package sshverify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/face/sshverify/client"
)

var update = flag.Bool("update", false, "write the description into testdata")

const descriptionFile = "testdata/openapi.json"

// The description is in the tree, so that a change of the interface shows in
// review, and clients can be made from it. `-update` writes it anew, after
// which go generate makes the client.
func TestDescriptionIsInTheTree(t *testing.T) {
	t.Parallel()
	var served bytes.Buffer
	if err := json.Indent(&served, newWorld(t).do(t, http.MethodGet, "/api/v1/openapi.json", "").Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	served.WriteByte('\n')
	if *update {
		if err := os.WriteFile(descriptionFile, served.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(descriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), served.String()); diff != "" {
		t.Errorf("%s is not what is served; run the tests with -update, then go generate ./... (-file +served):\n%s", descriptionFile, diff)
	}
}

// generated is a client made from the description alone, against a real server.
func generated(t *testing.T, w *world, apiKey string) *client.ClientWithResponses {
	t.Helper()
	server := httptest.NewServer(w.api)
	t.Cleanup(server.Close)
	c, err := client.NewClientWithResponses(server.URL, client.WithHTTPClient(withKey{apiKey, server.Client()}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withKey adds the credential to each request.
type withKey struct {
	key string
	*http.Client
}

func (c withKey) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("x-api-key", c.key)
	return c.Client.Do(r)
}

const laptop = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"

// A client that a generator made from the description creates, reads, changes,
// lists, completes and removes collect sessions, with what came in between.
func TestGeneratedClientCollects(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	c := generated(t, w, key)
	made, err := c.CreateCollectSessionWithResponse(ctx, client.CollectSessionCreate{
		ExternalId: new("user_123"), MultiKey: new(true), MultiConnection: new(true), Timeout: new(int64(3600)),
		Webhooks: &[]client.CollectWebhookCreate{{Url: "https://app.example.org/hooks/ssh", Headers: &map[string]*[]string{"x-hook-token": {"4c1f7d0a9be2"}}}},
	})
	if err != nil || made.JSON201 == nil {
		t.Fatalf("create: %v %s", err, made.Body)
	}
	id := made.JSON201.Id
	w.connect(t, made.JSON201.ConnectionIdentifier+"\n"+laptop)
	read, err := c.GetCollectSessionWithResponse(ctx, id)
	if err != nil || read.JSON200 == nil || read.JSON200.Status != client.CollectSessionStatusPending || *read.JSON200.ExternalId != "user_123" {
		t.Fatalf("read: %v %s", err, read.Body)
	}
	if keys := *(*read.JSON200.Connections)[0].Keys; len(keys) != 1 || keys[0].PublicKeySsh != laptop {
		t.Errorf("keys = %+v, want the one that came in", keys)
	}
	if hooks := *read.JSON200.Webhooks; len(hooks) != 1 || hooks[0].Method != client.CollectWebhookMethodPost || hooks[0].InitialBackoff != 10 {
		t.Errorf("webhooks = %+v, want one with the defaults", hooks)
	}
	changed, err := c.UpdateCollectSessionWithResponse(ctx, id, client.CollectSessionUpdate{MustConfirm: new(true)})
	if err != nil || changed.JSON200 == nil || !changed.JSON200.MustConfirm {
		t.Fatalf("change: %v %s", err, changed.Body)
	}
	list, err := c.ListCollectSessionsWithResponse(ctx, &client.ListCollectSessionsParams{Limit: new(int64(1))})
	if err != nil || list.JSON200 == nil || list.JSON200.Total != 1 || (*list.JSON200.Items)[0].Id != id {
		t.Fatalf("list: %v %s", err, list.Body)
	}
	done, err := c.CompleteCollectSessionWithResponse(ctx, id)
	if err != nil || done.JSON200 == nil || done.JSON200.Status != client.CollectSessionStatusCompleted {
		t.Fatalf("complete: %v %s", err, done.Body)
	}
	again, err := c.CompleteCollectSessionWithResponse(ctx, id)
	if err != nil || again.ApplicationproblemJSONDefault == nil || *again.ApplicationproblemJSONDefault.Status != http.StatusConflict {
		t.Errorf("complete again: %v %s, want 409 as a problem", err, again.Body)
	}
	gone, err := c.DeleteCollectSessionWithResponse(ctx, id)
	if err != nil || gone.StatusCode() != http.StatusNoContent {
		t.Errorf("delete: %v %s", err, gone.Body)
	}
}

func TestGeneratedClientVerifies(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	c := generated(t, w, key)
	info, err := c.GetAuthInfoWithResponse(ctx)
	if err != nil || info.JSON200 == nil || info.JSON200.Name != "ci" || info.JSON200.ExpiredAt != nil {
		t.Fatalf("auth info: %v %s", err, info.Body)
	}
	made, err := c.CreateVerifySessionWithResponse(ctx, client.VerifySessionCreate{
		Keys: &[]client.VerifyKeyInput{{PublicKey: laptop + " anna@laptop", Name: new("Work laptop")}}, MultiConnection: new(true), MaxAttempts: new(int32(3)),
	})
	if err != nil || made.JSON201 == nil {
		t.Fatalf("create: %v %s", err, made.Body)
	}
	w.connect(t, made.JSON201.ConnectionIdentifier+"\nproven "+laptop)
	done, err := c.CompleteVerifySessionWithResponse(ctx, made.JSON201.Id)
	if err != nil || done.JSON200 == nil || done.JSON200.Status != client.VerifySessionStatusVerified {
		t.Fatalf("complete: %v %s", err, done.Body)
	}
	read, err := c.GetVerifySessionWithResponse(ctx, made.JSON201.Id)
	if err != nil || read.JSON200 == nil || (*read.JSON200.Keys)[0].VerifiedAt == nil || *(*read.JSON200.Keys)[0].Name != "Work laptop" {
		t.Fatalf("read: %v %s", err, read.Body)
	}
	stranger, err := generated(t, w, "wrong").GetVerifySessionWithResponse(ctx, made.JSON201.Id)
	if err != nil || stranger.ApplicationproblemJSONDefault == nil || *stranger.ApplicationproblemJSONDefault.Detail != "Invalid or missing API key" {
		t.Errorf("a stranger reads: %v %s, want a problem", err, stranger.Body)
	}
}
