/* http/client/har.h - a client's exchanges on their way into a HAR file. */
#ifndef HOB_HTTP_HAR_H
#define HOB_HTTP_HAR_H

#include <hob/har.h>

#include "base/buffer.h"

struct hob_response;

/* What is remembered of a request until its exchange is over. */
struct hob__har_note {
    bool open;
    uint64_t began;
    int64_t body; /* bytes; -1: unknown */
    char method[32];
    struct hob__buffer head; /* as HTTP/1.1 has it */
};

/* An exchange begins. Waits, when there is something to be written; only a cancel is an error. */
int hob__har_begin(struct hob_response *res, const char *method);
/* Its head, and the size of its body. */
void hob__har_head(struct hob_response *res, const char *head, size_t n, int64_t body);
/* It is over: rc, or what hob_response_read() said. Nothing, if none has begun. */
void hob__har_end(struct hob_response *res, int rc);
void hob__har_free(struct hob_response *res);
#endif
