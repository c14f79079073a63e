/* playground/status.c - answers that are a status above all: /status, and the redirects. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "playground/routes.h"
#include "tool.h"

enum { CODES_MAX = 64, REDIRECTS_MAX = 1000, URL_MAX = 8192 };

/* ---- /status/{codes} ---- */

struct choice {
    size_t code;
    double weight;
};

/* "200", or "200:3". */
static bool parse_choice(char *text, struct choice *out) {
    char *colon = strchr(text, ':'), *end;
    out->weight = 1;
    if (colon) {
        *colon = 0;
        out->weight = strtod(colon + 1, &end);
        if (end == colon + 1 || *end || !(out->weight >= 0 && out->weight <= 1e6)) return false;
    }
    return parse_count(text, 200, 599, &out->code);
}

static int parse_choices(const char *codes, struct choice *out, double *sum) {
    char text[1024], *save = NULL;
    int count = 0;
    *sum = 0;
    if (strlen(codes) >= sizeof text) return 0;
    strcpy(text, codes);
    for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        if (count == CODES_MAX || !parse_choice(one, &out[count])) return 0;
        *sum += out[count++].weight;
    }
    return *sum > 0 ? count : 0;
}

int answer_status(const struct ask *a) {
    struct choice choices[CODES_MAX];
    double sum;
    int count = parse_choices(a->words[0], choices, &sum), i = 0;
    if (count == 0)
        return answer_error(a->req, 400,
                            "the status is a number from 200 to 599, or a list of them with"
                            " weights: 200:3,500");
    uint32_t random = 0;
    if (count > 1 && getrandom(&random, sizeof random, 0) < 0) return -errno;
    double at = (double)random / 4294967296.0 * sum;
    while (i < count - 1 && at >= choices[i].weight) at -= choices[i++].weight;
    int code = (int)choices[i].code;
    if (code == 204 || code == 304) return answer_empty(a->req, code, NULL);
    bool moves = code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
    struct page p;
    HOB_TRY(page_open(&p));
    fprintf(p.out, "{\"status\": %d, \"phrase\": \"%s\"}\n", code, hob_http_phrase(code));
    return page_send(&p, a->req, code, "application/json",
                     moves         ? HOB_HEADERS({"location", "/redirect/1"})
                     : code == 401 ? HOB_HEADERS({"www-authenticate", "Basic realm=\"playground\""})
                                   : NULL);
}

/* ---- redirects ---- */

static int redirect(const struct ask *a, int status, const char *to) {
    return hob_respond(a->req, status,
                       HOB_HEADERS({"location", to}, {"content-type", "text/plain"}), to,
                       strlen(to));
}

static int step(const struct ask *a, const char *kind, bool absolute) {
    size_t n;
    char path[64], url[512];
    if (!parse_count(a->words[0], 1, REDIRECTS_MAX, &n))
        return answer_error(a->req, 400, "how many redirects is a number from 1 to 1000");
    if (n == 1)
        strcpy(path, "/get");
    else
        snprintf(path, sizeof path, "/%s/%zu", kind, n - 1);
    if (!absolute) return redirect(a, 302, path);
    int size = snprintf(url, sizeof url, "%s://%s%s", hob_request_scheme(a->req),
                        hob_request_host(a->req), path);
    if (size >= (int)sizeof url) return answer_error(a->req, 400, "the host's name is too long");
    return redirect(a, 302, url);
}

int answer_redirect(const struct ask *a) {
    char text[16] = "";
    ask_text(a, "absolute", text, sizeof text);
    bool absolute = strcmp(text, "true") == 0;
    return step(a, absolute ? "absolute-redirect" : "relative-redirect", absolute);
}

int answer_absolute_redirect(const struct ask *a) { return step(a, "absolute-redirect", true); }
int answer_relative_redirect(const struct ask *a) { return step(a, "relative-redirect", false); }

int answer_redirect_to(const struct ask *a) {
    char *url = malloc(URL_MAX);
    if (!url) return -ENOMEM;
    size_t status = 302;
    int rc = ask_text(a, "url", url, URL_MAX);
    if (rc <= 0 || !is_header_text(url))
        rc = answer_error(a->req, 400, "?url= says where to");
    else if (!ask_count(a, "status_code", 300, 399, &status))
        rc = answer_error(a->req, 400, "?status_code= is a number from 300 to 399");
    else if (status == 304)
        rc = answer_empty(a->req, 304, HOB_HEADERS({"location", url}));
    else
        rc = redirect(a, (int)status, url);
    free(url);
    return rc;
}
