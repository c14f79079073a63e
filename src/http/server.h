/* http/server.h - the inside of the server: a connection, and the request that it is at. */
#ifndef HOB_HTTP_SERVER_INSIDE_H
#define HOB_HTTP_SERVER_INSIDE_H

#include <hob/http.h>
#include <hob/net.h>

#include "http/wire.h"

enum {
    HOB__REQUEST_FIELDS = 24,
    HOB__REQUEST_PATH = 128,
    HOB__CONNECTION_STORAGE = 1024, /* most requests fit into it: then nothing is allocated */
    HOB__HEAD_STORAGE = 512
};

struct hob__server {
    int (*handler)(struct hob_request *req, void *arg);
    void *arg;
    struct hob_http_options options;
    struct hob__h1_limits limits;
};

enum hob__answer {
    HOB__ANSWER_NONE,
    HOB__ANSWER_BEGUN, /* the head is out */
    HOB__ANSWER_DONE,
    HOB__ANSWER_FAILED /* what is out is not what was meant to be: the connection must end */
};

struct hob_request {
    struct hob__server *server;
    struct hob__wire *wire;
    const char *method, *target, *path, *query;
    const char *block; /* the head */
    struct hob__h1_field *fields;
    uint32_t field_count;
    struct hob__buffer body;
    char *path_copy; /* a path that is too long for path_storage */
    uint64_t left;   /* of the answer's body, as announced */
    int body_error;  /* of reading the request's body, or 0 */
    uint8_t answer;  /* enum hob__answer */
    bool head, chunked, to_close, close, continued, have_body;
    char path_storage[HOB__REQUEST_PATH];
    struct hob__h1_field inline_fields[HOB__REQUEST_FIELDS];
};

struct hob__connection {
    struct hob__wire wire;
    struct hob_request req;
    char storage[HOB__CONNECTION_STORAGE];
};

/* ---- request.c ---- */
/* Makes req out of the head that the parser has just taken. 0, -ENOMEM, HOB_E_HTTP_EXPECT. */
int hob__request_begin(struct hob_request *req, struct hob_slice block);
/* Reads and drops what is left of the body, up to max bytes. True when it is complete. */
bool hob__request_drain(struct hob_request *req, size_t max);
/* Frees what the request held. */
void hob__request_end(struct hob_request *req);

/* ---- respond.c ---- */
/* Answers an error with its status and name; 0 or an error. Nothing when an answer was begun. */
int hob__respond_error(struct hob_request *req, int code);

/* ---- connection.c ---- */
/* Serves the connection to its end, and closes it. The error of a handler, or 0. */
int hob__serve_connection(struct hob__server *server, struct hob_stream *stream);

/* ---- secure.c ---- */
/* The server's side of the TLS handshake. Waits. */
int hob__server_secure(struct hob__server *server, struct hob_stream *stream);
#endif
