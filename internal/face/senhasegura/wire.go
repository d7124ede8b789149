package senhasegura

import (
	"strconv"
	"strings"
	"time"

	"keyrack/internal/core"
)

// envelope is every answer but those of the token endpoint and the gateway. The
// order of the fields is the product's.
type envelope struct {
	Code     int      `json:"code"`
	Response response `json:"response"`
	Tenant   *string  `json:"tenant,omitempty"` // /api alone, and there where one key or device is read
	// One of these, or none.
	Key         any             `json:"key,omitempty"`
	Device      *device         `json:"device,omitempty"`
	Devices     *[]listedDevice `json:"devices,omitempty"`
	Credentials *[]credential   `json:"credentials,omitempty"`
	Exception   *exception      `json:"exception,omitempty"`
}

type response struct {
	Status    int    `json:"status"`
	Message   string `json:"message"`
	Error     bool   `json:"error"`
	ErrorCode int    `json:"error_code"`
	Detail    string `json:"detail"`
	// Message once more, where the manual of /api has it in place of mensagem.
	Capital  string `json:"Message,omitempty"`
	Mensagem string `json:"mensagem"`
	Erro     bool   `json:"erro"`
	CodErro  int    `json:"cod_erro"`
}

type exception struct {
	Code    int     `json:"code"`
	Message string  `json:"message"`
	Detail  *string `json:"detail"` // null; where no number says it, what is wrong with the input
}

// done is the envelope of a success.
func done(status int, message string) envelope {
	return envelope{Code: status, Response: response{Status: status, Message: message, Mensagem: message}}
}

// failed is the envelope of a failure.
func failed(status int, message string, code int, e *exception) envelope {
	return envelope{Code: status, Exception: e, Response: response{
		Status: status, Message: message, Error: true, ErrorCode: code, Mensagem: message, Erro: true, CodErro: code,
	}}
}

// readKey is a key with its secrets, the only place where they leave.
type readKey struct {
	ID             string      `json:"id"` // a number, as text
	Username       string      `json:"username"`
	KeyName        string      `json:"key_name"`
	Hostname       string      `json:"hostname"`
	IP             string      `json:"ip"`
	PrivateKey     string      `json:"private_key"`
	PublicKey      string      `json:"public_key"`
	Password       *string     `json:"password"` // the private key's passphrase, null for none
	Tags           any         `json:"tags"`     // text, on /iso a list
	Devices        []deviceRef `json:"devices"`  // the additional ones
	ExpirationTime *string     `json:"expiration_time"`
}

// savedKey answers a POST on /api.
type savedKey struct {
	ID           string          `json:"id"`
	Identifier   string          `json:"identifier"`
	Devices      []deviceRef     `json:"devices"`
	DevicesError []unknownDevice `json:"devices_error"`
}

// savedKeyISO answers one on /iso, where the identifier is called tag.
type savedKeyISO struct {
	ID           string          `json:"id"`
	Tag          string          `json:"tag"`
	Devices      []deviceRef     `json:"devices"`
	DevicesError []unknownDevice `json:"devices_error"`
}

type deviceRef struct {
	Hostname string `json:"hostname"`
	IP       string `json:"ip"`
}

type unknownDevice struct {
	Hostname string `json:"hostname"`
	Message  string `json:"message"`
}

type credential struct {
	ID               string  `json:"id"`
	Identifier       string  `json:"identifier"`
	Username         string  `json:"username"`
	Expiration       *string `json:"expiration"`
	Change           string  `json:"change"`
	View             *string `json:"view"`
	Hostname         string  `json:"hostname"`
	ManagementIP     string  `json:"management_ip"`
	Type             string  `json:"type"`
	TypeCode         string  `json:"type_code"`
	DeviceModel      string  `json:"device_model"`
	DeviceType       string  `json:"device_type"`
	DeviceVendor     string  `json:"device_vendor"`
	AutomaticChange  any     `json:"automatic_change"` // false, on /iso "0"
	Connectivity     string  `json:"connectivity"`
	ConnectivityCode string  `json:"connectivity_code"`
}

type device struct {
	ID                  string `json:"id"`
	Hostname            string `json:"hostname"`
	IP                  string `json:"ip"`
	Model               string `json:"model"`
	Type                string `json:"type"`
	Vendor              string `json:"vendor"`
	Site                string `json:"site"`
	DeviceDomain        string `json:"device_domain"`
	Connectivities      string `json:"connectivities"`
	SessionRemoteConfig string `json:"session_remote_config"`
	DeviceTags          string `json:"device_tags"`
}

type listedDevice struct {
	ID       string `json:"id"`
	Hostname string `json:"hostname"`
	IP       string `json:"ip"`
	Model    string `json:"model"`
	Type     string `json:"type"`
	Vendor   string `json:"vendor"`
	Site     string `json:"site"`
	Tags     string `json:"tags"`
}

func number[ID ~int64](id ID) string { return strconv.FormatInt(int64(id), 10) }

// list is a list as the product writes it in one text.
func list(items []string) string { return strings.Join(items, ",") }

func deviceRefs(all []core.Device) []deviceRef {
	refs := make([]deviceRef, len(all))
	for i, d := range all {
		refs[i] = deviceRef{d.Hostname, d.Address}
	}
	return refs
}

func (d dialect) readKeyOf(k core.KeyMaterial, s settings) readKey {
	out := readKey{
		ID: number(k.ID), Username: k.Username, KeyName: k.Name, Hostname: k.On.Hostname, IP: k.On.Address,
		PrivateKey: k.PrivateKey.Reveal(), PublicKey: k.PublicKey, Tags: list(k.Tags), Devices: deviceRefs(k.Also),
		ExpirationTime: textTime(k.ExpiresAt, s, "2006-01-02T15:04:05"),
	}
	if d.iso {
		out.Tags = append([]string{}, k.Tags...)
	}
	if !k.Passphrase.IsZero() {
		password := k.Passphrase.Reveal()
		out.Password = &password
	}
	return out
}

func (d dialect) savedKeyOf(k core.SavedManagedKey) any {
	refs, unknown := deviceRefs(k.Also), make([]unknownDevice, len(k.Unlinked))
	for i, hostname := range k.Unlinked {
		unknown[i] = unknownDevice{hostname, deviceNotFound.message()}
	}
	if d.iso {
		return savedKeyISO{number(k.ID), k.Identifier, refs, unknown}
	}
	return savedKey{number(k.ID), k.Identifier, refs, unknown}
}

// connectivityCodes are the numbers of protocols. Those of HTTPS and RDP are
// the product's, that of SSH is ours.
var connectivityCodes = map[string]string{"SSH": "1", "HTTPS": "10", "RDP": "13"}

func (d dialect) credentialOf(k core.ManagedKeyDetail, s settings) credential {
	out := credential{
		ID: number(k.ID), Identifier: k.Identifier, Username: k.Username,
		Expiration: textTime(k.ExpiresAt, s, "2006-01-02T15:04:05-07:00"),
		Change:     k.ChangedAt.In(s.zone).Format(time.DateTime), View: textTime(k.ViewedAt, s, time.DateTime),
		Hostname: k.On.Hostname, ManagementIP: k.On.Address, Type: typeOf(k.Kind), TypeCode: "1",
		DeviceModel: k.On.Model, DeviceType: k.On.Type, DeviceVendor: k.On.Vendor, AutomaticChange: false,
	}
	if d.iso { // 3.32 leaves the connectivity empty
		out.AutomaticChange = "0"
		return out
	}
	out.Connectivity = protocolOf(k.On)
	out.ConnectivityCode = connectivityCodes[out.Connectivity]
	return out
}

// typeOf is the product's name for a kind of item.
func typeOf(kind core.ItemKind) string {
	if kind == core.SSHKeyItem {
		return "SSH Key"
	}
	return "Local User"
}

// protocolOf is the first protocol of a device, SSH where it has none.
func protocolOf(d core.Device) string {
	if len(d.Connectivities) == 0 {
		return "SSH"
	}
	protocol, _, _ := strings.Cut(d.Connectivities[0], ":")
	return strings.TrimSpace(protocol)
}

func deviceOf(d core.Device) *device {
	return &device{
		ID: number(d.ID), Hostname: d.Hostname, IP: d.Address, Model: d.Model, Type: d.Type, Vendor: d.Vendor, Site: d.Site,
		DeviceDomain: list(d.Domains), Connectivities: list(d.Connectivities), SessionRemoteConfig: d.RemoteConfig,
		DeviceTags: list(d.Tags),
	}
}

// textTime is a moment in the settings' zone, null for none.
func textTime(t time.Time, s settings, layout string) *string {
	if t.IsZero() {
		return nil
	}
	text := t.In(s.zone).Format(layout)
	return &text
}
