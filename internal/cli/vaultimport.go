package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/privatekey"
	"keyrack/internal/server"
	"keyrack/internal/vault"
)

// imported is what the flags of `vault import` say.
type imported struct {
	device, identifier, username, name string
	passphraseFile, publicKeyFile      string
	tags, also                         []string
	unchecked                          bool
}

func (a *app) vaultImport() *cobra.Command {
	var in imported
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Put the private key of FILE, or of standard input, into the vault",
		RunE: func(c *cobra.Command, args []string) error {
			return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				change, err := a.toImport(in, args)
				if err != nil {
					return err
				}
				saved, err := l.Core.SaveManagedKey(ctx, by, change)
				if err != nil {
					return err
				}
				a.sayImported(saved)
				return writeOne(a.Stdout, a.output, managedKeyRecord(saved.ManagedKeyDetail))
			})
		},
	}
	f := c.Flags()
	f.StringVar(&in.device, "device", "", "the hostname of the device it is for")
	f.StringVar(&in.identifier, "identifier", "", "its identifier; a key that has it gets a new version (default: one is made)")
	f.StringVar(&in.username, "username", "", "the user it opens on the device (default: usr)")
	f.StringVar(&in.name, "name", "", "its name")
	f.StringVar(&in.passphraseFile, "passphrase-file", "", "a file with its passphrase, - for standard input")
	f.StringVar(&in.publicKeyFile, "public-key-file", "", "a file with its public half (default: it is worked out)")
	f.StringSliceVar(&in.tags, "tag", nil, "a tag; may be repeated")
	f.StringSliceVar(&in.also, "also", nil, "another device it is for; may be repeated")
	f.BoolVar(&in.unchecked, "unchecked", false, "take a private key that cannot be read; needs --public-key-file")
	_ = c.MarkFlagRequired("device") // fails for an unknown flag only
	return c
}

func (a *app) sayImported(saved core.SavedManagedKey) {
	what := "changed"
	if saved.Created {
		what = "added"
	}
	a.say("%s", printable(fmt.Sprintf("%s key %s, version %d, on %s", what, saved.Identifier, saved.Version, saved.On.Hostname)))
	for _, name := range saved.Unlinked {
		a.say("%s", printable("keyrack: warning: there is no device "+name+"; the key is not for it"))
	}
}

// toImport reads the files that the flags name.
func (a *app) toImport(in imported, args []string) (core.ManagedKeyChange, error) {
	var none core.ManagedKeyChange
	file := append(args, "-")[0]
	if file == "-" && in.passphraseFile == "-" {
		return none, usageError{errors.New("the key and its passphrase cannot both come from standard input")}
	}
	private, err := a.readBytes(file)
	if err != nil {
		return none, err
	}
	passphrase, err := a.readPassphrase(in.passphraseFile)
	if err != nil {
		return none, err
	}
	public, err := a.publicHalf(in, private, passphrase)
	if err != nil {
		return none, err
	}
	return core.ManagedKeyChange{
		Identifier: in.identifier, Hostname: core.To(in.device), Address: core.To(in.device),
		Username: core.To(in.username), Name: core.To(in.name), PublicKey: core.To(public),
		PrivateKey: core.To(vault.NewSecret(private)), Passphrase: core.To(vault.NewSecret(passphrase)),
		Tags: core.Change[[]string]{Set: in.tags != nil, Value: in.tags}, Additional: core.Change[[]string]{Set: in.also != nil, Value: in.also},
		Strict: !in.unchecked,
	}, nil
}

// publicHalf is what a file says, or follows from the private half.
func (a *app) publicHalf(in imported, private, passphrase []byte) (string, error) {
	if in.publicKeyFile != "" {
		text, err := a.readBytes(in.publicKeyFile)
		return strings.TrimRight(string(text), "\r\n"), err
	}
	if in.unchecked {
		return "", usageError{errors.New("--unchecked needs --public-key-file")}
	}
	public, err := privatekey.Public(private, passphrase)
	if err != nil {
		return "", core.Errorf(core.Invalid, "the private key %v", err)
	}
	return public.String(), nil
}

// readPassphrase reads a passphrase without the newline that ends its file.
func (a *app) readPassphrase(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := a.readBytes(file)
	return []byte(strings.TrimRight(string(text), "\r\n")), err
}

// readBytes reads a file, or standard input for -, as it is.
func (a *app) readBytes(file string) ([]byte, error) {
	in := a.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usageError{err}
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if len(text) > maxKeyFile {
		return nil, usageError{fmt.Errorf("the input is longer than %d bytes; give one key", maxKeyFile)}
	}
	return text, err
}
