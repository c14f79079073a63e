#!/bin/sh
# `hob fetch` through real proxies: tinyproxy and microsocks, whichever are installed, to the
# playground and, through a tunnel, to a server with TLS.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
[ -x "$build/hob" ] || { echo "built without the command"; exit 77; }
command -v tinyproxy >/dev/null || command -v microsocks >/dev/null || {
    echo "neither tinyproxy nor microsocks here"
    exit 77
}
exec python3 -B - "$build/hob" <<'PYTHON'
import json, os, re, shutil, socket, ssl, subprocess, sys, tempfile, threading, time
import http.server

sys.path.append("tests")
from free_port import free_port

hob = sys.argv[1]
folder = tempfile.mkdtemp(prefix="hob-proxy-")
passed = failed = 0
clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
children = []


def check(name, fact, words=""):
    global passed, failed
    if fact:
        passed += 1
        print("ok " + name)
    else:
        failed += 1
        print("FAIL %s\n    %s" % (name, str(words).strip().replace("\n", "\n    ")))
    sys.stdout.flush()


def await_port(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("FAIL %s does not listen on port %d" % (children[-1].args, port))


def start(*command, port):
    children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, cwd=folder))
    await_port(port)


def fetch(*words, env=None):
    done = subprocess.run([hob, "fetch", "-q", *words], capture_output=True, text=True, timeout=100,
                          env=dict(clean, **(env or {})))
    return [json.loads(line) for line in done.stdout.splitlines()], done


def tls_server():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem",
                    "-days", "2"], cwd=folder, check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"hello\n")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "https://localhost:%d/" % server.server_port


def tinyproxy(name, *more):
    port = free_port()
    with open(folder + "/" + name, "w") as f:
        f.write("Port %d\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\n%s\n"
                % (port, "\n".join(more)))
    start("tinyproxy", "-d", "-c", folder + "/" + name, port=port)
    return port


def through(kind, scheme, port, wrong):
    proxy = "%s://127.0.0.1:%d" % (scheme, port)
    lines, done = fetch("-x", proxy, *[plain] * 20)
    check(kind + ": http", len(lines) == 20 and all(r["status"] == 200 for r in lines), lines[:1])
    check(kind + ": whose address is the peer's", lines and lines[0]["peer"] == "127.0.0.1:%d" % port,
          lines[:1])
    lines, done = fetch("-x", proxy, "--cacert", folder + "/cert.pem", secure, secure)
    check(kind + ": https", [r["status"] for r in lines] == [200, 200], done.stdout + done.stderr)
    check(kind + ": the way through has a phase", lines and max(r["phases"]["tunnel"] for r in lines) > 0)
    lines, done = fetch("-x", proxy, "--cacert", folder + "/cert.pem", "https://127.0.0.1:1/")
    check(kind + ": nobody there", lines[0]["error"] == "proxy", done.stdout)
    lines, done = fetch("-x", "%s://me:wrong@127.0.0.1:%d" % (scheme, wrong), plain, secure)
    check(kind + ": a wrong password", all(r["error"] == "proxy" or r["status"] in (401, 407) for r in lines)
          and len(lines) == 2, done.stdout)
    lines, done = fetch("-x", "%s://me:s%%65cret@127.0.0.1:%d" % (scheme, wrong), "--cacert",
                        folder + "/cert.pem", plain, secure)
    check(kind + ": the right one", [r["status"] for r in lines] == [200, 200], done.stdout)


try:
    port = free_port()
    start(hob, "playground", "--listen", "127.0.0.1:%d" % port, port=port)
    plain = "http://127.0.0.1:%d/get" % port
    secure = tls_server()
    if shutil.which("tinyproxy"):
        port = tinyproxy("open")
        through("tinyproxy", "http", port, tinyproxy("closed", "BasicAuth me secret"))
        proxy = "http://127.0.0.1:%d" % port
        lines, _ = fetch(plain, env={"http_proxy": proxy})
        check("http_proxy", lines[0]["peer"].endswith(":%d" % port), lines)
        lines, _ = fetch(plain, env={"HTTP_PROXY": proxy})
        check("HTTP_PROXY is not for us", not lines[0]["peer"].endswith(":%d" % port), lines)
        lines, _ = fetch("--cacert", folder + "/cert.pem", secure, env={"HTTPS_PROXY": proxy})
        check("HTTPS_PROXY", lines[0]["peer"].endswith(":%d" % port), lines)
        lines, _ = fetch(plain, env={"all_proxy": proxy, "no_proxy": "127.0.0.0/8"})
        check("no_proxy", not lines[0]["peer"].endswith(":%d" % port), lines)
        lines, _ = fetch("--noproxy", "", plain, env={"all_proxy": proxy, "no_proxy": "*"})
        check("--noproxy", lines[0]["peer"].endswith(":%d" % port), lines)
        lines, _ = fetch("-x", "", plain, env={"all_proxy": proxy})
        check("no proxy at all", not lines[0]["peer"].endswith(":%d" % port), lines)
    if shutil.which("microsocks"):
        port, closed = free_port(), free_port()
        start("microsocks", "-i", "127.0.0.1", "-p", str(port), port=port)
        start("microsocks", "-i", "127.0.0.1", "-p", str(closed), "-u", "me", "-P", "secret",
              port=closed)
        through("microsocks, socks5", "socks5", port, closed)
        through("microsocks, socks5h", "socks5h", port, closed)
    pin = subprocess.run("openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform "
                         "der | openssl dgst -sha256 -binary | openssl base64", shell=True,
                         cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    lines, _ = fetch("-k", "--pinnedpubkey", "sha256//" + pin, secure)
    check("the pinned key", lines[0]["status"] == 200, lines)
    other = ("B" if pin[0] == "A" else "A") + pin[1:]
    lines, _ = fetch("--cacert", folder + "/cert.pem", "--pinnedpubkey", "sha256//" + other, secure)
    check("another one", lines[0]["error"] == "bad certificate", lines)
    lines, _ = fetch("--resolve", "elsewhere.test:%s:127.0.0.1" % plain.split(":")[2].split("/")[0],
                     plain.replace("127.0.0.1", "elsewhere.test"))
    har = folder + "/a.har"
    fetch("--har", har, "--cacert", folder + "/cert.pem", secure, plain, "http://127.0.0.1:1/")
    log = json.load(open(har))["log"]
    check("--har", log["version"] == "1.2" and sorted(e["response"]["status"] for e in log["entries"])
          == [0, 200, 200] and all(e["time"] >= 0 and e["request"]["headers"] for e in log["entries"]
                                   if e["response"]["status"]), log)
    check("--resolve", lines[0]["status"] == 200, lines)
finally:
    for child in children:
        child.terminate()
        child.wait()
    shutil.rmtree(folder, ignore_errors=True)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
PYTHON
