/* data/write_plain.c - the loop that writes trees, for every processor. */
#define TARGET

#include "data/write_loop.h"

int hob__json_write_plain(const struct hob_json *v, struct hob__json_writer *w) {
    return write_compact(v, w);
}
