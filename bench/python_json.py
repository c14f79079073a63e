"""JSON by Python's json; the protocol is bench/json_turns.h's."""
import json
import sys
import time

texts, trees = {}, {}
for argument in sys.argv[1:]:
    name, path = argument.split("=", 1)
    with open(path, "rb") as f:
        texts[name] = f.read()
    trees[name] = json.loads(texts[name])

jobs = {
    "parse": lambda name: json.loads(texts[name]),
    "write": lambda name: json.dumps(trees[name], separators=(",", ":"), ensure_ascii=False)
    .encode(),
}
print("ready", flush=True)
for line in sys.stdin:
    what, name, ms = line.split()
    job, least, runs, spent = jobs[what], int(ms) * 1000000, 0, 0
    began = time.process_time_ns()
    job(name)
    first = time.process_time_ns() - began
    began = time.process_time_ns()
    while first < least and spent < least:
        job(name)
        runs += 1
        spent = time.process_time_ns() - began
    print(f"{spent / runs if runs else first:.6g}", flush=True)
