/* data/way.h - what is compiled for several kinds of processor, and which of them this one is. */
#ifndef HOB_DATA_WAY_H
#define HOB_DATA_WAY_H

#include "data/index.h"

struct hob_json;
struct hob__json_writer;

/* Without options, from w->size on: 0, -ENOMEM, or 1: the tree is too deep for it, and nothing has
 * been written. */
typedef int hob__json_compact(const struct hob_json *v, struct hob__json_writer *w);

struct hob__decoder;
struct hob__slot;

/* The value of the slot, at p, into `to`. Behind it; NULL: d->rc says why (decode.h). */
typedef const uint8_t *hob__model_decoder(struct hob__decoder *d, const struct hob__slot *s,
                                          const uint8_t *p, uint8_t *to);

/* As hob__utf8_is(). */
typedef bool hob__utf8_checker(const uint8_t *text, size_t n);

struct hob__json_way {
    const char *name; /* "avx512", "avx2", "neon", "plain" */
    hob__json_indexer *index;
    hob__utf8_checker *utf8;
    hob__json_compact *write;
    /* Is it of AVX2? The models' decoder goes by that (model/decode.c), and is not named here: a
     * program that only wants JSON is linked without models, and what they need. */
    bool avx2;
};

hob__json_indexer hob__json_index_plain;
hob__utf8_checker hob__utf8_is_plain;
hob__json_compact hob__json_write_plain;
hob__model_decoder hob__decode_plain;
#if defined(__x86_64__)
hob__json_indexer hob__json_index_avx512, hob__json_index_avx2;
hob__utf8_checker hob__utf8_is_avx512, hob__utf8_is_avx2;
hob__json_compact hob__json_write_avx2;
hob__model_decoder hob__decode_avx2;
#elif defined(__aarch64__)
hob__json_indexer hob__json_index_neon;
hob__utf8_checker hob__utf8_is_neon;
#endif

/* The best for this processor; HOB_JSON=name in the environment asks for another, which is taken if
 * the processor can do it. */
const struct hob__json_way *hob__json_way(void);
/* For tests: the i-th that this processor can go, from the best; NULL: there is none. And: from now
 * on this one. */
const struct hob__json_way *hob__json_way_at(size_t i);
void hob__json_way_take(const struct hob__json_way *way);

#endif
