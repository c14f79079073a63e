/* websocket_peers_test.c - WebSockets with others, both ways round, with every agreement about
 * compression: Python's websockets and aiohttp, node's ws (Debian packages). Each that is not there
 * is left out, which is said. */
#include "websocket_test.h"

#include <hob/process.h>

static char base[64];

/* Is it there? Debian's own interpreters have the packages. */
static bool have(const char *program, const char *import) {
    char command[300];
    snprintf(command, sizeof command, "NODE_PATH=/usr/share/nodejs %s '%s' >/dev/null 2>&1",
             program, import);
    if (system(command) == 0) return true;
    printf("  (without: %s)\n", import);
    return false;
}

/* The text with URL replaced, run; what it prints has to be that. */
static int run_peer(const char *program, const char *flag, const char *text, const char *expected) {
    static char code[8192];
    char *at = code;
    for (const char *p = text; *p;) {
        if (strncmp(p, "URL", 3) == 0) {
            at += sprintf(at, "%s", base);
            p += 3;
        } else {
            *at++ = *p++;
        }
    }
    *at = 0;
    const char *argv[] = {program, flag, code, NULL};
    struct hob_process_result r;
    setenv("NODE_PATH", "/usr/share/nodejs", 1);
    HOB_TRY(hob_process_output(&r, argv));
    if (strcmp(r.out, expected) != 0) FAIL("%s: %s%s", program, r.out, r.err);
    hob_process_result_free(&r);
    return 0;
}

/* A client that is another's, with our server. */
static int against_client(const char *program, const char *flag, const char *text,
                          const char *expected) {
    WS_SERVED(s, l);
    static const char *const protocols[] = {"chat", NULL};
    for (int i = 0; i < 3; i++) {
        ws_options = (struct hob_websocket_options){
            .deflate = i > 0, .deflate_keep = i > 1, .protocols = protocols};
        snprintf(base, sizeof base, "%s", hob_listener_address(l));
        HOB_TRY(run_peer(program, flag, text, expected));
    }
    ws_end(s, l);
    CHECK_STR(ws_seen.reports, "");
    return 0;
}

TASK_TEST(clients_of_python_websockets) {
    if (!have("/usr/bin/python3 -c", "import websockets")) return 0;
    return against_client(
        "/usr/bin/python3", "-c",
        "import asyncio, websockets\n"
        "async def main():\n"
        "  for path in ['/echo', '/pieces', '/parked']:\n"
        "    async with websockets.connect('ws://URL' + path, subprotocols=['chat']) as ws:\n"
        "      for m in ['', 'hello', 'x' * 100000, '\\u20ac' * 3000, b'', bytes(range(256)) * "
        "300]:\n"
        "        await ws.send(m)\n"
        "        assert await ws.recv() == m\n"
        "      await ws.send(['a', 'b' * 70000, 'c'])\n"
        "      assert await ws.recv() == 'a' + 'b' * 70000 + 'c'\n"
        "      await (await ws.ping())\n"
        "      await ws.close(4001, 'bye')\n"
        "      print(path, ws.subprotocol, ws.close_code)\n"
        "asyncio.run(main())\n",
        "/echo chat 4001\n/pieces chat 4001\n/parked chat 4001\n");
}

TASK_TEST(clients_of_aiohttp) {
    if (!have("/usr/bin/python3 -c", "import aiohttp")) return 0;
    return against_client(
        "/usr/bin/python3", "-c",
        "import asyncio, aiohttp\n"
        "async def main():\n"
        "  async with aiohttp.ClientSession() as session:\n"
        "    for path in ['/echo', '/pieces', '/parked']:\n"
        "      async with session.ws_connect('http://URL' + path, compress=15) as ws:\n"
        "        for m in ['hello', 'x' * 100000]:\n"
        "          await ws.send_str(m)\n"
        "          assert (await ws.receive()).data == m\n"
        "        await ws.send_bytes(bytes(70000))\n"
        "        assert (await ws.receive()).data == bytes(70000)\n"
        "        await ws.close(code=4002)\n"
        "        print(path, ws.close_code)\n"
        "asyncio.run(main())\n",
        "/echo 4002\n/pieces 4002\n/parked 4002\n");
}

TASK_TEST(clients_of_node_ws) {
    if (!have("node -e", "require(\"ws\")")) return 0;
    return against_client(
        "node", "-e",
        "const WebSocket = require('ws');\n"
        "function one(path) { return new Promise((done) => {\n"
        "  const ws = new WebSocket('ws://URL' + path, ['chat'], {perMessageDeflate: true});\n"
        "  const sent = ['', 'hello', 'x'.repeat(100000), Buffer.alloc(70000, 7)]; let n = 0;\n"
        "  ws.on('open', () => ws.send(sent[0]));\n"
        "  ws.on('message', (data) => {\n"
        "    if (data.toString() != sent[n].toString()) throw new Error('message ' + n);\n"
        "    ++n < sent.length ? ws.send(sent[n]) : ws.close(4003, 'bye'); });\n"
        "  ws.on('close', (code) => { console.log(path, ws.protocol, code); done(); });\n"
        "}); }\n"
        "one('/echo').then(() => one('/pieces')).then(() => one('/parked'));\n",
        "/echo chat 4003\n/pieces chat 4003\n/parked chat 4003\n");
}

/* ---- our client, with a server that is another's: it prints its port ---- */

static int talk_to_them(const char *url, struct hob_websocket_options o) {
    static char big[120000];
    struct hob_websocket *ws HOB_WEBSOCKET_GUARD = NULL;
    struct hob_websocket_message m;
    enum hob_websocket_kind kind;
    char buf[999];
    memset(big, 'y', sizeof big);
    HOB_TRY(hob__websocket_connect(NULL, url, &ws, o));
    CHECK_EQ(hob_websocket_deflates(ws), o.deflate);
    for (size_t n = 0; n <= sizeof big; n = n * 5 + 1) {
        HOB_TRY(hob_websocket_send(ws, n % 2 ? HOB_WEBSOCKET_TEXT : HOB_WEBSOCKET_BINARY, big, n));
        CHECK_EQ(HOB_TRY(hob_websocket_receive(ws, &m)), 1);
        CHECK_EQ(m.kind, n % 2 ? HOB_WEBSOCKET_TEXT : HOB_WEBSOCKET_BINARY);
        CHECK(m.size == n && memcmp(m.data, big, n) == 0);
    }
    HOB_TRY(hob_websocket_begin(ws, HOB_WEBSOCKET_TEXT));
    for (int i = 0; i < 10; i++) HOB_TRY(hob_websocket_write(ws, big, 9999));
    HOB_TRY(hob_websocket_end(ws));
    HOB_TRY(hob_websocket_ping(ws, "ping", 4));
    CHECK_EQ(HOB_TRY(hob_websocket_next(ws, &kind)), 1);
    size_t n = 0;
    for (ssize_t got; (got = HOB_TRY(hob_websocket_read(ws, buf, sizeof buf))) > 0;)
        n += (size_t)got;
    CHECK_EQ(n, 99990);
    HOB_TRY(hob_websocket_close(ws, 4004, "bye"));
    CHECK_EQ(hob_websocket_code(ws), 4004);
    return 0;
}

static int against_server(const char *program, const char *flag, const char *code) {
    struct hob_process *p;
    struct hob_slice line;
    char url[100];
    const char *argv[] = {program, flag, code, NULL};
    setenv("NODE_PATH", "/usr/share/nodejs", 1);
    HOB_TRY(hob_process_spawn(&p, argv, .out = HOB_IO_PIPE));
    CHECK_EQ(hob_read_line(hob_process_out(p), 0, &line), 1);
    snprintf(url, sizeof url, "ws://127.0.0.1:%s/", line.at);
    for (int i = 0; i < 5; i++) {
        struct hob_websocket_options o = {.deflate = i > 0,
                                          .deflate_keep = i % 2 == 0,
                                          .deflate_bits = i > 2 ? 10 : 15,
                                          .deflate_peer_bits = i > 3 ? 11 : 15};
        int rc = talk_to_them(url, o);
        if (rc < 0) FAIL("%d: %s", i, hob_error() ? hob_error()->message : hob_strerror(rc));
    }
    hob_process_close(p);
    return 0;
}

TASK_TEST(a_server_of_python_websockets) {
    if (!have("/usr/bin/python3 -c", "import websockets")) return 0;
    return against_server("/usr/bin/python3", "-c",
                          "import asyncio, websockets\n"
                          "async def echo(ws, *_):\n"
                          "  async for m in ws: await ws.send(m)\n"
                          "async def main():\n"
                          "  async with websockets.serve(echo, '127.0.0.1', 0) as s:\n"
                          "    print(s.sockets[0].getsockname()[1], flush=True)\n"
                          "    await asyncio.Future()\n"
                          "asyncio.run(main())\n");
}

TASK_TEST(a_server_of_node_ws) {
    if (!have("node -e", "require(\"ws\")")) return 0;
    return against_server(
        "node", "-e",
        "const {WebSocketServer} = require('ws');\n"
        "const s = new WebSocketServer({host: '127.0.0.1', port: 0, perMessageDeflate: true},\n"
        "  () => console.log(s.address().port));\n"
        "s.on('connection', (ws) => ws.on('message', (m, binary) => ws.send(m, {binary})));\n");
}

TEST_MAIN()
