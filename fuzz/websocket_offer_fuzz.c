/* websocket_offer_fuzz.c - the handshake of WebSockets: keys are what base64 makes of 16 bytes;
 * what a server answers to an offer is what a client may be answered, and both then mean the same
 * terms; an answer that was not asked for is none. */
#include "fuzz.h"

#include "http/base64.h"
#include "http/websocket/deflate.h"
#include "http/websocket/websocket.h"

static void keys(const char *text) {
    unsigned char bytes[16];
    char back[32], accept[HOB__WS_ACCEPT + 1];
    bool legal = hob__ws_key_legal(text);
    bool base64 = hob__base64_get(text, strlen(text), bytes, sizeof bytes);
    if (!base64) CHECK(!legal);
    if (!base64) return;
    hob__ws_base64(bytes, sizeof bytes, back);
    CHECK(legal == (strcmp(back, text) == 0)); /* the last digit's unused bits are 0 */
    hob__base64_put(bytes, sizeof bytes, accept);
    CHECK(strcmp(accept, back) == 0);
    if (!legal) return;
    hob__ws_accept_key(text, accept);
    CHECK(strlen(accept) == HOB__WS_ACCEPT && hob__base64_get(accept, 28, bytes, 16) == false);
}

static struct hob_websocket_options options_of(unsigned bits) {
    return (struct hob_websocket_options){.deflate = bits & 1,
                                          .deflate_keep = bits & 2,
                                          .deflate_bits = (uint8_t)(bits >> 2 & 15),
                                          .deflate_peer_bits = (uint8_t)(bits >> 6 & 15)};
}

static void check_terms(const struct hob__ws_deflate *d) {
    if (!d->on) return;
    CHECK(d->send_bits >= 8 && d->send_bits <= 15 && d->receive_bits >= 8 && d->receive_bits <= 15);
}

/* Both sides of Hob's own: they agree. */
static void agreement(const struct hob_websocket_options *client,
                      const struct hob_websocket_options *server) {
    char offer[HOB__WS_EXTENSION_MAX], answer[HOB__WS_EXTENSION_MAX] = "";
    struct hob__ws_deflate s = {.on = false}, c;
    size_t n = hob__ws_deflate_offer(client, offer);
    CHECK(n == strlen(offer) && n < HOB__WS_EXTENSION_MAX);
    CHECK(hob__ws_deflate_choose(server, edge_string(offer, n), &s, answer));
    CHECK(s.on == (n > 0 && server->deflate));
    check_terms(&s);
    CHECK(hob__ws_deflate_answered(client, s.on ? edge_string(answer, strlen(answer)) : NULL, &c));
    CHECK(c.on == s.on);
    if (!c.on) return;
    check_terms(&c);
    CHECK(c.send_bits <= s.receive_bits && s.send_bits <= c.receive_bits);
    /* A sender that refers to earlier messages needs a receiver that has kept them. */
    CHECK(!c.send_keeps || s.receive_keeps);
    CHECK(!s.send_keeps || c.receive_keeps);
}

/* Any list as an offer: what is taken can be answered, and is the first that is right. */
static void offers(const char *text, const struct hob_websocket_options *o) {
    char answer[HOB__WS_EXTENSION_MAX] = "", second[HOB__WS_EXTENSION_MAX] = "";
    struct hob__ws_deflate d = {.on = false}, again = {.on = false};
    bool list = hob__ws_deflate_choose(o, text, &d, answer);
    CHECK(hob__ws_deflate_choose(o, text, &again, second) == list);
    CHECK(again.on == d.on && strcmp(answer, second) == 0);
    if (!d.on) return;
    check_terms(&d);
    CHECK(o->deflate && strstr(answer, "permessage-deflate") == answer);
    CHECK(strlen(answer) < HOB__WS_EXTENSION_MAX);
    /* The answer is a list of one extension that a client with any wishes could read. */
    again.on = false;
    CHECK(hob__ws_deflate_choose(o, edge_string(answer, strlen(answer)), &again, second));
}

static void answers(const char *text, const struct hob_websocket_options *o) {
    struct hob__ws_deflate d, again;
    bool ok = hob__ws_deflate_answered(o, text, &d);
    CHECK(hob__ws_deflate_answered(o, text, &again) == ok && d.on == again.on);
    if (!ok || !d.on) return;
    check_terms(&d);
    CHECK(o->deflate);
    if (!o->deflate_keep) CHECK(!d.send_keeps && !d.receive_keeps);
    unsigned most =
        o->deflate_peer_bits >= 9 && o->deflate_peer_bits < 15 ? o->deflate_peer_bits : 15;
    CHECK(d.receive_bits <= most);
}

/* Three bytes of options, then the text. */
FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    if (n > 2048) return;
    unsigned bits = fuzz_byte(&in) << 16 | fuzz_byte(&in) << 8 | fuzz_byte(&in);
    struct hob_websocket_options client = options_of(bits), server = options_of(bits >> 10);
    const char *text = edge_kept_string(in.at, in.left);
    keys(text);
    agreement(&client, &server);
    offers(text, &server);
    answers(text, &client);
}
