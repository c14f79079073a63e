/* who_asks - credentials: for a server, for a proxy on the way, and where they do not go.
 *
 * `auth=BasicAuth(...)`, `proxy=..., proxy_auth=...` are .auth and .proxy, of a client or of one
 * request. HOB_AUTH_DIGEST stands where Basic does; .netrc = "" takes passwords from ~/.netrc; and
 * what http_proxy, https_proxy, no_proxy in the environment say counts where .proxy says nothing.
 */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

typedef int (*handler_fn)(struct hob_request *req, void *arg);
HOB_TASK(hob_http_serve, struct hob_listener *, handler_fn, void *, struct hob_http_options)

static void close_listeners(void *listeners) {
    struct hob_listener **l = (struct hob_listener **)listeners;
    for (int i = 0; i < 3; i++) hob_listener_close(l[i]);
}

/* ---- a server that says who asks; /away leads to another one ---- */

static int server(struct hob_request *req, void *away) {
    const char *who = hob_request_header(req, "authorization");
    struct hob_header location[] = {{"Location", (const char *)away}, {NULL, NULL}};
    if (strstr(hob_request_target(req), "/away")) return hob_respond(req, 302, location, "", 0);
    return hob_respond_text(req, 200, "text/plain", who ? who : "nobody");
}

/* ---- a proxy for those who know its password; it is told the whole URL ---- */

static int proxy(struct hob_request *req, void *arg) {
    struct hob_client *client = (struct hob_client *)arg;
    const char *pass = hob_request_header(req, "proxy-authorization");
    const char *who = hob_request_header(req, "authorization"), *data;
    struct hob_header challenge[] = {{"Proxy-Authenticate", "Basic realm=\"here\""}, {NULL, NULL}};
    struct hob_header headers[] = {{"Authorization", who}, {NULL, NULL}};
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    size_t size;
    if (!pass || strcmp(pass, "Basic bWU6cHJveHk=") != 0) /* me:proxy */
        return hob_respond(req, 407, challenge, "the proxy does not know you", 27);
    HOB_TRY(hob_client_request(client, hob_request_method(req), hob_request_target(req), &res,
                               .headers = headers));
    HOB_TRY(hob_response_body(res, &data, &size));
    return hob_respond(req, hob_response_status(res), NULL, data, size);
}

/* ---- the client ---- */

static int ask(struct hob_client *client, const char *what, const char *url,
               const struct hob_auth *auth, const char *by) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *text;
    HOB_TRY(hob_client_request(client, "GET", url, &res, .proxy = by, .auth = auth));
    HOB_TRY(hob_response_body(res, &text, NULL));
    return printf("%s: %d %s\n", what, hob_response_status(res), text);
}

static int ask_all(const char *base, const char *proxy_address) {
    const struct hob_auth ada = {HOB_AUTH_BASIC, "ada", "secret", NULL};
    const struct hob_auth token = {HOB_AUTH_BEARER, NULL, NULL, "t0ken"};
    char url[100], by[100], unknown[100];
    snprintf(by, sizeof by, "http://me:proxy@%s", proxy_address);
    snprintf(unknown, sizeof unknown, "http://me:wrong@%s", proxy_address);
    HOB_CLIENT(client, .base_url = base, .proxy = "", .auth = &ada);
    HOB_TRY(ask(client, "Basic", "/", NULL, NULL));
    HOB_TRY(ask(client, "a token for this request", "/", &token, NULL));
    HOB_TRY(ask(client, "led to another server", "/away", NULL, NULL));
    snprintf(url, sizeof url, "%s?by=proxy", base);
    HOB_TRY(ask(client, "by the proxy", url, NULL, by));
    return ask(client, "by the proxy, with a wrong password", url, NULL, unknown);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *l[3] = {};
    HOB_DEFER(close_listeners, l);
    char base[64], away[64];
    for (int i = 0; i < 3; i++) HOB_TRY(hob_listen("127.0.0.1:0", &l[i]));
    snprintf(base, sizeof base, "http://%s/", hob_listener_address(l[0]));
    snprintf(away, sizeof away, "http://%s/", hob_listener_address(l[1]));
    HOB_CLIENT(upstream, .proxy = "");
    HOB_SCOPE(s);
    hob_spawn_daemon(s, hob_http_serve, l[0], server, away, (struct hob_http_options){});
    hob_spawn_daemon(s, hob_http_serve, l[1], server, away, (struct hob_http_options){});
    hob_spawn_daemon(s, hob_http_serve, l[2], proxy, upstream, (struct hob_http_options){});
    HOB_TRY(ask_all(base, hob_listener_address(l[2])));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
