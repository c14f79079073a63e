/* http/client/save.h - a body on its way into a file. */
#ifndef HOB_HTTP_SAVE_H
#define HOB_HTTP_SAVE_H

#include <hob/download.h>
#include <hob/file.h>

struct hob__sink {
    struct hob_file *file;
    int64_t done;  /* bytes in the file, and in `held` */
    int64_t total; /* how many there will be; -1: not known */
    int64_t max;   /* 0 = any number */
    hob_progress *progress;
    void *arg;
    char *held;
    size_t held_size;
};

int hob__sink_open(struct hob__sink *s); /* takes the memory: 0 or -ENOMEM */
void hob__sink_close(struct hob__sink *s);
/* The rest of the body into the file, at `done`: 0 at its end, or an error; what had come is in the
 * file then, too. */
int hob__sink_take(struct hob__sink *s, struct hob_response *res);
#endif
