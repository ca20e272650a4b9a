// SPDX-License-Identifier: LGPL-2.1-or-later

// Goroutines as a contestant of perf/tasks_peers and perf/tasks_memory, which run this beside
// the library. On one processor, as a loop has one thread. By hand: see --help.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const help = `usage: peer_goroutines SHAPE NUMBER OPERATIONS
Prints OPERATIONS WALL_NS CPU_NS, and what else there is to tell as NAME=VALUE.

  children     1,000 at a time, of which NUMBER of ten suspend once
  one_by_one   one at a time, awaited at once
  ping_pong    NUMBER pairs that go on by turns
  sleepers     NUMBER that are suspended at once`

const (
	batch  = 1000
	result = 42
)

func fail(text string) {
	fmt.Fprintln(os.Stderr, "peer_goroutines: "+text)
	os.Exit(1)
}

func cpuNanoseconds() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		fail("no getrusage")
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func allocations() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

func residentBytes() float64 {
	var total, resident int64
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail("no /proc/self/statm")
	}
	fmt.Sscan(string(text), &total, &resident)
	return float64(resident) * float64(os.Getpagesize())
}

// A child's results are members of what its parent has, as in the others.
func runChildren(suspending int, operations int) {
	var results [batch]int
	var group sync.WaitGroup
	sum := 0
	for done := 0; done < operations; done += batch {
		group.Add(batch)
		for i := 0; i < batch; i++ {
			go func(i int) {
				if i%10 < suspending {
					runtime.Gosched()
				}
				results[i] = result
				group.Done()
			}(i)
		}
		group.Wait()
		for i := range results {
			sum += results[i]
			results[i] = 0
		}
	}
	if sum != operations*result {
		fail("children were lost")
	}
}

func runOneByOne(operations int) {
	answer := make(chan int)
	sum := 0
	for i := 0; i < operations; i++ {
		go func() { answer <- result }()
		sum += <-answer
	}
	if sum != operations*result {
		fail("children were lost")
	}
}

func runPingPong(pairs int, operations int) {
	var group sync.WaitGroup
	each := operations / (2 * pairs)
	switches := make([]int, 2*pairs)
	play := func(mine chan int, others chan int, switched *int) {
		for i := 0; i < each; i++ {
			<-mine
			*switched++
			others <- 1
		}
		group.Done()
	}
	for i := 0; i < pairs; i++ {
		// One waits at its end for the other's last; there is room for that.
		ping, pong := make(chan int, 1), make(chan int, 1)
		group.Add(2)
		go play(ping, pong, &switches[2*i])
		go play(pong, ping, &switches[2*i+1])
		ping <- 1
	}
	group.Wait()
	sum := 0
	for _, each := range switches {
		sum += each
	}
	if sum != operations {
		fail("switches were lost")
	}
}

type sleepers struct {
	gate    chan int
	results []int
	group   sync.WaitGroup
}

// All of them are about to wait at the gate when it returns, or do so.
func (s *sleepers) create(count int) {
	var asleep int64
	s.gate = make(chan int)
	s.group.Add(count)
	for i := 0; i < count; i++ {
		go func(i int) {
			atomic.AddInt64(&asleep, 1)
			<-s.gate
			s.results[i] = result
			s.group.Done()
		}(i)
	}
	for atomic.LoadInt64(&asleep) < int64(count) {
		runtime.Gosched()
	}
}

func (s *sleepers) end() {
	close(s.gate)
	s.group.Wait()
	sum := 0
	for i := range s.results {
		sum += s.results[i]
		s.results[i] = 0
	}
	if sum != len(s.results)*result {
		fail("goroutines were lost")
	}
}

func measureSleepers(count int, operations int) {
	side := sleepers{results: make([]int, count)}
	// So that it is resident before anything is counted.
	for i := range side.results {
		side.results[i] = 1
	}
	runtime.GC()
	before := residentBytes()
	began := time.Now()
	side.create(count)
	created := time.Now()
	bytes := residentBytes() - before
	ending := time.Now()
	side.end()
	ended := time.Now()
	var create, end time.Duration
	allocated, cpu := allocations(), cpuNanoseconds()
	for done := 0; done < operations; done += count {
		t := time.Now()
		side.create(count)
		u := time.Now()
		side.end()
		create, end = create+u.Sub(t), end+time.Since(u)
	}
	cpu = cpuNanoseconds() - cpu
	allocated = allocations() - allocated
	per := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / float64(n) }
	fmt.Println(operations, (create + end).Nanoseconds(), cpu,
		fmt.Sprintf("resident_bytes=%g first_create_ns=%g first_end_ns=%g", bytes/float64(count),
			per(created.Sub(began), count), per(ended.Sub(ending), count)),
		fmt.Sprintf("again_create_ns=%g again_end_ns=%g allocations=%g", per(create, operations),
			per(end, operations), float64(allocated)/float64(operations)))
}

func run(shape string, number int, operations int) {
	switch shape {
	case "children":
		runChildren(number, operations)
	case "one_by_one":
		runOneByOne(operations)
	case "ping_pong":
		runPingPong(number, operations)
	default:
		fail("no such shape: " + shape + "; see --help")
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--help" {
		fmt.Println(help)
		return
	}
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "peer_goroutines: three arguments; see --help")
		os.Exit(2)
	}
	number, wrong := strconv.Atoi(os.Args[2])
	operations, also := strconv.Atoi(os.Args[3])
	if wrong != nil || also != nil || operations <= 0 {
		fmt.Fprintln(os.Stderr, "peer_goroutines: not a number; see --help")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(1)
	if os.Args[1] == "sleepers" {
		measureSleepers(number, operations)
		return
	}
	granule := 2000
	if os.Args[1] == "ping_pong" {
		granule = 2 * number
	}
	run(os.Args[1], number, (operations/granule/10+1)*granule)
	allocated, cpu, began := allocations(), cpuNanoseconds(), time.Now()
	run(os.Args[1], number, operations)
	wall := time.Since(began).Nanoseconds()
	cpu = cpuNanoseconds() - cpu
	allocated = allocations() - allocated
	fmt.Println(operations, wall, cpu,
		fmt.Sprintf("allocations=%g", float64(allocated)/float64(operations)))
}
