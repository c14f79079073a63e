"""The rows of HTTP servers: what bench/run measures with wrk, h2load, and bench/http_load.c.

The server has one CPU, its load another. The servers of a row are there from the beginning; one after
the other has its window of a second, in rounds of another random order each. A value is the server's
CPU time for one request: what /proc/PID/schedstat says it used, for the requests that were counted.
"""
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
SECONDS, ROUNDS, SLOW_ROUNDS = 1, 9, 2
FILES = {"1k": 1 << 10, "10k": 10 << 10, "100k": 100 << 10, "1m": 1 << 20}
PIPELINE = 16
STREAMS = 8
# workload: path, connections
LOADS = {"http_hello_64": ("/", 64), "http_hello_1000": ("/", 1000), "http_pipelined": ("/", 64),
         "http_json": ("/json", 64),
         **{f"http_file_{name}": (f"/file/{name}", 64) for name in FILES},
         "http_tls_hello": ("/", 64), "http2_hello": ("/", 16), "http2_tls_hello": ("/", 16)}
# with http_load: path, connections; p99 at this part of the requests that nginx can do
METERED = {"websocket_echo": ("/ws", 64), "http_hello_p99": ("/", 64)}
WINDOW_MS, PART, METERED_ROUNDS = 250, 0.8, 31
IDLE = {"http_idle_10000": 10000, "http2_idle_1000": 1000, "websocket_idle_10000": 10000,
        "websocket_parked_10000": 10000}
WORKLOADS = [*LOADS, *METERED, *IDLE]
COMPARED = {**dict.fromkeys(WORKLOADS, "nginx"),
            **dict.fromkeys(["http_tls_hello", "http2_hello", "http2_tls_hello"], "h2o")}
# system: command, environment, whether it takes part in all rounds, what it cannot do
SYSTEMS = {
    "raw": (["raw_http"], {}, True, ["http_json", "http_file_", "http_tls", "http2_tls", "http2_idle",
                                      "websocket_"]),  # raw_http2 for http2_hello
    "hob-uring": (["hob_http"], {"HOB_BACKEND": "uring"}, True, []),
    "hob-epoll": (["hob_http"], {"HOB_BACKEND": "epoll"}, True, []),
    "nginx": (None, {}, True, ["websocket_"]),
    "h2o": (None, {}, True, ["websocket_"]),
    "go": (["go_http"], {"GOMAXPROCS": "1"}, False,
           ["http2_hello", "http2_idle", "websocket_"]),  # net/http has HTTP/2 over TLS only
    "node": (["node", os.path.join(HERE, "node_http.js")], {}, False,
             ["websocket_parked"]),
    "aiohttp": ([PYTHON, os.path.join(HERE, "aiohttp_http.py")], {}, False,
                ["http2_", "websocket_parked"]),
    "uvicorn": ([PYTHON, os.path.join(HERE, "uvicorn_http.py")], {}, False,
                ["http2_", "websocket_"]),
}
NEEDED = {("uvicorn", "http_file"): "starlette"}  # by these rows of the system
SCRIPT = """init = function(args)
  local all = {}
  for i = 1, %d do all[i] = wrk.format() end
  request_text = table.concat(all)
end
request = function() return request_text end
""" % PIPELINE
JSON = '{"message":"Hello, world!","id":1234567,"tags":["a","b","c"],"ok":true}'
NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null crit;
events {{ worker_connections 20000; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  default_type application/octet-stream;
  ssl_certificate {folder}/cert; ssl_certificate_key {folder}/key;
  server {{ listen 127.0.0.1:{port} backlog=4096{nginx_listen};
    location = / {{ default_type text/plain; return 200 "Hello, world!"; }}
    location = /json {{ default_type application/json;
      return 200 '{json}'; }}
    location /file/ {{ alias {folder}/files/; }} }}
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; }}
"""
# h2o says a text as it is only out of a file.
H2O = """user: {user}
num-threads: 1
max-connections: 20000
http1-request-timeout: 75
listen: {{host: 127.0.0.1, port: {port}{h2o_listen}}}
pid-file: {folder}/h2o-pid
error-log: /dev/null
file.index: ["hello"]
file.mime.setdefaulttype: text/plain
file.send-gzip: OFF
hosts:
  default:
    paths:
      "/json": {{file.file: {folder}/hello.json}}
      "/file": {{file.dir: {folder}/files}}
      "/": {{file.dir: {folder}/root}}
"""


HELLO = b"Hello, world!"


def upgrade(path):
    """For a WebSocket, with a message behind it: "hello", masked by zeros."""
    return (b"GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            b"\x82\x85\0\0\0\0hello" % path)


# The preface, SETTINGS, their ACK, and a request of ":method GET, :scheme http, :path /, :authority a".
H2_ASK = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex(
    "000000040000000000" "000000040100000000" "000006010500000001" "828684410161")
IDLE_TALK = {"http_idle_10000": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HELLO),
             "http2_idle_1000": (H2_ASK, HELLO),
             "websocket_idle_10000": (upgrade(b"/ws"), b"\x82\x05hello"),
             "websocket_parked_10000": (upgrade(b"/parked"), b"\x82\x05hello")}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def prepare(folder):
    os.chmod(folder, 0o755)
    for name in "files", "root":
        os.mkdir(f"{folder}/{name}")
    for name, size in FILES.items():
        with open(f"{folder}/files/{name}", "wb") as f:
            f.write(random.Random(name).randbytes(size))
    with open(f"{folder}/root/hello", "w", encoding="ascii") as f:
        f.write("Hello, world!")
    with open(f"{folder}/hello.json", "w", encoding="ascii") as f:
        f.write(JSON)
    with open(f"{folder}/pipeline.lua", "w", encoding="ascii") as f:
        f.write(SCRIPT)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", folder + "/key",
                    "-out", folder + "/cert"], check=True, capture_output=True)


class Server:
    """One server: its port, and the process that does the work."""

    def __init__(self, system, folder, how, name):
        command, env, _, _ = SYSTEMS[system]
        self.system, self.how, self.load = system, how, None
        self.tls, self.shared = "_tls_" in name, name.startswith("http2_")
        if command:
            if system == "raw" and self.shared:
                command = ["raw_http2"]
            if command[0] == "node":
                command = [shutil.which("node")] + command[1:] + ["http2" if self.shared else "http"]
            files = [folder + "/files"]
            if self.tls:
                files += [folder + "/cert", folder + "/key"]
            self.child = how.start(command + files, {how.cpus[0]}, env)
            line = self.child.stdout.readline().split()
            if len(line) != 2 or line[0] != "port":
                raise how.complaint(self.child, f"http ({system})")
            self.port, self.pid = int(line[1]), self.child.pid
        else:
            self.port = free_port()
            with open(f"{folder}/{system}.conf", "w", encoding="ascii") as f:
                f.write((NGINX if system == "nginx" else H2O).format(
                    folder=folder, port=self.port, json=JSON, user=pwd.getpwuid(os.getuid()).pw_name,
                    nginx_listen=" ssl" * self.tls + " http2" * self.shared,
                    h2o_listen=f", ssl: {{certificate-file: {folder}/cert, key-file: {folder}/key}}"
                    if self.tls else ""))
            program = how.which(system)
            self.child = how.start([program, "-c", f"{folder}/{system}.conf"] + (
                ["-e", "/dev/null", "-p", folder] if system == "nginx" else []), {how.cpus[0]})
            self.pid = self.wait_until_up(system == "nginx")
        self.empty = self.memory()

    def wait_until_up(self, forks):
        for _ in range(100):
            time.sleep(0.05)
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                continue
            workers = children_of(self.child.pid)
            if workers or not forks:
                return workers[0] if forks else self.child.pid
        raise self.how.complaint(self.child, f"http ({self.system})")

    def cpu_ns(self):
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total

    def memory(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return 1024 * sum(map(int, re.findall(r"Vm(?:RSS|PTE):\s+(\d+)", f.read())))

    def window(self, path, connections, script):
        """CPU us of the server for each request."""
        before = self.cpu_ns()
        url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}{path}"
        if self.shared:
            command, counted = ["h2load", "-t1", f"-c{connections}", f"-m{STREAMS}", f"-D{SECONDS}",
                                url], r"(\d+) succeeded, 0 failed, 0 errored"
        else:
            command, counted = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s"] + (
                ["-s", script] if script else []) + [url], r"(\d+) requests in"
        text = subprocess.run(["taskset", "-c", str(self.how.cpus[-1])] + command,
                              capture_output=True, text=True, timeout=60, check=False).stdout
        count = re.search(counted, text)
        if not count or not int(count[1]) or "Non-2xx" in text:
            raise self.how.failed(
                f"{command[0]} ({self.system}): {' '.join(text.split()) or 'nothing'}")
        return (self.cpu_ns() - before) / int(count[1]) * 1e-3

    def begin_metering(self, path, connections):
        self.load = self.how.start(
            ["http_load", str(self.port), str(connections), str(self.pid), path],
            {self.how.cpus[-1]}, stdin=subprocess.PIPE)
        return self.metered(WINDOW_MS)

    def metered(self, ms, rate=0):
        """Requests, CPU us for each, requests a second, us within which 99 % were answered."""
        try:
            self.load.stdin.write(f"{ms} {rate:.0f}\n" if rate else f"{ms}\n")
            self.load.stdin.flush()
            count, cpu, wall, _, p99 = map(int, self.load.stdout.readline().split())
            return count, cpu / count * 1e-3, count / wall * 1e9, p99 * 1e-3
        except (OSError, ValueError):
            raise self.how.complaint(self.load, f"http_load ({self.system})") from None

    def idle_bytes(self, n, name):
        """Memory for each of n connections that have had an answer and wait."""
        held, (ask, last) = [], IDLE_TALK[name]
        try:
            for _ in range(n):
                held.append(socket.create_connection(("127.0.0.1", self.port)))
            for s in held:
                s.sendall(ask)
            for s in held:
                heard = b""
                while last not in heard:
                    more = s.recv(4096)
                    if not more:
                        raise self.how.failed(f"{name} ({self.system}): {heard!r}")
                    heard += more
            time.sleep(3 if name.startswith("websocket") else 0.5)  # idle: for seconds
            return (self.memory() - self.empty) / n
        except OSError as error:
            raise self.how.failed(
                f"{name} ({self.system}): after {len(held)} connections: {error}") from None
        finally:
            for s in held:
                s.close()

    def end(self):
        if self.load:
            self.how.stop([self.load])
        self.child.send_signal(signal.SIGTERM)  # nginx ends its worker
        try:
            self.child.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.how.stop([self.child])


def begin(systems, folder, how, name):
    servers = []
    for system in systems:
        why = how.lacks(system, NEEDED.get((system, name[:9])))
        if system == "raw" and name.startswith("http2_"):
            why = "raw_http2 was not built" if how.missing(["raw_http2"]) else None
        if why:
            how.note(f"{name}: no {system} row ({why})")
            continue
        how.say(name, f"{system} starts")
        servers.append(Server(system, folder, how, name))
    return servers


def able(name):
    return [s for s, (_, _, _, cannot) in SYSTEMS.items() if not any(name.startswith(x) for x in cannot)]


def measure_load(name, folder, how):
    path, connections = LOADS[name]
    if name.startswith("http2_") and not how.which("h2load"):
        how.note(f"{name}: skipped, without h2load")
        return
    servers = begin(able(name), folder, how, name)
    script = folder + "/pipeline.lua" if name == "http_pipelined" else None
    order, rounds = random.Random(name), how.runs or ROUNDS
    try:
        for turn in range(rounds + 1):  # the first is to warm up
            how.say(name, f"round {turn} of {rounds}")
            for server in order.sample(servers, len(servers)):
                lasting = SYSTEMS[server.system][2]
                if turn > SLOW_ROUNDS and not lasting:
                    continue
                try:
                    us = server.window(path, connections, script)
                except how.failed as failure:
                    if lasting:
                        raise
                    how.note(f"{name}: {failure}")  # it answered none within the window
                    continue
                if turn:
                    how.add(name, server.system, "us CPU", us)
    finally:
        for server in servers:
            server.end()


def measure_idle(name, folder, how):
    for _ in range(min(how.runs or 3, 3)):
        for system in able(name):
            for server in begin([system], folder, how, name):
                how.say(name, system)
                try:
                    how.add(name, system, "bytes", server.idle_bytes(IDLE[name], name))
                except how.failed as failure:
                    if system.startswith("hob"):
                        raise
                    how.note(str(failure))
                finally:
                    server.end()


def measure_metered(name, folder, how):
    """By http_load: CPU time as above, or, by a rate that is the same for all, 99 % of the latencies."""
    path, connections = METERED[name]
    servers = begin([s for s in able(name) if SYSTEMS[s][2] or name.startswith("websocket_")], folder,
                    how, name)
    rounds = how.runs or METERED_ROUNDS
    order, rate, most = random.Random(name), 0, {}
    try:
        for server in servers:
            server.begin_metering(path, connections)
            most[server.system] = max(server.metered(WINDOW_MS)[2] for _ in range(5))
        if name.endswith("_p99"):
            rate = PART * most.get("nginx", min(most.values()))
            how.note(f"{name}: {rate:.0f} requests a second")
        for turn in range(rounds):
            how.say(name, f"round {turn + 1} of {rounds}")
            for server in order.sample(servers, len(servers)):
                if turn >= SLOW_ROUNDS and not SYSTEMS[server.system][2]:
                    continue
                _, us, _, p99 = server.metered(WINDOW_MS, rate)
                how.add(name, server.system, *(("us", p99) if rate else ("us CPU", us)))
    finally:
        for server in servers:
            server.end()


def measure(wanted, how):
    """how: bench/run's own functions, and what it was told."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        for name in wanted:
            (measure_idle if name in IDLE else measure_metered if name in METERED
             else measure_load)(name, folder, how)
