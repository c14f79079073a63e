// go_http_client.go - the client of http_client_* on net/http (bench/http_client.h), as its users
// write it: one Transport that keeps as many connections as are used at once.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func fail(why interface{}) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func cpu() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func memory(resident string) (bytes int64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 3 && (words[0] == resident || words[0] == "VmPTE:") {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			bytes += n * 1024
		}
	}
	return
}

func main() {
	if len(os.Args) != 4 {
		fail("go_http_client URL COUNT AT_ONCE")
	}
	url := os.Args[1]
	count, _ := strconv.ParseInt(os.Args[2], 10, 64)
	atOnce, _ := strconv.Atoi(os.Args[3])
	before, wall, used := memory("VmRSS:"), time.Now(), cpu()
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConns: atOnce, MaxIdleConnsPerHost: atOnce, MaxConnsPerHost: atOnce,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	var begun, answers, bytes int64
	var all sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for atomic.AddInt64(&begun, 1) <= count {
				res, err := client.Get(url)
				if err != nil {
					fail(err)
				}
				var n int64
				if count == 1 {
					n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, res.Body, make([]byte, 65536))
				} else {
					var body []byte
					body, err = io.ReadAll(res.Body)
					n = int64(len(body))
				}
				res.Body.Close()
				if err != nil {
					fail(err)
				}
				atomic.AddInt64(&bytes, n)
				if res.StatusCode == 200 {
					atomic.AddInt64(&answers, 1)
				}
			}
		}()
	}
	all.Wait()
	used, took := cpu()-used, time.Since(wall)
	if answers != count {
		fail(fmt.Sprint(answers, " answers to ", count, " requests"))
	}
	fmt.Println(answers, bytes, took.Nanoseconds(), used, memory("VmHWM:")-before)
}
