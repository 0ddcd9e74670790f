// Prints what Flux makes of the object on standard input: its status and its message.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	object := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	var result *status.Result
	if err == nil {
		result, err = status.Compute(&unstructured.Unstructured{Object: object})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s %s\n", result.Status, result.Message)
}
