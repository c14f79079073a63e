// go_http.go - the servers of http_* and http2_tls_* on net/http, as its users write it:
// go_http [FOLDER [CERTIFICATE KEY]].
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

type greeting struct {
	Message string   `json:"message"`
	ID      int64    `json:"id"`
	Tags    []string `json:"tags"`
	OK      bool     `json:"ok"`
}

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "Hello, world!")
	})
	http.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		text, _ := json.Marshal(greeting{"Hello, world!", 1234567, []string{"a", "b", "c"}, true})
		w.Write(text)
	})
	if len(os.Args) > 1 {
		http.Handle("/file/", http.StripPrefix("/file/", http.FileServer(http.Dir(os.Args[1]))))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("port %d\n", l.Addr().(*net.TCPAddr).Port)
	if len(os.Args) > 3 {
		http.ServeTLS(l, nil, os.Args[2], os.Args[3])
	} else {
		http.Serve(l, nil)
	}
}
