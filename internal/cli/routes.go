package cli

import (
	"github.com/spf13/cobra"

	"keyrack/internal/server"
)

func (a *app) routes() *cobra.Command {
	return &cobra.Command{
		Use: "routes", Short: "List what is served by HTTP",
		Long: "List what is served by HTTP with this configuration: each route of each face, the\n" +
			"credential it asks for, and who may use it; for a public route, why everybody may.",
		RunE: func(*cobra.Command, []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			routes, err := server.Routes(c)
			if err != nil {
				return err
			}
			list := make([]record, len(routes))
			for i, r := range routes {
				list[i] = record{
					{"path", r.Path}, {"method", r.Method}, {"face", r.Face}, {"public", r.Public},
					{"credential", r.Credential}, {"needs", r.Needs},
				}
			}
			return writeList(a.Stdout, a.output, list)
		},
	}
}
