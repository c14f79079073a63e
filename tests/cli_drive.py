#!/usr/bin/env python3
"""cli_drive.py SCENE HOB URL ... - what a shell cannot do: signals, terminals, timing.

Exit status 0 when all is as it should be. HOB is the command, URL the playground's."""
import fcntl
import json
import os
import pty
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.error
import urllib.request
from pathlib import Path

# Where this was started with Ctrl-C ignored (by a shell, in the background), what it starts would ignore
# it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

KEYS = {"url", "status", "bytes", "seconds", "error",
        "phases", "exchanges", "reused", "protocol", "peer"}


def check(true, *what):
    if not true:
        print("not so:", *what)
        sys.exit(1)


def results(text):
    """Each line is a JSON object with the documented keys."""
    found = []
    for line in text.splitlines():
        r = json.loads(line)
        check(set(r) == (KEYS | {"message"} if r["error"] else KEYS), "keys", line)
        check(isinstance(r["url"], str) and isinstance(r["bytes"], int), "types", line)
        check(r["status"] is None or 100 <= r["status"] <= 599, "status", line)
        check(r["seconds"] >= 0, "seconds", line)
        found.append(r)
    return found


def lines(path):
    """FILE [ERROR]: only results; all without an error, or all with this one."""
    found = results(Path(path).read_text())
    for r in found:
        check(r["error"] in (sys.argv[3:] or [None]), r)
    check(found, "no results")


def start(*args, **options):
    return subprocess.Popen(args, stdin=options.pop("stdin", subprocess.DEVNULL), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


EACH = re.compile(r"each took [0-9.]+ m?s \(median\), 90 % up to [0-9.]+ m?s, 99 % [0-9.]+ m?s, "
                  r"all [0-9.]+ m?s; [0-9.]+ \w+, [0-9.]+ \w+/s\r?\n")


def last_line(text):
    """The summary's last line, behind the one with the times."""
    check(EACH.match(text), text)
    return EACH.sub("", text, count=1)


def endless(url):
    """What is under way when the signal comes. Its handlers write each second, so that they end soon, whenever
    the client left: one whose request and end have come together is answered, as a client is that has only
    ended its sending, and might run for all of its time."""
    return [url + "/drip?duration=30&numbytes=30"] * 30


def interrupt(hob, url):
    """Ctrl-C in the middle: the results so far, the summary, the end by SIGINT."""
    p = start(hob, "fetch", *[url + "/get"] * 20, *endless(url))
    out = "".join(p.stdout.readline() for _ in range(20))
    p.send_signal(signal.SIGINT)
    began = time.monotonic()
    rest, err = p.communicate(timeout=60)
    check(time.monotonic() - began < 15, "it has waited for the others")
    check(p.returncode == -signal.SIGINT, "status", p.returncode, err)
    check(len(results(out + rest)) == 20, "results", out, rest)
    check(re.fullmatch(r"interrupted: fetched 20 of 50 URLs in [0-9.]+ s \(.*\)\n", last_line(err)),
          err)


def end_of(p, seconds=15):
    """The status with which it ends; what it has written is left where it is."""
    try:
        return p.wait(seconds)
    except subprocess.TimeoutExpired:
        p.kill()
        check(False, "it goes on")


def told(p, sig):
    """Sends it that signal, and waits until it has had time to act on it."""
    p.send_signal(sig)
    pending = r"(?m)^(?:Sig|Shd)Pnd:\s*[0-9a-f]*[1-9a-f]"
    for _ in range(500):  # a second one of the same kind would be lost while the first is on its way
        if p.poll() is not None or not re.search(pending, Path("/proc/%d/status" % p.pid).read_text()):
            break
        time.sleep(0.02)
    time.sleep(0.3)


def filled(pipe):
    """Nobody reads that pipe, and for a second nothing has come into it any more. It has one page: what
    does not fit behind the first line waits."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    before, same = 0, 0
    for _ in range(300):
        held = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"1234"))[0]
        same = same + 1 if held and held == before else 0
        if same == 10:
            return
        before = held
        time.sleep(0.1)
    check(False, "it writes on, or nothing:", before)


def interrupt_twice(hob, url):
    """A second Ctrl-C, or SIGTERM, does not wait for a reader that the results of the first wait for."""
    for second in (signal.SIGINT, signal.SIGTERM):
        p = start(hob, "fetch", "-c", "50", *[url + "/get?" + "x" * 1000] * 500)
        filled(p.stdout)
        told(p, signal.SIGINT)
        check(p.poll() is None, "the results were given up by the first signal", p.returncode)
        p.send_signal(second)
        check(end_of(p) in (-signal.SIGINT, -second), "status", p.returncode)
        p.communicate()


def interrupted_and_read(hob, url):
    """But that reader has all of them, once it reads on."""
    p = start(hob, "fetch", "-c", "50", *[url + "/get?" + "x" * 1000] * 500)
    filled(p.stdout)
    told(p, signal.SIGINT)
    out, err = p.communicate(timeout=60)
    check(p.returncode == -signal.SIGINT, "status", p.returncode, err)
    n = int(re.match(r"interrupted: fetched (\d+) of 500 URLs in ", last_line(err))[1])
    check(len(results(out)) == n, n, "results", out[-200:])


def terminate(hob, url):
    """SIGTERM ends it at once, by SIGTERM: the results until then are whole lines."""
    p = start(hob, "fetch", *[url + "/get"] * 20, *endless(url))
    out = "".join(p.stdout.readline() for _ in range(20))
    p.send_signal(signal.SIGTERM)
    check(end_of(p) == -signal.SIGTERM, "status", p.returncode)
    rest, err = p.communicate()
    check(len(results(out + rest)) == 20 and err == "", out, rest, err)


def crawl_twice(hob, url):
    """Ctrl-C twice and SIGTERM, while nobody reads the pages: a crawl ends by the signal."""
    for signals in ((signal.SIGINT, signal.SIGINT), (signal.SIGINT, signal.SIGTERM), (signal.SIGTERM,)):
        p = start(hob, "crawl", "--json", "--rate", "0", "--no-sitemaps", url)
        filled(p.stdout)
        for sig in signals:
            if p.poll() is None:
                told(p, sig)
        check(end_of(p) in [-sig for sig in signals], "status", p.returncode)
        p.communicate()


def slow_input(hob, url):
    """A pipe that delivers slowly: what is there is fetched meanwhile."""
    p = start(hob, "fetch", stdin=subprocess.PIPE)
    for _ in range(3):
        p.stdin.write(url + "/get\n")
        p.stdin.flush()
        check(select.select([p.stdout], [], [], 5)[0], "no result while the input is open")
        check(json.loads(p.stdout.readline())["status"] == 200, "result")
    p.stdin.write(url + "/status/404")  # no line's end
    out, err = p.communicate(timeout=20)
    check(json.loads(out)["status"] == 404, out)
    check(last_line(err).startswith("fetched 4 URLs in "), err)
    check(p.returncode == 0, p.returncode)


def slow_output(hob, url):
    """A reader that is slow: nothing is lost, and the requests wait."""
    with tempfile.NamedTemporaryFile("w") as f:
        f.write((url + "/get?" + "x" * 1000 + "\n") * 2000)
        f.flush()
        p = start(hob, "fetch", "-i", f.name, "-c", "50")
        time.sleep(1)
        out, err = p.communicate(timeout=60)
    check(len(results(out)) == 2000 and p.returncode == 0, err)


def broken_pipe(hob, url):
    """hob fetch ... | head -1: by SIGPIPE, without a word."""
    p = start(hob, "fetch", "-c", "10", *[url + "/delay/0.05"] * 2000)
    p.stdout.readline()
    p.stdout.close()
    err = p.stderr.read()
    check(p.wait(20) == -signal.SIGPIPE, "status", p.returncode)
    check(err == "", err)


def on_terminal(command, columns):
    """What it shows on a terminal that is so wide, with nothing on its other descriptors."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=side,
                         env=dict(os.environ, TERM="xterm"))
    os.close(side)
    screen = b""
    while True:
        try:
            screen += os.read(main, 4096)
        except OSError:
            break
    os.close(main)
    check(p.wait() == 0, "status", p.returncode)
    return screen.decode()


def crawl_terminal(hob, url):
    """The bar of a crawl: how many of those known, the rate, the time left; then the summary."""
    screen = on_terminal([hob, "crawl", "--rate", "20", "-n", "20", "--no-sitemaps", "-o", "c.db",
                          url], 100)
    check(re.search(r"\r\[#*\.*\] \d+/\d+  [\d.]+/s  \d+:\d\d left", screen), screen)
    check("\r\x1b[Kcrawled 20 pages of 1 host in " in screen, screen)


def terminal(hob, url):
    """The bar fits the width, ends at the full number and makes room for the summary."""
    for columns in (100, 40, 12):
        screen = on_terminal([hob, "fetch", "-c", "2", *[url + "/delay/0.2"] * 10], columns)
        frames = screen.split("\r")
        bars = [re.sub("\x1b.*", "", f) for f in frames[:-3] if f]
        check(len(bars) >= 5, "frames", frames)
        check(all(len(b) < columns for b in bars), "too wide", columns, bars)
        check(any("/10" in b for b in bars), bars)
        if columns == 100:
            check(any(re.search(r"\d/s  0:0\d left$", b) for b in bars), "rate and time left", bars)
        check(any("[" in b and "#" in b for b in bars) == (columns > 12), bars)
        check("\r\x1b[Keach took " in screen, screen)
        end = screen.rpartition("\r\x1b[K")[2]
        check(last_line(end).startswith("fetched 10 URLs in "), screen)


def memory(hob, url):
    """A list of 300,000 URLs takes no more memory than a short one."""
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("no url at all\n" * 300000)
        f.flush()
        p = start(hob, "fetch", "-i", f.name, "-o", "/dev/null", "-c", "50")
        err = p.stderr.read()
        check(p.wait() == 1, p.returncode)
    check("fetched 0 of 300000 URLs, 300000 failed (300000 bad URL) in " in err, err)
    check(err.count("hob fetch: ") == 21, "20 failures and a note", err)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    check(peak < 100 << 10 or "asan" in hob, "KiB:", peak)


def get(url, status=200, method="GET"):
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10)
    except urllib.error.HTTPError as e:
        answer = e
    check(answer.status == status, url, answer.status)
    return answer.read()


def routes(_, url):
    """What the playground answers."""
    page = get(url + "/").decode()
    check(all(r in page for r in ("/get", "/delay/", "/status/", "/bytes/", "/items", "/sse")), page)
    told = json.loads(get(url + "/get?a=1&b=x%20y+z&c&d=%C3%A9"))
    check(told["args"] == {"a": "1", "b": "x y z", "c": "", "d": "\u00e9"}, told)
    told = json.loads(get(url + "/get?a=1&b=2&a=3&A=4&a="))
    check(told["args"] == {"a": ["1", "3", ""], "b": "2", "A": "4"}, told)
    check(told["origin"] == "127.0.0.1" and told["url"].startswith(url + "/get?a=1&b"), told)
    check(told["headers"]["Host"] == url[7:], told)
    began = time.monotonic()
    check(json.loads(get(url + "/delay/0.25")) == {"delay": 0.25}, "delay")
    check(0.25 <= time.monotonic() - began < 20, "delay's time")
    for bad in ("/delay/-1", "/delay/x", "/delay/nan", "/delay/9999", "/status/99", "/status/600",
                "/status/x", "/bytes/-1", "/bytes/1e3", "/bytes/5?seed=x", "/items?page=0"):
        check("error" in json.loads(get(url + bad, 400)), bad)
    for missing in ("/nope", "/delay", "/delay/", "/delay/1/2", "/get/", "/items/1"):
        check(json.loads(get(url + missing, 404))["path"] == missing, missing)
    for status in (200, 201, 400, 404, 418, 500, 503, 599):
        check(json.loads(get("%s/status/%d" % (url, status), status))["status"] == status, status)
    check(get(url + "/status/204", 204) == b"", 204)
    check(get(url + "/get", 405, "POST") == b"", 405)
    check(get(url + "/get", 200, "HEAD") == b"", "HEAD")
    for n in (0, 1, 7, 16384, 100001):
        check(len(get("%s/bytes/%d" % (url, n))) == n, n)
    check(get(url + "/bytes/50000?seed=7") == get(url + "/bytes/50000?seed=7"), "seed")
    check(get(url + "/bytes/1000?seed=7") == get(url + "/bytes/50000?seed=7")[:1000], "seed")
    check(get(url + "/bytes/100?seed=7") != get(url + "/bytes/100?seed=8"), "seeds")
    check(get(url + "/bytes/100") != get(url + "/bytes/100"), "random")
    ids = [i["id"] for page in range(1, 6)
           for i in json.loads(get("%s/items?page=%d" % (url, page)))]
    check(ids == list(range(1, 41)), ids)
    check(json.loads(get(url + "/items?page=5")) == [], "the last page is empty")


def playground(hob, *args):
    p = start(hob, "playground", *args)
    return p, p.stdout.readline().strip().replace("listening on ", "")


def stop(hob, _):
    """Ctrl-C and SIGTERM: idle connections at once, requests in progress are answered."""
    for sig in (signal.SIGINT, signal.SIGTERM):
        p, url = playground(hob, "-l", "127.0.0.1:0")
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        idle = socket.create_connection(address)
        idle.sendall(b"GET /get HTTP/1.1\r\nHost: x\r\n\r\n")
        idle.recv(65536)
        busy = socket.create_connection(address)
        busy.sendall(b"GET /delay/3 HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(2):
            get(url + "/get")  # by now it has seen what came before
        p.send_signal(sig)
        check(idle.recv(100) == b"", "idle connection")
        check(not select.select([busy], [], [], 0)[0], "idle connection closed late")
        check(busy.recv(65536).startswith(b"HTTP/1.1 200"), "request in progress")
        out, err = p.communicate(timeout=60)
        check(p.returncode == 0 and err == "", p.returncode, err)


def listen(hob, _):
    """Several addresses, a Unix socket among them; one that is in use."""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/socket"
        p, url = playground(hob, "-l", "127.0.0.1:0", "--listen", "unix:" + path)
        check(p.stdout.readline() == "listening on unix:%s\n" % path, "unix")
        get(url + "/get")
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"GET /status/201 HTTP/1.0\r\n\r\n")
        check(s.recv(4096).startswith(b"HTTP/1.1 201"), "over unix")
        other = start(hob, "playground", "-l", url[7:])
        out, err = other.communicate(timeout=10)
        check(other.returncode == 1 and out == "", other.returncode, out)
        check(re.fullmatch(r"hob playground: .*%s.*Address already in use\n" % url[7:], err), err)
        other = start(hob, "playground", "-l", "127.0.0.1:0", "-l", url[7:])
        out, err = other.communicate(timeout=10)  # it will listen nowhere, and does not say so
        check(other.returncode == 1 and out == "", other.returncode, out)
        p.terminate()
        check(p.wait(10) == 0, p.returncode)
        check(not os.path.exists(path), "the socket's file stays")


SCENES = {f.__name__: f for f in (interrupt, interrupt_twice, interrupted_and_read,
                                  terminate, crawl_twice, slow_input, slow_output, broken_pipe, terminal,
                                  crawl_terminal, memory, routes, stop, listen)}
if sys.argv[1] == "lines":
    lines(sys.argv[2])
else:
    SCENES[sys.argv[1]](sys.argv[2], sys.argv[3])
