package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) device() *cobra.Command {
	return group("device", "Machines the vault knows", a.deviceList(), a.deviceShow(), a.deviceAdd(), a.deviceRemove(),
		a.deviceSwitch("enable", "Switch a device on; its keys stay as they are", true),
		a.deviceSwitch("disable", "Switch a device off, and all keys on it", false))
}

func (a *app) deviceList() *cobra.Command {
	return a.list("list", "List devices",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			devices, err := l.Core.Devices(ctx, by)
			list := make([]record, len(devices))
			for i, d := range devices {
				list[i] = deviceRecord(d)
			}
			return list, err
		})
}

func deviceRecord(d core.Device) record {
	return record{
		{"hostname", d.Hostname}, {"ip", d.Address}, {"type", d.Type}, {"vendor", d.Vendor},
		{"model", d.Model}, {"site", d.Site}, {"enabled", !d.Disabled}, {"number", int64(d.ID)}, {"id", d.UUID.String()},
	}
}

func (a *app) deviceShow() *cobra.Command {
	return a.show("show DEVICE", "Show a device with the keys on it (DEVICE: hostname, or number)",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			d, err := l.Core.Device(ctx, by, args[0])
			if err != nil {
				return nil, err
			}
			keys, _, err := l.Core.ManagedKeys(ctx, by, core.ManagedKeyQuery{AnyDevice: d.ID})
			identifiers := make([]string, len(keys))
			for i, k := range keys {
				identifiers[i] = k.Identifier
			}
			return append(deviceRecord(d),
				field{"domains", d.Domains}, field{"connectivities", d.Connectivities}, field{"tags", d.Tags},
				field{"remote_config", d.RemoteConfig}, field{"keys", identifiers},
				field{"created_at", d.CreatedAt}, field{"updated_at", d.UpdatedAt},
			), err
		})
}

func (a *app) deviceAdd() *cobra.Command {
	var d core.Device
	var organization string
	var c *cobra.Command
	c = a.do("add HOSTNAME", "Make a device, or change the one of that hostname",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			made, isNew, err := l.Core.SaveDevice(ctx, by, core.DeviceChange{
				Hostname: args[0], Organization: changed(c, "organization", organization),
				Address: changed(c, "ip", d.Address), Type: changed(c, "type", d.Type),
				Vendor: changed(c, "vendor", d.Vendor), Model: changed(c, "model", d.Model), Site: changed(c, "site", d.Site),
				RemoteConfig: changed(c, "remote-config", d.RemoteConfig), Domains: changed(c, "domain", d.Domains),
				Connectivities: changed(c, "connectivity", d.Connectivities), Tags: changed(c, "tag", d.Tags),
			})
			if isNew {
				return "added device " + made.Hostname, err
			}
			return "changed device " + made.Hostname, err
		})
	f := c.Flags()
	f.StringVar(&d.Address, "ip", "", "its address: an IP address, a name or a URL")
	f.StringVar(&d.Type, "type", "", "its type, as Server")
	f.StringVar(&d.Vendor, "vendor", "", "who made it")
	f.StringVar(&d.Model, "model", "", "its model")
	f.StringVar(&d.Site, "site", "", "where it is")
	f.StringVar(&d.RemoteConfig, "remote-config", "", "a note for remote sessions")
	f.StringVar(&organization, "organization", "", "whose applications know of it (default: all)")
	f.StringSliceVar(&d.Domains, "domain", nil, "a domain it is in; may be repeated")
	f.StringSliceVar(&d.Connectivities, "connectivity", nil, "a protocol with its port, as SSH:22; may be repeated")
	f.StringSliceVar(&d.Tags, "tag", nil, "a tag; may be repeated")
	return c
}

// changed is a change where the flag was given.
func changed[T any](c *cobra.Command, flag string, v T) core.Change[T] {
	return core.Change[T]{Set: c.Flags().Changed(flag), Value: v}
}

func (a *app) deviceRemove() *cobra.Command {
	return a.do("remove DEVICE", "Take a device away that no key is for (DEVICE: hostname, or number)",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			return "removed device " + args[0], l.Core.RemoveDevice(ctx, by, args[0])
		})
}

func (a *app) deviceSwitch(verb, short string, on bool) *cobra.Command {
	return a.do(verb+" DEVICE", short+" (DEVICE: hostname, or number)",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			d, err := l.Core.SetDeviceEnabled(ctx, by, args[0], on)
			return verb + "d device " + d.Hostname, err
		})
}
