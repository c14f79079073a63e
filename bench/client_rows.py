"""The rows of HTTP clients: what bench/run measures with one server for all of them.

nginx has one CPU, each client another; with 10,000 slow answers the server is slow_http. The
clients run one after another, each a process of its own, in rounds of another random order each.
What a client used it says itself (bench/http_client.h): from its first request to its last answer,
without the program's start; for wrk, which counts seconds instead of requests, it is what the
whole process used.
"""
import os
import random
import re
import resource
import subprocess
import tempfile

import http_rows

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
DOWNLOAD = 1 << 30
# name: path, requests, at once
LOADS = {"http_client_small": ("/", 20000, 100), "http2_client_small": ("/", 20000, 100),
         "http_client_1g": ("/file/1g", 1, 1), "http_client_slow": ("/", 10000, 10000)}
# What each gives: row, unit.
ROWS = {"http_client_small": [("http_client_small", "us CPU"), ("http_client_small_rate", "/s")],
        "http2_client_small": [("http2_client_small", "us CPU"), ("http2_client_small_rate", "/s")],
        "http_client_1g": [("http_client_1g", "s CPU"), ("http_client_1g_rate", "GB/s")],
        "http_client_slow": [("http_client_slow", "s"), ("http_client_slow_cpu", "us CPU"),
                             ("http_client_slow_bytes", "bytes")]}
WORKLOADS = [row for name in LOADS for row, _ in ROWS[name]]
COMPARED = {row: "go" if "slow" in row else "curl" for row in WORKLOADS}
ROUNDS = {"http_client_small": 11, "http2_client_small": 7, "http_client_1g": 5,
          "http_client_slow": 5}
SLOW_ROUNDS = 3
# system: command, environment, whether it takes part in all rounds, by what its requests are
# divided, what it has no row of
SYSTEMS = {
    "hob-uring": (["hob_http_client"], {"HOB_BACKEND": "uring"}, True, 1, []),
    "hob-epoll": (["hob_http_client"], {"HOB_BACKEND": "epoll"}, True, 1, []),
    "curl": (["curl_http_client"], {}, True, 1, []),
    "go": (["go_http_client"], {}, True, 1, []),
    "wrk": (["wrk"], {}, True, 1, ["http2_client_small", "http_client_1g", "http_client_slow"]),
    "h2load": (["h2load"], {}, True, 1,
               ["http_client_small", "http_client_1g", "http_client_slow"]),
    "aiohttp": ([PYTHON, os.path.join(HERE, "aiohttp_client.py")], {}, False, 1,
                ["http2_client_small"]),
    "aiohttp-uvloop": ([PYTHON, os.path.join(HERE, "aiohttp_client.py")], {}, False, 1,
                       ["http2_client_small"]),
    "httpx": ([PYTHON, os.path.join(HERE, "httpx_client.py")], {}, False, 5, []),
}
WHOLE = {"http_client_slow"}  # here nobody makes fewer
ONCE = {("http_client_slow", "httpx")}  # it takes a minute and more
PATIENCE_S = 240


def values_of(name, answers, total, wall_ns, cpu_ns, memory):
    """What the rows of that load say."""
    if name == "http_client_1g":
        return [cpu_ns * 1e-9, total / wall_ns]
    if name == "http_client_slow":
        return [wall_ns * 1e-9, cpu_ns / answers * 1e-3, memory / answers]
    return [cpu_ns / answers * 1e-3, answers / wall_ns * 1e9]


def run_load(command, how):
    """What it says, and its CPU time: that of the children that have been waited for, summed up."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.run(["taskset", "-c", str(how.cpus[-1])] + command, capture_output=True,
                          text=True, timeout=PATIENCE_S, check=False).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return text, cpu * 1e9


def run_wrk(url, at_once, how):
    text, cpu = run_load(["wrk", "-t1", f"-c{at_once}", "-d1s", url], how)
    count = re.search(r"(\d+) requests in ([\d.]+)s", text)
    if not count or not int(count[1]) or "Non-2xx" in text:
        raise how.failed(f"wrk: {text.strip() or 'nothing'}")
    return int(count[1]), 0, float(count[2]) * 1e9, cpu, 0


def run_h2load(url, count, at_once, how):
    text, cpu = run_load(["h2load", f"-n{count}", "-c1", f"-m{at_once}", url], how)
    took = re.search(r"finished in ([\d.]+)(us|ms|s),", text)
    if not took or f" {count} 2xx" not in text:
        raise how.failed(f"h2load: {text.strip() or 'nothing'}")
    return count, 0, float(took[1]) * {"us": 1e3, "ms": 1e6, "s": 1e9}[took[2]], cpu, 0


def run_client(name, system, url, how):
    path, count, at_once = LOADS[name]
    url += path
    command, env, _, fewer, _ = SYSTEMS[system]
    if system == "wrk":
        return run_wrk(url, at_once, how)
    if system == "h2load":
        return run_h2load(url, count, at_once, how)
    words = [url, str(count if name in WHOLE else max(1, count // fewer)), str(at_once)]
    words += ["uvloop"] if system.endswith("uvloop") else []
    child = how.start(command + words, {how.cpus[-1]}, env)
    try:
        out = child.communicate(timeout=PATIENCE_S)[0].split()
    except subprocess.TimeoutExpired:
        how.stop([child])
        raise how.failed(f"{system}: took longer than {PATIENCE_S} s") from None
    if child.returncode != 0 or len(out) != 5:
        raise how.complaint(child, f"http client ({system})")
    return tuple(map(int, out))


def measure_load(name, url, how):
    there = []
    for system, (_, _, _, _, cannot) in SYSTEMS.items():
        why = None if name in cannot else how.lacks(system)
        if why:
            how.note(f"{name}: no {system} row ({why})")
        elif name not in cannot:
            there.append(system)
    order, rounds = random.Random(name), how.runs or ROUNDS[name]
    for turn in range(rounds):
        for system in order.sample(there, len(there)):
            if turn >= SLOW_ROUNDS and not SYSTEMS[system][2] or turn and (name, system) in ONCE:
                continue
            how.say(name, f"{system}, round {turn + 1} of {rounds}")
            try:
                measured = run_client(name, system, url, how)
            except Exception as failure:  # pylint: disable=broad-except
                if not isinstance(failure, how.failed):
                    raise
                how.trouble(f"{name}: {failure}")
                continue
            for (row, unit), value in zip(ROWS[name], values_of(name, *measured)):
                if row in how.wanted:
                    how.add(row, system, unit, value)


def slow_server(how):
    child = how.start(["slow_http"], {how.cpus[0]})
    line = child.stdout.readline().split()
    if len(line) != 2 or line[0] != "port":
        raise how.complaint(child, "slow_http")
    return child, f"http://127.0.0.1:{line[1]}"


def measure(wanted, how):
    """how: bench/run's own functions, and what it was told."""
    how.wanted = wanted
    loads = [name for name in LOADS if any(row in wanted for row, _ in ROWS[name])]
    if "http_client_slow" in loads:
        loads.remove("http_client_slow")
        child, url = slow_server(how)
        try:
            measure_load("http_client_slow", url, how)
        finally:
            how.stop([child])
    if not loads:
        return
    if not how.which("nginx"):
        how.note(f"{', '.join(loads)}: skipped, nginx is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        http_rows.prepare(folder)
        with open(f"{folder}/files/1g", "w+b") as f:
            f.truncate(DOWNLOAD)
            while f.read(1 << 20):  # so that the page cache holds it
                pass
        for name in loads:
            secure = name == "http2_client_small"
            server = http_rows.Server("nginx", folder, how, "http2_tls_" if secure else "http_")
            try:
                measure_load(name, f"http{'s' * secure}://127.0.0.1:{server.port}", how)
            finally:
                server.end()

