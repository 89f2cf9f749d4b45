package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// maxPasswordFile bounds a file with a password, bytes.
const maxPasswordFile = 4 << 10

// passwordFlag registers --password-file.
func passwordFlag(fs *pflag.FlagSet) *string {
	return fs.String("password-file", "", "read the password from the first line of `FILE`, - for standard input")
}

// newPassword returns a password that is to be set. On a terminal it is asked for twice.
func newPassword(cmd *cobra.Command, file, user string) (string, error) {
	if file != "" {
		return filePassword(cmd.InOrStdin(), file)
	}
	password, err := askPassword("New password of " + user + ": ")
	if err != nil {
		return "", err
	}
	again, err := askPassword("The same again: ")
	if err == nil && again != password {
		err = errors.New("the two passwords differ")
	}
	return password, err
}

// filePassword reads the first line of a file, or of in for "-".
func filePassword(in io.Reader, file string) (string, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("password-file: %w", err)
		}
		defer f.Close()
		in = f
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordFile)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("password-file: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// askPassword asks for a password on the terminal, which does not show it.
func askPassword(prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", usageError{errors.New("there is no terminal to ask for the password: give --password-file")}
	}
	defer tty.Close()
	fmt.Fprint(tty, prompt)
	password, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	return string(password), err
}
