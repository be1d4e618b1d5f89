// Times Porcupine on the histories of its own repository: a line of JSON for each file, as `cargo
// xtask bench --peers` wants it. The files are read first; only the judging is timed.
//
// Usage: peer-porcupine FOLDER, where FOLDER is a checkout of Porcupine. `cargo xtask bench` builds
// this against that checkout: go.mod gets its `replace` line only then.
package main

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Each history is judged so often, unless once takes a second; the least time counts.
const times = 5

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: peer-porcupine FOLDER")
	}
	folder := os.Args[1]
	judge(filepath.Join(folder, "test_data", "jepsen", "*.log"), "etcd", register, readLog)
	judge(filepath.Join(folder, "test_data", "kv", "*.txt"), "kv", store, readStore)
}

func judge(files, set string, model porcupine.Model, read func(string) []porcupine.Event) {
	names, err := filepath.Glob(files)
	if err != nil || len(names) == 0 {
		log.Fatalf("there is no %s", files)
	}
	sort.Strings(names)
	for _, name := range names {
		events := read(name)
		if len(events) == 0 {
			continue
		}
		least := time.Duration(1 << 62)
		valid := true
		for i := 0; i < times && (i == 0 || least < time.Second); i++ {
			begun := time.Now()
			valid = porcupine.CheckEvents(model, events)
			if took := time.Since(begun); took < least {
				least = took
			}
		}
		verdict := "invalid"
		if valid {
			verdict = "valid"
		}
		history := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		fmt.Printf(
			"{\"bench\":\"linearizability\",\"set\":%q,\"history\":%q,\"checker\":\"porcupine\","+
				"\"verdict\":%q,\"ns\":%d}\n",
			set, history, verdict, least.Nanoseconds())
	}
}

// What a register was asked, and answered.
type call struct {
	function string
	from, to int
}

type answer struct {
	known bool
	fits  bool
	value int
}

// What no write writes: the register holds no value.
const nothing = -1

var register = porcupine.Model{
	Init: func() interface{} { return nothing },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		held, asked, told := state.(int), input.(call), output.(answer)
		switch asked.function {
		case "read":
			return !told.known || told.value == held, held
		case "write":
			return true, asked.to
		}
		if fits := held == asked.from; fits {
			return !told.known || told.fits, asked.to
		}
		return !told.known || !told.fits, held
	},
}

var logLine = regexp.MustCompile(`(\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s+(.*)$`)

// Reads a log of Jepsen. What never ended ends, unknown, after everything else.
func readLog(name string) []porcupine.Event {
	var events []porcupine.Event
	open := map[string]int{}
	id := 0
	for _, line := range lines(name) {
		found := logLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		process, kind, function := found[1], found[2], found[3]
		numbers := numbersIn(found[4])
		switch {
		case kind == "invoke":
			asked := call{function: function}
			if function == "write" {
				asked.to = numbers[0]
			} else if function == "cas" {
				asked.from, asked.to = numbers[0], numbers[1]
			}
			events = append(events, porcupine.Event{Kind: porcupine.CallEvent, Value: asked, Id: id})
			open[process] = id
			id++
		case kind == "info":
			// Nobody knows: it stays open.
		default:
			// A read that failed tells nothing.
			known := kind == "ok" || function != "read"
			told := answer{known: known, fits: kind == "ok", value: nothing}
			if function == "read" && len(numbers) > 0 {
				told.value = numbers[0]
			}
			at, found := open[process]
			if !found {
				log.Fatalf("%s: process %s had asked nothing", name, process)
			}
			delete(open, process)
			events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: told, Id: at})
		}
	}
	var left []int
	for _, at := range open {
		left = append(left, at)
	}
	sort.Ints(left)
	for _, at := range left {
		events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: answer{}, Id: at})
	}
	return events
}

// What a store was asked. The answer is a text.
type request struct{ function, key, value string }

var store = porcupine.Model{
	PartitionEvent: func(events []porcupine.Event) [][]porcupine.Event {
		parts := map[string][]porcupine.Event{}
		keys := map[int]string{}
		for _, event := range events {
			if event.Kind == porcupine.CallEvent {
				keys[event.Id] = event.Value.(request).key
			}
			parts[keys[event.Id]] = append(parts[keys[event.Id]], event)
		}
		var all [][]porcupine.Event
		for _, part := range parts {
			all = append(all, part)
		}
		return all
	},
	Init: func() interface{} { return "" },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		held, asked := state.(string), input.(request)
		switch asked.function {
		case "get":
			return output.(string) == held, held
		case "put":
			return true, asked.value
		}
		return true, held + asked.value
	},
	Hash: func(state interface{}) uint64 {
		hash := fnv.New64a()
		hash.Write([]byte(state.(string)))
		return hash.Sum64()
	},
}

var storeLine = regexp.MustCompile(
	`:process (\d+), :type :(\w+), :f :(\w+), :key "(.*?)", :value (?:nil|"(.*)")`)

func readStore(name string) []porcupine.Event {
	var events []porcupine.Event
	open := map[string]int{}
	id := 0
	for _, line := range lines(name) {
		found := storeLine.FindStringSubmatch(line)
		if found == nil {
			log.Fatalf("%s: not understood: %s", name, line)
		}
		process, kind, function, key, value := found[1], found[2], found[3], found[4], found[5]
		if kind == "invoke" {
			asked := request{function, key, value}
			events = append(events, porcupine.Event{Kind: porcupine.CallEvent, Value: asked, Id: id})
			open[process] = id
			id++
		} else {
			told := porcupine.Event{Kind: porcupine.ReturnEvent, Value: value, Id: open[process]}
			events = append(events, told)
		}
	}
	return events
}

func lines(name string) []string {
	file, err := os.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	var all []string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		all = append(all, scanner.Text())
	}
	return all
}

var digits = regexp.MustCompile(`-?\d+`)

func numbersIn(text string) []int {
	var all []int
	for _, found := range digits.FindAllString(text, -1) {
		number, _ := strconv.Atoi(found)
		all = append(all, number)
	}
	return all
}
