package cli

import "github.com/spf13/cobra"

func authCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Say who may do what: policy, user, token, can-i, explain",
		Long: `See who may do what. Rules in a policy file say so: they allow users and groups
actions on resources, and what no rule allows is denied.`,
		GroupID: "other",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	policy := &cobra.Command{
		Use:   "policy",
		Short: "Look after policy files: check",
		Long: `Look after policy files. Such a file has rules, each for some users and groups:

  groups:
    oncall: [user:ann, user:bob]
  rules:
    - subjects: [group:oncall]
      role: operator                     # or admin, viewer, own, or one of the file
    - name: the shop sees its own
      subjects: [group:shop, user:sue]
      role: viewer
      where: {application: [/shop, /shop/*], agent: node-*}
    - subjects: user:ci
      resources: dcos:adminrouter:ops:system-metrics
      actions: read

Names of subjects and the values of where are patterns: * ? [a-z]. All keys of a
where must match, by one of their patterns each. What no rule allows is denied.
docs/access.md says more.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	policy.AddCommand(policyCheckCommand())
	cmd.AddCommand(canICommand(conn), explainCommand(conn), policy, authUserCommand(), authTokenCommand())
	return cmd
}
