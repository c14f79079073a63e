// go_files.go - files_20000 in Go, as its users write it: a goroutine for each file, at most a
// hundred at a time, and os.ReadFile. Takes the folder and how many files there are; reads them once,
// and once for each line of standard input: prints the CPU time in us for each file.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

const (
	inFlight  = 100
	fileBytes = 4096
)

func fail(what interface{}) {
	fmt.Fprintln(os.Stderr, "go_files:", what)
	os.Exit(1)
}

// cpu is the CPU time of the process in ns, all its threads together.
func cpu() int64 {
	const processCPU = 2
	var t syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCPU,
		uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		fail(errno)
	}
	return t.Nano()
}

func pass(names []string) {
	limit := make(chan struct{}, inFlight)
	var all sync.WaitGroup
	for _, name := range names {
		limit <- struct{}{}
		all.Add(1)
		go func(name string) {
			defer all.Done()
			bytes, err := os.ReadFile(name)
			if err != nil {
				fail(err)
			}
			if len(bytes) != fileBytes {
				fail("a file is short")
			}
			<-limit
		}(name)
	}
	all.Wait()
}

func main() {
	if len(os.Args) != 3 {
		fail("FOLDER COUNT")
	}
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fail(err)
	}
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%s/%05d", os.Args[1], i)
	}
	pass(names)
	fmt.Println("files_20000 0 us")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		start := cpu()
		pass(names)
		fmt.Printf("files_20000 %.6g us\n", float64(cpu()-start)/float64(count)*1e-3)
	}
}
