"""python_client.py - what the clients of http_client_* in Python share: bench/http_client.h's
counts and clocks."""
import re
import sys
import time

url, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
turns = iter(range(count))  # each worker takes the next one
answers = total = 0
before = wall = cpu = 0


def memory(resident):
    with open("/proc/self/status", encoding="ascii") as f:
        return 1024 * sum(map(int, re.findall(rf"(?:{resident}|VmPTE):\s+(\d+)", f.read())))


def begin():
    global before, wall, cpu
    before, wall, cpu = memory("VmRSS"), time.monotonic_ns(), time.process_time_ns()


def add_bytes(n):
    global total
    total += n


def add_answer(status):
    global answers
    answers += status == 200


def end():
    used, took = time.process_time_ns() - cpu, time.monotonic_ns() - wall
    if answers != count:
        sys.exit(f"{answers} answers to {count} requests")
    print(answers, total, took, used, memory("VmHWM") - before)
