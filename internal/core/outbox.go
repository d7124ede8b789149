package core

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// outbox takes the events of one session for the webhooks it has.
type outbox struct {
	tx      Tx
	session Session
	hooks   []Webhook
	now     time.Time
}

func (s *Service) outbox(tx Tx, session Session) (outbox, error) {
	hooks, err := tx.Webhooks(session.ID)
	return outbox{tx: tx, session: session, hooks: hooks, now: s.clock()}, err
}

// outboxOf asks for webhooks only where there are any.
func (s *Service) outboxOf(tx Tx, v Visited) (outbox, error) {
	if v.Hooked {
		return s.outbox(tx, v.Session)
	}
	return outbox{tx: tx, session: v.Session, now: s.clock()}, nil
}

// send writes a delivery for each webhook that wants the event, in the
// transaction of what it tells.
func (o outbox) send(e Event) error { return o.tx.InsertDeliveries(o.deliveries(e)) }

// deliveries are those of an event: one for each webhook that wants it.
func (o outbox) deliveries(e Event) []Delivery {
	e.At, e.SessionKind, e.Session = o.now, o.session.Kind, o.session.UUID
	e.ExternalID, e.Identifier = o.session.ExternalID, o.session.Identifier
	var list []Delivery
	for _, hook := range o.hooks {
		if hook.Disabled || len(hook.Events) > 0 && !contains(hook.Events, e.Kind) {
			continue
		}
		list = append(list, Delivery{
			UUID: newUUID(), Webhook: hook.ID, Project: o.session.Project, Receiver: hook.receiver(), Event: e,
			State: DeliveryPending, NextAt: o.now, CreatedAt: o.now,
		})
	}
	return list
}

// receiver is the host and port that a webhook leads to.
func (w Webhook) receiver() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return w.URL // cannot be: it was checked
	}
	return strings.ToLower(u.Host)
}

// perReceiver bounds how many deliveries to one receiver are under way at once,
// with all servers together: a dead receiver of many webhooks must not hold up
// all others.
const perReceiver = 16

// due gives what may be claimed now.
func due(tx Tx, now time.Time, limit int) ([]Delivery, error) {
	found, err := tx.DueDeliveries(now, perReceiver, limit)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	leased, err := tx.LeasedDeliveries(now)
	if err != nil {
		return nil, err
	}
	return fair(found, leased), nil
}

// fair leaves out deliveries to receivers that have their share under way.
func fair(list []Delivery, underWay map[string]int) []Delivery {
	return slices.DeleteFunc(list, func(d Delivery) bool {
		underWay[d.Receiver]++
		return underWay[d.Receiver] > perReceiver
	})
}

// ClaimDeliveries leases up to limit due deliveries to the caller: of each
// webhook the oldest, none of a webhook that has one leased, nor more to one
// receiver than it may have under way. A lease that runs out makes its delivery
// due again. For the system alone.
func (s *Service) ClaimDeliveries(ctx context.Context, by Actor, lease time.Duration, limit int) ([]Parcel, error) {
	if by.kind != ActorSystem {
		return nil, errDenied
	}
	now := s.clock()
	look := func(tx Tx) ([]Delivery, error) { return tx.DueDeliveries(now, perReceiver, 1) }
	if found, err := view(ctx, s, look); err != nil || len(found) == 0 {
		return nil, err // an idle server does not write
	}
	return update(ctx, s, func(tx Tx) ([]Parcel, error) {
		found, err := due(tx, now, limit)
		if err != nil {
			return nil, err
		}
		var parcels []Parcel
		for _, d := range found {
			d.Lease, d.LeasedUntil = d.Lease+1, now.Add(lease)
			p, err := s.parcel(tx, d)
			if errors.Is(err, vault.ErrTampered) {
				err = s.giveUp(tx, d) // one bad row must not stop all others
			} else if err == nil {
				parcels = append(parcels, p)
				err = tx.UpdateDelivery(d)
			}
			if err != nil {
				return nil, err
			}
		}
		return parcels, nil
	})
}

// giveUp fails a delivery whose secrets do not open.
func (s *Service) giveUp(tx Tx, d Delivery) error {
	a := Attempt{Number: d.Attempts + 1, At: s.clock(), Reason: "the webhook's secrets cannot be read"}
	if err := tx.InsertAttempt(d.ID, a); err != nil {
		return err
	}
	d.State, d.Attempts, d.Lease, d.LeasedUntil = DeliveryFailed, a.Number, d.Lease+1, time.Time{}
	return tx.UpdateDelivery(d)
}

// parcel adds to a delivery what a try needs.
func (s *Service) parcel(tx Tx, d Delivery) (Parcel, error) {
	hook, err := tx.Webhook(d.Webhook)
	if err != nil {
		return Parcel{}, err
	}
	if hook, err = s.unsealHeaders(hook); err != nil {
		return Parcel{}, err
	}
	project, err := tx.Project(d.Project)
	if err != nil {
		return Parcel{}, err
	}
	secret, err := s.webhookSecret(project)
	return Parcel{Delivery: d, Target: hook, Secret: secret}, err
}

// NextDelivery tells when something is due next, zero where nothing waits. For
// the system alone.
func (s *Service) NextDelivery(ctx context.Context, by Actor) (time.Time, error) {
	if by.kind != ActorSystem {
		return time.Time{}, errDenied
	}
	return view(ctx, s, Tx.NextDelivery)
}

// RecordAttempt writes down one try and what follows from it: delivered, due
// again at next, or failed for good. A receiver that is gone switches its
// webhook off, and all that waits for it has failed. A delivery that was
// removed meanwhile is no error. Conflict, and nothing is written, when the
// lease the try was made under is not the delivery's last: another server has
// taken it over, or the try is on record already. For the system alone.
func (s *Service) RecordAttempt(ctx context.Context, by Actor, id DeliveryID, a Attempt, next time.Time) error {
	if by.kind != ActorSystem {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		d, err := tx.Delivery(id)
		if KindOf(err) == NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if a.Lease != d.Lease {
			return Errorf(Conflict, "the lease of the delivery is over")
		}
		hook, err := tx.Webhook(d.Webhook)
		if err != nil {
			return err
		}
		a.Number = d.Attempts + 1
		if err := tx.InsertAttempt(id, a); err != nil {
			return err
		}
		if err := tx.UpdateDelivery(d.after(a, hook, Moment(next))); err != nil {
			return err
		}
		if !a.Gone || hook.Disabled {
			return nil
		}
		hook.Disabled, hook.UpdatedAt = true, s.clock()
		return inOrder(
			func() error { return tx.UpdateWebhook(hook) },
			func() error { return tx.FailDeliveries(hook.ID) },
			func() error {
				return s.audit(tx, by, "webhook.disable", hook.object(), withProject(d.Project), withDetail("the receiver answered 410 Gone"))
			},
		)
	})
}

// maxRetries bounds what a webhook may ask for.
const maxRetries = 20

// after is the delivery as one try leaves it.
func (d Delivery) after(a Attempt, hook Webhook, next time.Time) Delivery {
	d.Attempts, d.Lease, d.LeasedUntil = d.Attempts+1, d.Lease+1, time.Time{}
	switch {
	case a.Reason == "":
		d.State = DeliveryDelivered
	case a.Gone || d.Attempts > min(hook.Retries, maxRetries):
		d.State = DeliveryFailed
	default:
		d.NextAt = next
	}
	return d
}

// DeliveryDetail is a delivery with its tries.
type DeliveryDetail struct {
	Delivery
	URL      string
	Attempts []Attempt
}

// Deliveries lists deliveries, newest first, with their tries. For those who
// read everything; those who may not change it are not told what opens a session.
func (s *Service) Deliveries(ctx context.Context, by Actor, q DeliveryQuery) ([]DeliveryDetail, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	q.Limit = max(q.Limit, 0) // not every database takes a negative one
	return view(ctx, s, func(tx Tx) ([]DeliveryDetail, error) {
		found, err := tx.Deliveries(q)
		if err != nil {
			return nil, err
		}
		list := make([]DeliveryDetail, len(found))
		for i, d := range found {
			if list[i], err = deliveryDetail(tx, d); err != nil {
				return nil, err
			}
			if !by.manages() {
				list[i].Event.Identifier = ""
			}
		}
		return list, nil
	})
}

func deliveryDetail(tx Tx, d Delivery) (DeliveryDetail, error) {
	hook, err := tx.Webhook(d.Webhook)
	if err != nil {
		return DeliveryDetail{}, err
	}
	attempts, err := tx.Attempts(d.ID)
	return DeliveryDetail{Delivery: d, URL: hook.URL, Attempts: attempts}, err
}

// ReplayDelivery gives a delivery that ended one more try at once, under the
// same id, by which receivers know what they have had. Conflict while it is
// under way. For those who manage everything.
func (s *Service) ReplayDelivery(ctx context.Context, by Actor, id uuid.UUID) error {
	if !by.manages() {
		return errDenied
	}
	err := s.store.Update(ctx, func(tx Tx) error {
		d, err := tx.DeliveryByUUID(id)
		if err != nil {
			return err
		}
		if d.State == DeliveryPending {
			return Errorf(Conflict, "the delivery is still under way")
		}
		d.State, d.NextAt = DeliveryPending, s.clock()
		return inOrder(
			func() error { return tx.UpdateDelivery(d) },
			func() error {
				return s.audit(tx, by, "webhook.replay", "delivery "+d.UUID.String(), withProject(d.Project))
			},
		)
	})
	if err == nil {
		s.notify()
	}
	return err
}
