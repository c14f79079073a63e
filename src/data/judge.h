/* data/judge.h - what is wrong with a text, and where, in the same words for everybody who reads
 * JSON: the parser, the reader of streams, whatever comes later. */
#ifndef HOB_DATA_JUDGE_H
#define HOB_DATA_JUDGE_H

#include <hob/json_reader.h>

#include "data/tree.h"

struct hob__json_verdict {
    int code;             /* 0: nothing is */
    const char *expected; /* what should stand at `at` */
    const uint8_t *at;
    bool cut; /* it only ends too early: there are bytes that would make it right */
};

/* A whole text. */
void hob__json_judge(const uint8_t *text, size_t n, const struct hob_json_options *o,
                     struct hob__json_verdict *v);
/* One string, number or literal at the text's beginning; whatever comes behind it is not judged. */
void hob__json_judge_scalar(const uint8_t *text, size_t n, const struct hob_json_options *o,
                            struct hob__json_verdict *v);

static const struct hob_json_place hob__json_first_place = {1, 1, 0};
/* Moves a place over n bytes. */
void hob__json_move(struct hob_json_place *place, const uint8_t *bytes, size_t n);

/* hob_fail() with the verdict's code: its place, what was expected, and what was found. `end` is
 * where the text ends, which is called the_end. */
int hob__json_say(const struct hob__json_verdict *v, const struct hob_json_place *place,
                  const uint8_t *end, const char *the_end);

/* The same of a text that hob_json_reparse() refused for a name that is there twice; place: of the
 * text's beginning. */
int hob__json_say_twice(const struct hob_json_doc *d, const uint8_t *text,
                        struct hob_json_place place);

/* What should stand where a value, a name, ... is: by these names, so that all say the same. */
#define HOB__JSON_A_VALUE "a value"
#define HOB__JSON_A_NAME "a name in quotes"
#define HOB__JSON_A_COLON "':' after the name"
#define HOB__JSON_MORE_MEMBERS "',' or '}'"
#define HOB__JSON_MORE_ITEMS "',' or ']'"
#define HOB__JSON_THE_END "the end of the text"
#define HOB__JSON_TOO_DEEP "no further container in these"

#endif
