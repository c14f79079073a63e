#!/bin/sh
# Chromium, without a screen, with `hob serve` (files) and `hob playground` (events, a WebSocket), both
# over TLS and HTTP/2. The page says how it went by asking for /done, which the log then has.
# scripts/setup test installs it where the system has it.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
[ -x "$build/hob" ] || { echo "no programs in this build"; exit 77; }
grep -q HAVE_NGHTTP2 "$build/build.ninja" || { echo "built without nghttp2"; exit 77; }
grep -q HAVE_TLS "$build/build.ninja" || { echo "built without OpenSSL"; exit 77; }
for chromium in chromium-headless-shell chromium chromium-browser google-chrome; do
    command -v $chromium >/dev/null || continue
    timeout 60 $chromium --headless --no-sandbox --disable-gpu --dump-dom about:blank >/dev/null 2>&1 ||
        { echo "$chromium does not start here"; exit 77; }
    exec python3 - "$build/hob" $chromium <<'PYTHON'
import gzip, json, os, shutil, subprocess, sys, tempfile, time, urllib.parse

hob, chromium = sys.argv[1:]
folder = tempfile.mkdtemp(prefix="hob-chromium-")
www = folder + "/www"
os.mkdir(www)
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                "-days", "3", "-keyout", folder + "/key", "-out", folder + "/cert"], check=True,
               capture_output=True)
children = []


def start(*words):
    child = subprocess.Popen([hob, *words, "-l", "127.0.0.1:0", "--cert", folder + "/cert", "--key",
                              folder + "/key"], stdout=subprocess.PIPE, text=True)
    children.append(child)
    return child, child.stdout.readline().strip().replace("listening on ", "")


server, base = start("serve", "--log", folder + "/log", "--log-format", "json", www)
playground, other = start("playground")
with open(www + "/text.txt", "w") as f:
    f.write("a line of text\n" * 5000)
with open(www + "/range.bin", "wb") as f:
    f.write(bytes(range(256)) * 4)
for i in range(100):
    with open(www + "/%d.json" % i, "w") as f:
        json.dump({"i": i}, f)
with open(www + "/style.css", "w") as f:
    f.write("h1 { margin-left: 77px }")
with open(www + "/index.html", "w") as f:
    f.write("""<!doctype html><link rel=stylesheet href=style.css><h1 id=h>x</h1><script type=module>
const said = {};
const checks = {
    async style() { return getComputedStyle(h).marginLeft; },
    async many() {
        const all = await Promise.all([...Array(100).keys()].map(i => fetch(i + '.json').then(r => r.json())));
        return all.every((v, i) => v.i === i);
    },
    async protocol() { return performance.getEntriesByName(location.origin + '/7.json')[0].nextHopProtocol; },
    async packed() {
        const r = await fetch('text.txt');
        return [(await r.text()).length, r.headers.get('content-encoding') !== null];
    },
    async part() {
        const r = await fetch('range.bin', {headers: {range: 'bytes=250-259'}});
        return [r.status, [...new Uint8Array(await r.arrayBuffer())].join()];
    },
    async again() { return (await fetch('text.txt', {cache: 'no-cache'})).status; },
    async none() { return (await fetch('none')).status; },
    events() {
        return new Promise(done => {
            const ids = [], source = new EventSource('OTHER/sse?count=5&delay=0.05');
            source.addEventListener('tick', e => {
                ids.push(e.lastEventId);
                if (ids.length === 5) { source.close(); done(ids.join()); }
            });
        });
    },
    websocket() { return talk(); },
    async websocket_on_a_stream() { // of the connection that this has made (RFC 8441)
        await fetch('OTHER/get', {mode: 'no-cors', credentials: 'include'});
        return talk();
    },
};
function talk() {
    return new Promise(done => {
        const ws = new WebSocket('OTHER/ws/echo'.replace('http', 'ws')), got = [];
        const large = 'x'.repeat(300000);
        ws.onopen = () => { ws.send('h\\u00e9llo'); ws.send(large); ws.send(new Uint8Array([1, 2, 3])); };
        ws.onmessage = e => {
            got.push(typeof e.data === 'string' ? e.data.length : e.data.size);
            if (got.length === 3) ws.close(1000);
        };
        ws.onclose = e => done([got.join(), e.code, e.wasClean, ws.extensions.split(';')[0]]);
    });
}
for (const [name, check] of Object.entries(checks))
    said[name] = await Promise.race([check().catch(String), new Promise(r => setTimeout(r, 20000, 'nothing'))]);
fetch('/done?' + encodeURIComponent(JSON.stringify(said)));
</script>""".replace("OTHER", other))
browser = subprocess.Popen([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                            "--ignore-certificate-errors", "--user-data-dir=" + folder + "/profile",
                            "--remote-debugging-port=0", "--log-net-log=" + folder + "/net",
                            base + "/"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
children.append(browser)
said = None
for _ in range(600):
    time.sleep(0.2)
    with open(folder + "/log") as f:
        lines = [json.loads(line) for line in f if line.endswith("\n")]
    done = [l["target"] for l in lines if l["target"].startswith("/done?")]
    if done:
        said = json.loads(urllib.parse.unquote(done[0][6:]))
        break
passed = failed = 0
wanted = {"style": "77px", "many": True, "protocol": "h2", "packed": [75000, True],
          "part": [206, "250,251,252,253,254,255,0,1,2,3"], "again": 200, "none": 404,
          "events": "1,2,3,4,5", "websocket": ["5,300000,3", 1000, True, "permessage-deflate"],
          "websocket_on_a_stream": ["5,300000,3", 1000, True, "permessage-deflate"]}
for name, value in wanted.items():
    got = said and said.get(name)
    if got == value:
        passed += 1
        print("ok " + name)
    else:
        failed += 1
        print("FAIL %s: %r" % (name, got))
for child in (server, playground): # the browser still has its connections
    child.terminate()
    status = child.wait(30)
    if status != 0:
        failed += 1
        print("FAIL end of %s: %d" % (child.args[1], status))
browser.terminate() # which completes its log
try:
    browser.wait(20)
except subprocess.TimeoutExpired:
    browser.kill()
    browser.wait()
with open(folder + "/net", errors="replace") as f:
    if '":protocol: websocket"' in f.read():
        passed += 1
        print("ok Chromium has asked for a WebSocket by CONNECT")
    else:
        failed += 1
        print("FAIL Chromium has not asked for a WebSocket by CONNECT")
shutil.rmtree(folder, ignore_errors=True)
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
PYTHON
done
echo "no Chromium here (scripts/setup browser)"
exit 77
