/* model_test.h - a struct with a field of every type, its model, and a text of it. */
#ifndef HOB_MODEL_TEST_H
#define HOB_MODEL_TEST_H
#include "test.h"
#include <hob/error.h>
#include <hob/model.h>
#include <sys/mman.h>

enum color { RED, GREEN = 7, BLUE = -1 };
static const struct hob_choice colors[] = {{"red", RED}, {"green", GREEN}, {"blue", BLUE}, {0}};

struct part {
    char *name;
    int weight;
};
HOB_MODEL(part, struct part, HOB_FIELD(name), HOB_FIELD(weight))

struct all {
    bool flag;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f;
    double d;
    char *string;
    const char *constant;
    char chars[8];
    struct hob_slice slice;
    struct hob_bytes bytes;
    struct hob_time time;
    struct hob_uuid uuid;
    struct hob_raw raw;
    enum color color;
    int64_t *maybe;
    struct hob_time *when;
    struct part part, *other, two[2], *parts, some[3];
    size_t nparts, nsome;
    double point[3];
    char **tags, *pair[2];
    size_t ntags;
    uint16_t few[4];
    size_t nfew;
    enum color *palette;
    size_t npalette;
    enum hob_presence note_is;
    bool has_size;
    char *note;
    int size;
};
HOB_MODEL(all, struct all, HOB_FIELD(flag), HOB_FIELD(i8), HOB_FIELD(i16), HOB_FIELD(i32),
          HOB_FIELD(i64), HOB_FIELD(u8), HOB_FIELD(u16), HOB_FIELD(u32), HOB_FIELD(u64),
          HOB_FIELD(f), HOB_FIELD(d), HOB_FIELD(string), HOB_FIELD(constant, .name = "const"),
          HOB_FIELD(chars), HOB_FIELD(slice), HOB_FIELD(bytes), HOB_FIELD(time), HOB_FIELD(uuid),
          HOB_FIELD(raw), HOB_FIELD(color, .choices = colors), HOB_FIELD(maybe), HOB_FIELD(when),
          HOB_NESTED(part, part), HOB_NESTED(other, part), HOB_NESTED(two, part),
          HOB_NESTED_ARRAY(parts, nparts, part), HOB_NESTED_ARRAY(some, nsome, part),
          HOB_FIELD(point), HOB_ARRAY(tags, ntags), HOB_FIELD(pair), HOB_ARRAY(few, nfew),
          HOB_ARRAY(palette, npalette, .choices = colors),
          HOB_FIELD(note, .optional = true, HOB_PRESENCE(note_is)),
          HOB_FIELD(size, .optional = true, HOB_PRESENCE(has_size)))

#define ALL_TEXT                                                                                   \
    "{\"flag\":true,\"i8\":-128,\"i16\":-32768,\"i32\":-2147483648,\"i64\":-9223372036854775808,"  \
    "\"u8\":255,\"u16\":65535,\"u32\":4294967295,\"u64\":18446744073709551615,\"f\":0.5,"          \
    "\"d\":-1.5e300,\"string\":\"a\\u00e4\\n\",\"const\":\"c\",\"chars\":\"1234567\","             \
    "\"slice\":\"a\\u0000b\",\"bytes\":\"AAEC/w==\",\"time\":\"2026-01-31T12:00:00.250Z\","        \
    "\"uuid\":\"00112233-4455-6677-8899-aabbccddeeff\",\"raw\":{\"x\":[1,null]},"                  \
    "\"color\":\"green\",\"maybe\":5,\"when\":\"1970-01-01T00:00:01Z\","                           \
    "\"part\":{\"name\":\"p\",\"weight\":1},\"other\":{\"name\":\"o\",\"weight\":2},"              \
    "\"two\":[{\"name\":\"t\",\"weight\":3},{\"name\":\"u\",\"weight\":4}],"                       \
    "\"parts\":[{\"name\":\"v\",\"weight\":5}],\"some\":[{\"name\":\"w\",\"weight\":6}],"          \
    "\"point\":[1.0,2.5,-3.0],\"tags\":[\"x\",\"\"],\"pair\":[\"l\",\"r\"],\"few\":[1,2],"         \
    "\"palette\":[\"red\",\"blue\"],\"note\":null,\"size\":3}"

/* n bytes of text right before an unreadable page; unmapped by edge_end. */
struct edge {
    char *map, *at;
    size_t room;
};
__attribute__((unused)) static struct edge edge_begin(const void *text, size_t n) {
    size_t page = 4096;
    struct edge e = {.room = (n + page) / page * page};
    e.map = mmap(NULL, e.room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(e.map != MAP_FAILED);
    CHECK_EQ(mprotect(e.map + e.room, page, PROT_NONE), 0);
    e.at = e.map + e.room - n;
    if (n) memcpy(e.at, text, n);
    return e;
}
__attribute__((unused)) static void edge_end(struct edge *e) { munmap(e->map, e->room + 4096); }

__attribute__((unused)) static bool has_problem(const struct hob_problems *p, const char *path,
                                                const char *words) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->items[i].path, path) == 0 && strstr(p->items[i].message, words)) return true;
    for (size_t i = 0; i < p->count; i++)
        fprintf(stderr, "  %s: %s\n", p->items[i].path, p->items[i].message);
    return false;
}
#define HAS(path, words) CHECK(has_problem(&wrong, path, words))
#endif
