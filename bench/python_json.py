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
    job, runs = jobs[what], 0
    job(name)
    began = time.process_time_ns()
    while True:
        job(name)
        runs += 1
        spent = time.process_time_ns() - began
        if spent >= int(ms) * 1000000:
            break
    print(f"{spent / runs:.6g}", flush=True)
