/* io/process/keeper_work.c - a worker process: one call after another, until its socket ends. It
 * blocks, as plain programs do. */
#include <hob/process_pool.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/process/keeper.h"
#include "task/task.h"

/* The call that this process is in. */
static struct {
    bool runs;
    const char *input;
    size_t input_size;
    char *output;
    size_t output_size, output_room, output_max;
} now;

static int socket_fd;

const void *hob_process_call_input(size_t *size) {
    *size = now.runs ? now.input_size : 0;
    return now.runs ? now.input : NULL;
}

int hob_process_call_output(const void *data, size_t size) {
    if (!now.runs || size > now.output_max - now.output_size)
        return hob_fail(HOB_E_LIMIT, "output of %zu bytes where %zu are left", size,
                        now.runs ? now.output_max - now.output_size : 0);
    if (size == 0) return 0;
    if (now.output_room - now.output_size < size) {
        size_t room = now.output_room ? now.output_room * 2 : 4096;
        if (room - now.output_size < size) room = now.output_size + size;
        char *wider = hob__realloc(now.output, room);
        if (!wider) return -ENOMEM;
        now.output = wider;
        now.output_room = room;
    }
    memcpy(now.output + now.output_size, data, size);
    now.output_size += size;
    return 0;
}

/* ---- messages ---- */

/* The pool has gone, or has had enough of this worker. */
static void end(void) __attribute__((noreturn));
static void end(void) { _exit(0); }

static size_t receive(void *buf, size_t n) {
    for (;;) {
        ssize_t got = recv(socket_fd, buf, n, 0);
        if (got > 0) return (size_t)got;
        if (got == 0 || errno != EINTR) end();
    }
}

static void send_two(const void *a, size_t an, const void *b, size_t bn) {
    struct iovec v[2] = {{(void *)a, an}, {(void *)b, bn}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = bn ? 2 : 1};
    for (;;) {
        if (sendmsg(socket_fd, &m, MSG_NOSIGNAL) >= 0) return;
        if (errno != EINTR) end();
    }
}

static char *receive_input(size_t size) {
    static char message[HOB__KEEPER_MESSAGE];
    if (size == 0) return NULL;
    char *input = hob__alloc(size); /* NULL: read all the same, and answer so */
    for (size_t at = 0; at < size;) {
        size_t n = receive(message, sizeof message);
        if (n <= sizeof(uint32_t)) end();
        n -= sizeof(uint32_t);
        if (n > size - at) end();
        if (input) memcpy(input + at, message + sizeof(uint32_t), n);
        at += n;
    }
    return input;
}

static void send_output(void) {
    const uint32_t kind = HOB__KEEPER_DATA;
    enum { PART = HOB__KEEPER_MESSAGE - sizeof kind };
    for (size_t at = 0; at < now.output_size;) {
        size_t n = now.output_size - at < PART ? now.output_size - at : PART;
        send_two(&kind, sizeof kind, now.output + at, n);
        at += n;
    }
}

/* The record and its causes, as far as there is room. How many. */
static uint32_t pack_errors(const struct hob_error *e, char *buf, size_t room, size_t *used) {
    uint32_t count = 0;
    for (*used = 0; e; e = e->cause, count++) {
        const char *parts[] = {e->message, e->func, e->file, e->task};
        struct hob__keeper_error head = {e->code, e->line, 0};
        for (size_t i = 0; i < 4; i++) head.size += (uint32_t)strlen(parts[i]) + 1;
        if (room - *used < sizeof head + head.size) break;
        memcpy(buf + *used, &head, sizeof head);
        *used += sizeof head;
        for (size_t i = 0; i < 4; i++) {
            size_t n = strlen(parts[i]) + 1;
            memcpy(buf + *used, parts[i], n);
            *used += n;
        }
    }
    return count;
}

static void answer(int rc, const struct hob_error *e) {
    static char text[HOB__KEEPER_MESSAGE - sizeof(struct hob__keeper_reply)];
    size_t used = 0;
    struct hob__keeper_reply reply = {.kind = HOB__KEEPER_REPLY, .result = rc};
    if (rc < 0) now.output_size = 0;
    reply.output_size = now.output_size;
    reply.errors = pack_errors(e, text, sizeof text, &used);
    send_two(&reply, sizeof reply, text, used);
    send_output();
}

/* ---- a worker's life ---- */

static void one_call(void) {
    static union {
        struct hob__keeper_call call;
        char bytes[HOB__KEEPER_MESSAGE];
    } message;
    static _Alignas(16) char args[HOB__KEEPER_ARGS];
    size_t n = receive(&message, sizeof message);
    struct hob__keeper_call call = message.call;
    if (n < sizeof call || call.kind != HOB__KEEPER_CALL || call.args_size > sizeof args ||
        n != sizeof call + call.args_size)
        end();
    memcpy(args, message.bytes + sizeof call, call.args_size);
    char *input = receive_input(call.input_size);
    int rc = -ENOMEM;
    hob_error_clear();
    if (input || call.input_size == 0) {
        now.runs = true;
        now.input = input;
        now.input_size = call.input_size;
        now.output_max = call.output_max;
        hob__thread_work = call.site->name;
        rc = call.site->run(args);
        hob__thread_work = NULL;
        now.runs = false;
    }
    struct hob_error *error = hob__error_take(rc, call.site);
    fflush(stdout);
    answer(rc, error);
    hob__error_unref(error);
    hob__free(input);
    hob__free(now.output);
    memset(&now, 0, sizeof now);
}

void hob__keeper_work(int fd) {
    socket_fd = fd;
    for (;;) one_call();
}
