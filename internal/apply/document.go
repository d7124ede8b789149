package apply

import (
	"github.com/google/uuid"

	"keyrack/internal/vault"
	"keyrack/internal/yamlfile"
)

// document is the file as it is written.
type document struct {
	Organizations []named       `yaml:"organizations"`
	Locations     []named       `yaml:"locations"`
	Accounts      []account     `yaml:"accounts"`
	Projects      []project     `yaml:"projects"`
	Policies      []policy      `yaml:"policies"`
	Devices       []device      `yaml:"devices"`
	Applications  []application `yaml:"applications"`
	Settings      settings      `yaml:"settings"`
}

type named struct {
	Name string `yaml:"name,required"`
}

type account struct {
	ID            id            `yaml:"id"`
	UUID          uuid.UUID     `yaml:"uuid"`
	Login         string        `yaml:"login,required"`
	Name          string        `yaml:"name"`
	Email         string        `yaml:"email"`
	Roles         []role        `yaml:"roles"`
	Password      vault.Secret  `yaml:"password"`
	PasswordFile  yamlfile.Path `yaml:"password_file"`
	Disabled      bool          `yaml:"disabled"`
	ExpiresAt     moment        `yaml:"expires_at"`
	Organizations []string      `yaml:"organizations"`
	Locations     []string      `yaml:"locations"`
	Permissions   []string      `yaml:"permissions"`
	Tokens        []token       `yaml:"tokens"`
	Keys          []key         `yaml:"keys"`
}

type token struct {
	Name       string        `yaml:"name,required"`
	Use        string        `yaml:"use,required"`
	Secret     vault.Secret  `yaml:"secret"`
	SecretFile yamlfile.Path `yaml:"secret_file"`
	Lifetime   lifetime      `yaml:"lifetime"`
	ExpiresAt  moment        `yaml:"expires_at"`
	Absent     bool          `yaml:"absent"`
}

type key struct {
	Name          string        `yaml:"name,required"`
	PublicKey     string        `yaml:"public_key"`
	PublicKeyFile yamlfile.Path `yaml:"public_key_file"`
	Shared        bool          `yaml:"shared"`
	Absent        bool          `yaml:"absent"`
}

type project struct {
	Name         string   `yaml:"name,required"`
	Organization string   `yaml:"organization"`
	AdoptKeys    adopt    `yaml:"adopt_keys"`
	ProveKeys    bool     `yaml:"prove_keys"`
	APIKeys      []apiKey `yaml:"api_keys"`
}

type apiKey struct {
	Name       string        `yaml:"name,required"`
	Secret     vault.Secret  `yaml:"secret"`
	SecretFile yamlfile.Path `yaml:"secret_file"`
	ExpiresAt  moment        `yaml:"expires_at"`
	Absent     bool          `yaml:"absent"`
}

// policy's criteria are lists of which one must fit; a list that is left out
// takes any.
type policy struct {
	Name      string   `yaml:"name,required"`
	Priority  int      `yaml:"priority"`
	Disabled  bool     `yaml:"disabled"`
	ViewTime  lifetime `yaml:"view_time"`
	MaxAge    lifetime `yaml:"max_age"`
	Exclusive bool     `yaml:"exclusive"`
	Hostnames []string `yaml:"hostnames"`
	Types     []string `yaml:"types"`
	Models    []string `yaml:"models"`
	Sites     []string `yaml:"sites"`
	Tags      []string `yaml:"tags"`
}

type device struct {
	Hostname       string   `yaml:"hostname,required"`
	Organization   string   `yaml:"organization"`
	IP             string   `yaml:"ip"`
	Type           string   `yaml:"type"`
	Vendor         string   `yaml:"vendor"`
	Model          string   `yaml:"model"`
	Site           string   `yaml:"site"`
	Domains        []string `yaml:"domains"`
	Connectivities []string `yaml:"connectivities"`
	RemoteConfig   string   `yaml:"remote_config"`
	Tags           []string `yaml:"tags"`
	Disabled       bool     `yaml:"disabled"`
}

type application struct {
	Name           string          `yaml:"name,required"`
	Organization   string          `yaml:"organization"`
	Description    string          `yaml:"description"`
	Tags           []string        `yaml:"tags"`
	Disabled       bool            `yaml:"disabled"`
	Authorizations []authorization `yaml:"authorizations"`
}

type authorization struct {
	Name        string   `yaml:"name,required"`
	Description string   `yaml:"description"`
	System      string   `yaml:"system"`
	Environment string   `yaml:"environment"`
	Permission  string   `yaml:"permission,required"`
	Resources   []string `yaml:"resources"`
	AllowedIPs  []string `yaml:"allowed_ips"`
	Referers    []string `yaml:"referers"`
	Certificate string   `yaml:"certificate"`
	Keys        []string `yaml:"keys"`
	Devices     []string `yaml:"devices"`
	Disabled    bool     `yaml:"disabled"`
	ExpiresAt   moment   `yaml:"expires_at"`
	OAuth2      *oauth2  `yaml:"oauth2"`
	OAuth1      *oauth1  `yaml:"oauth1"`
}

type oauth2 struct {
	ClientID         string        `yaml:"client_id"`
	ClientSecret     vault.Secret  `yaml:"client_secret"`
	ClientSecretFile yamlfile.Path `yaml:"client_secret_file"`
}

type oauth1 struct {
	ConsumerKey        string        `yaml:"consumer_key"`
	ConsumerSecret     vault.Secret  `yaml:"consumer_secret"`
	ConsumerSecretFile yamlfile.Path `yaml:"consumer_secret_file"`
	Token              string        `yaml:"token"`
	TokenSecret        vault.Secret  `yaml:"token_secret"`
	TokenSecretFile    yamlfile.Path `yaml:"token_secret_file"`
}

// settings has a section for each face, of whatever form the face will ask
// for, and one for all keys.
type settings struct {
	Waldur      map[string]any `yaml:"waldur"`
	Foreman     map[string]any `yaml:"foreman"`
	Raidboxes   map[string]any `yaml:"raidboxes"`
	Senhasegura map[string]any `yaml:"senhasegura"`
	SSHVerify   map[string]any `yaml:"sshverify"`
	Keys        *keyPolicy     `yaml:"keys"`
	Devices     *deviceRules   `yaml:"devices"`
}

// deviceRules are what is true of all devices: the domains they may be in.
type deviceRules struct {
	Domains []string `yaml:"domains" json:"domains,omitempty"`
}

type keyPolicy struct {
	AllowedTypes []string `yaml:"allowed_types" json:"allowed_types,omitempty"`
	MinRSABits   rsaBits  `yaml:"min_rsa_bits" json:"min_rsa_bits,omitempty"`
}
