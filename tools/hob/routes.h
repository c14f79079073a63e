/* routes.h - what the playground answers. */
#ifndef ROUTES_H
#define ROUTES_H

struct hob_request;

#define ROUTES_HELP                                                                                \
    "  /                  a page that lists the routes\n"                                          \
    "  /get               the request as JSON: args, headers, origin, url\n"                       \
    "  /delay/{seconds}   answers after that time (0.25, 1, ... up to 3600)\n"                     \
    "  /status/{code}     answers with that status, 200 to 599\n"                                  \
    "  /bytes/{n}         n random bytes, up to 2^30; ?seed=7 gives the same ones each time\n"     \
    "  /items?page={n}    a JSON list, ten items a page; page 5 and later ones are empty\n"

/* The handler of hob_http_serve(). */
int routes_answer(struct hob_request *req, void *arg);

#endif
