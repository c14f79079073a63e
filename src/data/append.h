/* data/append.h - values as text, behind a text that is there already. */
#ifndef HOB_DATA_APPEND_H
#define HOB_DATA_APPEND_H

#include <hob/json.h>

struct hob__json_text {
    char *text; /* from hob__alloc(); NULL at first */
    size_t size, room;
};

/* Appends v, as hob_json_write() writes it inside of `depth` containers. After it there is room for
 * HOB__JSON_AFTER bytes more. False without memory: what is there is as it was. */
enum { HOB__JSON_AFTER = 8 };
bool hob__json_append(struct hob__json_text *t, const struct hob_json *v, unsigned depth,
                      const struct hob_json_write_options *o);

#endif
