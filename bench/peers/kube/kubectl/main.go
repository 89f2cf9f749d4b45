// Command kubectl is kubectl's exec alone, for machines that have no kubectl.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/exec"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	flags := genericclioptions.NewConfigFlags(true)
	root := &cobra.Command{Use: "kubectl"}
	flags.AddFlags(root.PersistentFlags())
	root.AddCommand(exec.NewCmdExec(util.NewFactory(util.NewMatchVersionFlags(flags)),
		genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}))
	util.CheckErr(root.Execute())
}
