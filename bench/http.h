/* http.h - what the HTTP servers of the bench share: what they answer. */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#define HTTP_HELLO "Hello, world!"

/* The object of http_json, as hob/model.h and others write it. */
#define HTTP_JSON                                                                                  \
    "{\"message\":\"Hello, world!\",\"id\":1234567,\"tags\":[\"a\",\"b\",\"c\"],\"ok\":true}"
#endif
