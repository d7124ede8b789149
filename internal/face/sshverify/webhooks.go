package sshverify

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face/openapi"
)

// hooks are the operations on the webhooks of one kind of session.
type hooks[New into[core.NewWebhook], Update into[core.WebhookChange], Hook, Page any] struct {
	*sshverify
	kind    core.SessionKind
	webhook func(core.Webhook) Hook
	page    func([]Hook, PageInfo) Page
}

// register adds the operations. The original has PATCH for collect and PUT for
// verify sessions; both do the same here.
func (h hooks[New, Update, Hook, Page]) register(a *openapi.API) {
	noun := string(h.kind) + "-webhook"
	path := sessionsPath(h.kind) + "{session}/webhooks/"
	openapi.Handle(a, huma.Operation{
		OperationID: "list-" + noun + "s", Method: http.MethodGet, Path: path,
		Summary: "List the webhooks of a " + string(h.kind) + " session",
	}, h.list)
	openapi.Handle(a, huma.Operation{
		OperationID: "create-" + noun, Method: http.MethodPost, Path: path, DefaultStatus: http.StatusCreated,
		Summary: "Add a webhook to a " + string(h.kind) + " session",
	}, h.create)
	path += "{webhook}/"
	openapi.Handle(a, huma.Operation{
		OperationID: "get-" + noun, Method: http.MethodGet, Path: path, Summary: "Show a webhook",
	}, h.get)
	change := huma.Operation{
		OperationID: "update-" + noun, Method: http.MethodPatch, Path: path, Summary: "Change a webhook",
		Description: "Absent members are left as they are.",
	}
	openapi.Handle(a, change, h.change)
	change.OperationID, change.Method = "put-"+noun, http.MethodPut
	openapi.Handle(a, change, h.change)
	openapi.Handle(a, huma.Operation{
		OperationID: "delete-" + noun, Method: http.MethodDelete, Path: path,
		Summary: "Remove a webhook with its undelivered events",
	}, h.delete)
}

// WebhookPath is the two ids in the path.
type WebhookPath struct {
	SessionPath
	Webhook string `path:"webhook" doc:"The id of the webhook."`
}

func (p WebhookPath) webhook() uuid.UUID { return ownID(p.Webhook) }

// WebhooksQuery is the session in the path and the page.
type WebhooksQuery struct {
	SessionPath
	PageQuery
}

func (h hooks[New, Update, Hook, Page]) list(ctx context.Context, by core.Actor, in *WebhooksQuery) (*reply[Page], error) {
	all, err := h.Core.Webhooks(ctx, by, h.kind, in.session())
	if err != nil {
		return nil, err
	}
	page := cut(all, in.toCore())
	return &reply[Page]{h.page(convert(page, h.webhook), in.info(len(page), len(all)))}, nil
}

// cut gives a page of a list that is short enough to be read whole.
func cut[T any](list []T, p core.Page) []T {
	list = list[min(p.Offset, len(list)):]
	return list[:min(p.Limit, len(list))]
}

func (h hooks[New, Update, Hook, Page]) create(ctx context.Context, by core.Actor, in *atSession[New]) (*reply[Hook], error) {
	wanted, err := in.Body.toCore()
	if err != nil {
		return nil, err
	}
	return h.reply(h.Core.AddWebhook(ctx, by, h.kind, in.session(), wanted))
}

func (h hooks[New, Update, Hook, Page]) get(ctx context.Context, by core.Actor, in *WebhookPath) (*reply[Hook], error) {
	return h.reply(h.Core.Webhook(ctx, by, h.kind, in.session(), in.webhook()))
}

type atWebhook[T any] struct {
	WebhookPath
	Body T
}

func (h hooks[New, Update, Hook, Page]) change(ctx context.Context, by core.Actor, in *atWebhook[Update]) (*reply[Hook], error) {
	change, err := in.Body.toCore()
	if err != nil {
		return nil, err
	}
	return h.reply(h.Core.ChangeWebhook(ctx, by, h.kind, in.session(), in.webhook(), change))
}

func (h hooks[New, Update, Hook, Page]) delete(ctx context.Context, by core.Actor, in *WebhookPath) (*struct{}, error) {
	return nil, h.Core.RemoveWebhook(ctx, by, h.kind, in.session(), in.webhook())
}

func (h hooks[New, Update, Hook, Page]) reply(w core.Webhook, err error) (*reply[Hook], error) {
	if err != nil {
		return nil, err
	}
	return &reply[Hook]{h.webhook(w)}, nil
}

// Webhook is where events of a session go. E is the kind's events.
type Webhook[E ~string] struct {
	ID                string              `json:"id" doc:"The id of the webhook."`
	URL               string              `json:"url" doc:"Where events are sent."`
	Method            string              `json:"method" enum:"post,put,patch" doc:"The HTTP method they are sent with."`
	Events            []E                 `json:"events" doc:"Which events are sent; empty: all."`
	Headers           map[string][]string `json:"headers" doc:"Headers to send with them."`
	Retries           int32               `json:"retries" doc:"How many tries follow a first one that failed."`
	InitialBackoff    int64               `json:"initial_backoff" doc:"Seconds to the second try."`
	BackoffMultiplier float64             `json:"backoff_multiplier" doc:"By how much each wait is longer than the one before."`
}

func fromWebhook[E ~string](w core.Webhook) Webhook[E] {
	out := Webhook[E]{
		ID: w.UUID.String(), URL: w.URL, Method: w.Method, Headers: w.Headers,
		Events:  convert(w.Events, func(e core.EventKind) E { return E(e) }),
		Retries: int32(w.Retries), InitialBackoff: w.InitialBackoff, BackoffMultiplier: w.BackoffMultiplier, //nolint:gosec // core bounds retries
	}
	if out.Headers == nil {
		out.Headers = map[string][]string{}
	}
	return out
}

// WebhookCreate is what a webhook is made from.
type WebhookCreate[E ~string] struct {
	URL               string              `json:"url" doc:"Where to send events: http or https."`
	Method            string              `json:"method,omitempty" enum:"post,put,patch" default:"post" doc:"The HTTP method to send them with."`
	Events            []E                 `json:"events,omitempty" doc:"Which events to send; empty: all."`
	Headers           map[string][]string `json:"headers,omitempty" doc:"Headers to send with them."`
	Retries           int32               `json:"retries,omitempty" minimum:"0" default:"0" doc:"How many tries follow a first one that failed, at most 20."`
	InitialBackoff    int64               `json:"initial_backoff,omitempty" minimum:"1" default:"10" doc:"Seconds to the second try."`
	BackoffMultiplier float64             `json:"backoff_multiplier,omitempty" minimum:"1" default:"2" doc:"By how much each wait is longer than the one before."`
}

func (w WebhookCreate[E]) newWebhook() core.NewWebhook {
	return core.NewWebhook{
		URL: w.URL, Method: w.Method, Events: eventKinds(w.Events), Headers: w.Headers,
		Retries: int(w.Retries), InitialBackoff: w.InitialBackoff, BackoffMultiplier: w.BackoffMultiplier,
	}
}

func (w WebhookCreate[E]) toCore() (core.NewWebhook, error) { return w.newWebhook(), nil }

func eventKinds[E ~string](events []E) []core.EventKind {
	return convert(events, func(e E) core.EventKind { return core.EventKind(e) })
}

// WebhookUpdate is what can be changed of a webhook. Three members are
// required, as in the original's reference.
type WebhookUpdate[E ~string] struct {
	BackoffMultiplier float64             `json:"backoff_multiplier" minimum:"1" doc:"By how much each wait is longer than the one before."`
	InitialBackoff    int64               `json:"initial_backoff" minimum:"1" doc:"Seconds to the second try."`
	Retries           int32               `json:"retries" minimum:"0" doc:"How many tries follow a first one that failed, at most 20."`
	Events            []E                 `json:"events,omitempty" doc:"Which events to send; empty: all."`
	Headers           map[string][]string `json:"headers,omitempty" doc:"Headers to send with them."`
	Method            *string             `json:"method,omitempty" enum:"post,put,patch" doc:"The HTTP method to send them with."`
	URL               *string             `json:"url,omitempty" doc:"Where to send events: http or https."`
}

func (u WebhookUpdate[E]) toCore() (core.WebhookChange, error) {
	c := core.WebhookChange{
		URL: changeTo(u.URL), Method: changeTo(u.Method), Retries: core.To(int(u.Retries)),
		InitialBackoff: core.To(u.InitialBackoff), BackoffMultiplier: core.To(u.BackoffMultiplier),
	}
	if u.Events != nil {
		c.Events = core.To(eventKinds(u.Events))
	}
	if u.Headers != nil {
		c.Headers = core.To(u.Headers)
	}
	return c, nil
}
