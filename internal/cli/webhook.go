package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) webhook() *cobra.Command {
	return group("webhook", "Events sent to receivers", a.webhookDeliveries(), a.webhookReplay(), a.webhookSecret())
}

func (a *app) webhookDeliveries() *cobra.Command {
	var q core.DeliveryQuery
	var state string
	c := a.list("deliveries", "List deliveries, newest first, with how each try ended",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			q.State = core.DeliveryState(state)
			found, err := l.Core.Deliveries(ctx, by, q)
			list := make([]record, len(found))
			for i, d := range found {
				list[i] = deliveryRecord(d)
			}
			return list, err
		})
	c.Flags().StringVar(&state, "state", "", "only those pending, delivered or failed")
	c.Flags().IntVar(&q.Limit, "limit", 100, "at most so many")
	return c
}

func deliveryRecord(d core.DeliveryDetail) record {
	next := d.NextAt
	if d.State != core.DeliveryPending {
		next = time.Time{}
	}
	return record{
		{"id", d.UUID.String()}, {"event", string(d.Event.Kind)}, {"session", d.Event.Session.String()},
		{"url", d.URL}, {"state", string(d.State)}, {"tries", len(d.Attempts)}, {"created_at", d.CreatedAt},
		{"next_at", next}, {"last", lastTry(d.Attempts)},
	}
}

// lastTry says how the last try ended.
func lastTry(attempts []core.Attempt) string {
	if len(attempts) == 0 {
		return ""
	}
	a := attempts[len(attempts)-1]
	text := fmt.Sprintf("%d in %s", a.Status, a.Duration.Round(time.Millisecond))
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}

func (a *app) webhookReplay() *cobra.Command {
	return a.do("replay DELIVERY", "Try a delivery that ended once more",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return "", usageError{fmt.Errorf("%q is not a delivery's id", args[0])}
			}
			return "the running server will try delivery " + args[0] + " again", l.Core.ReplayDelivery(ctx, by, id)
		})
}

func (a *app) webhookSecret() *cobra.Command {
	return &cobra.Command{
		Use: "secret PROJECT", Short: "Print the secret that signs a project's webhooks; this is recorded",
		RunE: func(c *cobra.Command, args []string) error {
			return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				secret, err := l.Core.WebhookSecret(ctx, by, args[0])
				if err != nil {
					return err
				}
				return writeOne(a.Stdout, a.output, record{{"secret", secret.Reveal()}, {"project", args[0]}})
			})
		},
	}
}
