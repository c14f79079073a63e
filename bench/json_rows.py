"""The rows of JSON: what bench/run measures with the programs NAME_json (bench/json_turns.h).

All of them are there from the beginning and take turns with each text, in another random order in
each round; the slow ones in the first rounds only. Values are GB/s: of the text for parsing, for
writing of the text that Python's json writes, compact, so that none gains by writing more.
"""
import json
import os
import random
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES = [os.environ.get("BENCH_JSON") or "", os.path.join(HERE, "..", "data", "json"),
          os.path.join(HERE, "..", "..", "shared", "data", "json"),
          os.path.join(HERE, "..", "..", "..", "shared", "data", "json")]
PYTHON = "/usr/bin/python3"
LIMIT = "simdjson"
ROUNDS, SLOW_ROUNDS, TURN_MS = 31, 3, 15
JOBS = ["parse", "write"]
TEXTS = ["twitter", "citm_catalog", "canada", "records"]
# system: command, its words for the jobs, whether it takes part in all rounds
SYSTEMS = {
    "simdjson": (["simdjson_json"], {"parse": "parse", "write": "write"}, True),
    "hob": (["hob_json"], {"parse": "parse", "write": "write"}, True),
    "hob-borrow": (["hob_json"], {"parse": "borrow"}, True),
    "hob-events": (["hob_json"], {"parse": "events"}, True),
    "hob-reader": (["hob_json"], {"parse": "trees"}, True),
    "hob-tree": (["hob_model"], {"parse": "parse"}, True),  # as hob, in the next one's process
    "hob-model": (["hob_model"], {"parse": "decode"}, True),
    "rapidjson": (["rapidjson_json"], {"parse": "parse", "write": "write"}, False),
    "jansson": (["jansson_json"], {"parse": "parse", "write": "write"}, False),
    "json-c": (["jsonc_json"], {"parse": "parse", "write": "write"}, False),
    "cjson": (["cjson_json"], {"parse": "parse", "write": "write"}, False),
    "python": ([PYTHON, os.path.join(HERE, "python_json.py")],
               {"parse": "parse", "write": "write"}, False),
}
# What Hob writes beside simdjson it writes in its process: another heap would be another measure.
BESIDE = {("hob", "write"): (["simdjson_json"], "hob")}
NO_BAR = ["hob-events", "hob-reader", "hob-tree"]  # the bars are for trees of whole texts
# What is compared with another row than simdjson's: with which, and its bar.
COMPARED = {"hob-model": ("hob-tree", 1.5)}
WORKLOADS = [f"json_{job}_{text}" for job in JOBS for text in TEXTS]


def records(count=100000):
    """So many small objects; the same in each run."""
    r = random.Random(20)
    first = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Dennis", "Zo\u00eb", "Ren\u00e9"]
    last = ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Ritchie", "M\u00fcller"]
    tags = ["new", "paid", "export", "gift", "late", "returned"]
    rows = [{"id": i, "name": f"{r.choice(first)} {r.choice(last)}",
             "email": f"user{r.randrange(10 ** 6)}@example.com", "active": r.random() < 0.7,
             "score": round(r.uniform(0, 100), 2), "balance": r.randrange(-10 ** 6, 10 ** 6),
             "created": f"202{r.randrange(6)}-{r.randrange(1, 13):02d}-{r.randrange(1, 29):02d}"
                        f"T{r.randrange(24):02d}:{r.randrange(60):02d}:00Z",
             "manager": None if r.random() < 0.2 else r.randrange(count),
             "tags": r.sample(tags, r.randrange(4))} for i in range(count)]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()


def find(text):
    """The path of a text that is not made here, or None."""
    for place in PLACES:
        path = os.path.join(place, text + ".json")
        if place and os.path.exists(path):
            return path
    return None


class Program:
    """One program, which waits between its turns."""

    def __init__(self, command, paths, start, complaint, cpus):
        self.name, self.complaint = os.path.basename(command[-1]), complaint
        self.child = start(command + [f"{name}={path}" for name, path in paths.items()], cpus,
                           stdin=-1)  # a pipe
        if self.child.stdout.readline() != "ready\n":
            raise complaint(self.child, self.name)

    def turn(self, word, text):
        """ns for one time."""
        try:
            self.child.stdin.write(f"{word} {text} {TURN_MS}\n")
            self.child.stdin.flush()
            return float(self.child.stdout.readline())
        except (ValueError, BrokenPipeError):
            raise self.complaint(self.child, self.name) from None


def sizes(path):
    """What counts for each job."""
    with open(path, "rb") as f:
        text = f.read()
    compact = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    return {"parse": len(text), "write": len(compact.encode())}


def measure_text(text, jobs, turns, size, add, runs, say):
    """turns: (system, job) -> its program, and what that calls the job."""
    order = random.Random(text)
    for turn in range(runs):
        say(f"json_*_{text}", f"round {turn + 1} of {runs}")
        for job in jobs:
            systems = [s for s, (_, _, lasting) in SYSTEMS.items()
                       if (s, job) in turns and (lasting or turn < SLOW_ROUNDS)]
            for system in order.sample(systems, len(systems)):
                program, word = turns[system, job]
                ns = program.turn(word, text)
                add(f"json_{job}_{text}", system, "GB/s", size[job] / ns)


def measure(wanted, add, say, note, start, stop, complaint, lacks, runs, cpus):
    """Adds the values of the rows `wanted`; the rest are bench/run's own functions."""
    jobs = {t: [j for j in JOBS if f"json_{j}_{t}" in wanted] for t in TEXTS}
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for text in (t for t in TEXTS if jobs[t]):
            path = os.path.join(folder, text + ".json") if text == "records" else find(text)
            if path is None:
                note(f"json_*_{text}: skipped, there is no {text}.json (BENCH_JSON=FOLDER says "
                     "where)")
                continue
            if text == "records":
                with open(path, "wb") as f:
                    f.write(records())
            paths[text] = path
        turns, running = {}, {}
        try:
            for system, (command, words, _) in SYSTEMS.items():
                if command[0] != PYTHON and lacks(command[:1]):
                    note(f"json_*: no {system} rows ({command[0]} was not built: what it needs is "
                         "not installed)")
                    continue
                if command[-1] not in running:
                    say("json_*", f"{system} reads the texts")
                    running[command[-1]] = Program(command, paths, start, complaint, cpus)
                turns.update({(system, job): (running[command[-1]], word)
                              for job, word in words.items()})
            for turn, (command, word) in BESIDE.items():
                if command[-1] in running:
                    turns[turn] = (running[command[-1]], word)
            for text, path in paths.items():
                measure_text(text, jobs[text], turns, sizes(path), add, runs or ROUNDS, say)
        finally:
            stop([p.child for p in running.values()])
