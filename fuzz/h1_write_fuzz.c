/* h1_write_fuzz.c - the writer of heads: whatever it is given, it refuses, or writes what the
 * parser takes apart into the same method, target, status and fields. */
#include "fuzz.h"
#include "http/h1.h"

enum { MOST = 8 };

struct given {
    char *name, *value;
    size_t size;
};

/* The value as the parser sees it: without white space around it. */
static void trim(struct given *g) {
    while (g->size > 0 && (g->value[g->size - 1] == ' ' || g->value[g->size - 1] == '\t'))
        g->size--;
    while (g->size > 0 && (*g->value == ' ' || *g->value == '\t')) g->value++, g->size--;
}

static void same(const char *block, uint32_t at, uint32_t size, const char *text, size_t n) {
    CHECK(size == n && memcmp(block + at, text, n) == 0);
}

static void read_back(const struct hob__buffer *b, bool response, const char *method,
                      const char *target, size_t target_size, int status, const struct given *given,
                      uint32_t count) {
    struct hob__h1 p;
    struct hob__h1_field fields[MOST + 1];
    size_t used;
    struct hob_slice piece;
    hob__h1_init(&p, response, NULL);
    hob__h1_start(&p, fields, MOST + 1);
    const char *in = edge_copy(b->data + b->start, hob__buffer_size(b));
    int rc = hob__h1_next(&p, in, hob__buffer_size(b), &used, &piece);
    /* What only the meaning of the fields forbids is not the writer's to know. */
    if (rc == HOB_E_HTTP_LENGTH || rc == HOB_E_HTTP_ENCODING || rc == HOB_E_HTTP_HOST ||
        rc == HOB_E_HTTP_LENGTH_AND_ENCODING || rc == HOB_E_HTTP_TARGET)
        return;
    CHECK(rc == HOB__H1_HEAD || (response && status < 200 && rc == HOB__H1_INTERIM));
    CHECK(used == hob__buffer_size(b) && p.field_count == count);
    if (response) {
        CHECK(p.status == status);
    } else {
        same(in, p.method_at, p.method_size, method, strlen(method));
        same(in, p.target_at, p.target_size, target, target_size);
    }
    for (uint32_t i = 0; i < count; i++) {
        same(in, fields[i].name, fields[i].name_size, given[i].name, strlen(given[i].name));
        same(in, fields[i].value, fields[i].value_size, given[i].value, given[i].size);
    }
}

static void chunk_head(uint64_t size) {
    char *out = edge_room(HOB__H1_CHUNK_HEAD), want[32];
    size_t n = hob__h1_chunk_head(out, size);
    CHECK(n == (size_t)sprintf(want, "%llx\r\n", (unsigned long long)size));
    CHECK(memcmp(out, want, n) == 0);
}

/* One byte of kind, the start line, then names and values. */
FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    struct hob__buffer b = {0};
    struct given given[MOST];
    char texts[MOST * 64], *room = texts;
    uint32_t count = 0;
    bool response = fuzz_byte(&in) & 1;
    int status = (int)(fuzz_u32(&in) % 1100), rc;
    chunk_head((uint64_t)fuzz_u32(&in) << (fuzz_byte(&in) % 40));
    char *method = fuzz_string(&in, 40);
    size_t target_size;
    const uint8_t *target_bytes = fuzz_bytes(&in, 200, &target_size);
    char *target = edge_copy(target_bytes, target_size);
    rc = response ? hob__h1_put_status(&b, status)
                  : hob__h1_put_request(&b, method, target, target_size);
    if (response) CHECK(rc == (status < 100 || status > 999 ? HOB_E_HTTP_ILLEGAL : 0));
    while (rc == 0 && in.left > 0 && count < MOST) {
        struct given *g = &given[count];
        size_t size;
        g->name = strcpy(room, fuzz_string(&in, 30));
        room += strlen(room) + 1;
        const uint8_t *value = fuzz_bytes(&in, 30, &size);
        g->value = room;
        g->size = size;
        if (size) memcpy(room, value, size);
        room += size;
        size_t before = hob__buffer_size(&b);
        rc = hob__h1_put_field(&b, g->name, edge_copy(value, size), size);
        if (rc < 0) CHECK(rc == HOB_E_HTTP_ILLEGAL && hob__buffer_size(&b) == before);
        if (rc < 0) room = g->name; /* nobody looks at it again */
        if (rc < 0 && count > 0)
            rc = 0; /* the next one is another try */
        else if (rc == 0)
            trim(g), count++;
    }
    CHECK(hob__buffer_validate(&b));
    if (rc == 0) {
        CHECK(hob__h1_put_end(&b) == 0);
        read_back(&b, response, method, target, target_size, status, given, count);
    }
    hob__buffer_free(&b);
}
