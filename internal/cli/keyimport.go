package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

const (
	importBatch  = 8000      // keys a transaction; a second, for which others who write wait
	importLine   = 256 << 10 // bytes; a key of 16384 bits takes 3 KiB
	importTold   = 20        // refused lines that are named
	noOwnerGiven = "a line names no owner; give --owner, or comments as login@host"
)

func (a *app) keyImport() *cobra.Command {
	var owner string
	var makeOwners bool
	c := &cobra.Command{
		Use: "import FILE", Short: "Add the keys of an authorized_keys file; those that are there already stay as they are",
		Long: "Adds the keys of a file in the form of authorized_keys (- reads standard input) to one account, or\n" +
			"each to the account that its comment names before the @. What was added stays when a later line is wrong.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.local(c.Context(), server.Need{}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				return a.importFile(ctx, args[0], importRun{app: a, core: l.Core, by: by, owner: owner, makeOwners: makeOwners})
			})
		},
	}
	c.Flags().StringVar(&owner, "owner", "", "the account that gets all keys; default: whom each comment names")
	c.Flags().BoolVar(&makeOwners, "make-owners", false, "make accounts that are not there")
	return c
}

func (a *app) importFile(ctx context.Context, path string, run importRun) error {
	in, size := a.Stdin, int64(0)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	in, finish := a.watched(in, size)
	err := run.all(ctx, in)
	finish()
	if err != nil {
		return fmt.Errorf("line %d: %w; what came before it is there", run.line, err)
	}
	return run.report()
}

// watched shows how much of a file was read, where somebody watches.
func (a *app) watched(in io.Reader, size int64) (watched io.Reader, finish func()) {
	f, isFile := a.Stderr.(*os.File)
	if size == 0 || !isFile || !term.IsTerminal(int(f.Fd())) { // #nosec G115 -- a descriptor
		return in, func() {}
	}
	p := mpb.New(mpb.WithOutput(f))
	bar := p.AddBar(size, mpb.PrependDecorators(decor.CountersKibiByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	return countedBy{in, bar}, func() {
		bar.Abort(false) // where it is full already this does nothing
		p.Wait()
	}
}

// countedBy moves a bar on as a file is read.
type countedBy struct {
	io.Reader
	bar *mpb.Bar
}

// Read reads.
func (c countedBy) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bar.IncrBy(n)
	return n, err
}

// importRun is one import: what it is told, and how far it has come.
type importRun struct {
	*app
	core       *core.Service
	by         core.Actor
	owner      string
	makeOwners bool

	line    int
	batch   []core.ImportedKey
	lines   []int // of each key of the batch
	added   int
	present int
	refused int
}

func (r *importRun) all(ctx context.Context, in io.Reader) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 64<<10), importLine)
	for scanner.Scan() {
		r.line++
		text := strings.TrimSpace(scanner.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		r.take(text)
		if len(r.batch) == importBatch {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	return r.flush(ctx)
}

// take notes a line for the next transaction. A key's name is its comment.
func (r *importRun) take(text string) {
	k := core.ImportedKey{Owner: r.owner, Text: text}
	if parts := strings.SplitN(text, " ", 3); len(parts) == 3 {
		k.Name = strings.TrimSpace(parts[2])
	}
	if k.Owner == "" {
		var named bool
		if k.Owner, _, named = strings.Cut(k.Name, "@"); !named {
			r.refuse(r.line, errors.New(noOwnerGiven))
			return
		}
	}
	if k.Name == "" {
		k.Name = fmt.Sprintf("line %d", r.line)
	}
	r.batch, r.lines = append(r.batch, k), append(r.lines, r.line)
}

func (r *importRun) flush(ctx context.Context) error {
	done, err := r.core.ImportKeys(ctx, r.by, r.batch, r.makeOwners)
	if err != nil {
		return err
	}
	r.added, r.present = r.added+done.Added, r.present+done.Present
	for n, line := range r.lines {
		if why := done.Refused[n]; why != nil {
			r.refuse(line, why)
		}
	}
	r.batch, r.lines = r.batch[:0], r.lines[:0]
	return nil
}

func (r *importRun) refuse(line int, why error) {
	if r.refused++; r.refused <= importTold {
		r.say("keyrack: line %d: %s", line, printable(why.Error()))
	}
}

func (r *importRun) report() error {
	if r.refused > importTold {
		r.say("keyrack: and %d more lines", r.refused-importTold)
	}
	if err := writeOne(r.Stdout, r.output, record{{"added", r.added}, {"present", r.present}, {"refused", r.refused}}); err != nil {
		return err
	}
	if r.refused > 0 {
		return errPartly
	}
	return nil
}
