/* model_row_test.c - rows of databases into structs: made by hand, and by SQLite where it is there.
 */
#include "model_test.h"

#include <math.h>

#include "base/memory.h"
#if defined(HAVE_SQLITE)
#include <sqlite3.h>
#endif

static struct hob_problems wrong;
static struct hob_arena memory;

struct row {
    int64_t id;
    char *email, code[4];
    bool active;
    double *score;
    uint16_t port;
    float ratio;
    struct hob_time created;
    struct hob_uuid uuid;
    struct hob_bytes data;
    struct hob_slice note;
    enum color color;
    struct part part;
    char **tags;
    size_t ntags;
    struct hob_raw extra;
    enum hob_presence score_is;
};
static const char *id_is_even(const void *whole) {
    return ((const struct row *)whole)->id % 2 ? "the id is odd" : NULL;
}
HOB_MODEL(row, struct row, HOB_FIELD(id, .primary = true, HOB_MIN(1)),
          HOB_FIELD(email, .format = "email"), HOB_FIELD(code, .optional = true),
          HOB_FIELD(active, .optional = true), HOB_FIELD(score, HOB_PRESENCE(score_is)),
          HOB_FIELD(port, .optional = true), HOB_FIELD(ratio, .optional = true),
          HOB_FIELD(created, .optional = true), HOB_FIELD(uuid, .optional = true),
          HOB_FIELD(data, .optional = true), HOB_FIELD(note, .optional = true),
          HOB_FIELD(color, .optional = true, .choices = colors),
          HOB_NESTED(part, part, .optional = true), HOB_ARRAY(tags, ntags, .optional = true),
          HOB_FIELD(extra, .optional = true), HOB_CHECK(id_is_even))

static const char *const names[] = {"email", "id",    "unknown", "score", "code", "active",
                                    "port",  "ratio", "created", "uuid",  "data", "note",
                                    "color", "part",  "tags",    "extra"};
enum { N = sizeof names / sizeof *names };

static struct hob_cell text(const char *s) {
    return (struct hob_cell){HOB_CELL_TEXT, {.text = {s, strlen(s)}}};
}
static struct hob_cell integer(int64_t i) { return (struct hob_cell){HOB_CELL_INT, {.i = i}}; }

static int read_row(const struct hob_cell *cells, struct row *out) {
    struct hob_columns c;
    hob_arena_reset(&memory);
    CHECK_EQ(hob_model_columns(&row_model, names, N, &memory, &c), 0);
    CHECK_EQ(c.count, N);
    return hob_model_row(row, &c, cells, out, &memory, &wrong);
}

TEST(rows_of_text) {
    struct row r;
    struct hob_cell cells[N] = {text("a@b"),
                                text("8"),
                                text("x"),
                                text("-1.5e3"),
                                text("abc"),
                                text("t"),
                                text("65535"),
                                text("0.5"),
                                text("2026-01-31 13:00:00.25+01"),
                                text("00112233-4455-6677-8899-aabbccddeeff"),
                                text("\\x00ff10"),
                                text(""),
                                text("blue"),
                                text("{\"name\":\"p\",\"weight\":3}"),
                                text("[\"a\",\"b\"]"),
                                text(" [1] ")};
    CHECK_EQ(read_row(cells, &r), 0);
    CHECK_EQ(r.id, 8);
    CHECK_STR(r.email, "a@b");
    CHECK(*r.score == -1500 && r.score_is == HOB_PRESENT && r.active && r.port == 65535);
    CHECK(r.ratio == 0.5f);
    CHECK_STR(r.code, "abc");
    CHECK_EQ(r.created.us, INT64_C(1769860800250000));
    CHECK_EQ(r.uuid.bytes[15], 0xFF);
    CHECK(r.data.size == 3 && memcmp(r.data.at, "\0\xFF\x10", 3) == 0);
    CHECK(r.note.at && r.note.size == 0);
    CHECK_EQ(r.color, BLUE);
    CHECK_STR(r.part.name, "p");
    CHECK_EQ(r.ntags, 2);
    CHECK_STR(r.tags[1], "b");
    CHECK_STR(r.extra.at, "[1]");
    static const struct {
        const char *text;
        int64_t us;
    } times[] = {{"1970-01-02", INT64_C(86400000000)},
                 {"1970-01-01 00:00:01", 1000000},
                 {"1970-01-01T00:00:01.5Z", 1500000},
                 {"1970-01-01 00:00:00-00:30", INT64_C(1800000000)},
                 {"1970-01-01 00:00:00-01", INT64_C(3600000000)}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        cells[8] = text(times[i].text);
        CHECK_EQ(read_row(cells, &r), 0);
        CHECK_EQ(r.created.us, times[i].us);
    }
}

TEST(rows_of_values) {
    struct row r;
    struct hob_cell cells[N] = {text("a@b"),
                                integer(2),
                                integer(1),
                                {HOB_CELL_DOUBLE, {.d = 0.25}},
                                {0},
                                integer(1),
                                integer(0),
                                integer(3),
                                {HOB_CELL_TIME, {.i = -5}},
                                {HOB_CELL_UUID, {.text = {"0123456789abcdef", 16}}},
                                {HOB_CELL_BYTES, {.text = {"\\x\0", 3}}},
                                {HOB_CELL_BYTES, {.text = {"a\0b", 3}}},
                                {0},
                                {0},
                                {0},
                                {0}};
    CHECK_EQ(read_row(cells, &r), 0);
    CHECK(*r.score == 0.25 && r.active && r.ratio == 3 && r.created.us == -5);
    CHECK(memcmp(r.uuid.bytes, "0123456789abcdef", 16) == 0);
    CHECK(r.data.size == 3 && memcmp(r.data.at, "\\x\0", 3) == 0);
    CHECK(r.note.size == 3 && r.code[0] == 0 && r.part.name == NULL && r.tags == NULL);
    cells[3] = (struct hob_cell){0};
    CHECK_EQ(read_row(cells, &r), 0);
    CHECK(r.score == NULL && r.score_is == HOB_NULL);
}

TEST(rows_that_do_not_fit) {
    struct row r;
    struct hob_cell cells[N] = {{0},
                                integer(0),
                                {0},
                                text("x"),
                                text("abcd"),
                                integer(2),
                                integer(65536),
                                text("1e39"),
                                text("yesterday"),
                                text("1"),
                                text("\\xabc"),
                                {HOB_CELL_BYTES, {.text = {"\xFF", 1}}},
                                text("mauve"),
                                text("{\"name\":1}"),
                                text("[1,"),
                                text("{")};
    CHECK_EQ(read_row(cells, &r), HOB_E_MODEL);
    HAS("/email", "expected a string, found null");
    HAS("/id", "expected at least 1, found 0");
    HAS("/score", "expected a number, found \"x\"");
    HAS("/code", "expected a string, found \"abcd\"");
    HAS("/active", "expected a boolean, found an integer");
    HAS("/port", "from 0 to 65535, found an integer");
    HAS("/ratio", "range of a float, found \"1e39\"");
    HAS("/created", "found \"yesterday\"");
    HAS("/uuid", "expected a UUID, found \"1\"");
    HAS("/data", "found \"\\xabc\"");
    HAS("/note", "expected a string, found bytes");
    HAS("/color", "found \"mauve\"");
    HAS("/part/name", "expected a string, found 1");
    HAS("/part/weight", "is missing");
    HAS("/tags", "is not JSON");
    HAS("/extra", "is not JSON");
    struct hob_cell odd[N] = {text("a@b"), integer(3)};
    CHECK_EQ(read_row(odd, &r), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("", "the id is odd");
    struct hob_columns c;
    CHECK_EQ(hob_model_columns(&row_model, (const char *const[]){"id"}, 1, &memory, &c),
             HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "no column for the field 'email' of row");
    CHECK_EQ(
        hob_model_columns(&row_model, (const char *const[]){"id", "email", "id"}, 3, &memory, &c),
        HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "two columns for the field 'id' of row");
}

/* Fuzzing found that structs were made of these that could neither be checked nor written. */
TEST(strings_that_are_no_utf8) {
    struct row r;
    struct hob_cell cells[N] = {text("a@b"), integer(2)};
    cells[4] = text("a\xFF");
    cells[11] = text("\xC3");
    CHECK_EQ(read_row(cells, &r), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 2);
    HAS("/code", "expected a string, found a text");
    HAS("/note", "expected a string, found a text");
}

TEST(integers_that_are_no_choice) {
    struct row r;
    struct hob_cell cells[N] = {text("a@b"), integer(2)};
    cells[12] = integer(77);
    CHECK_EQ(read_row(cells, &r), HOB_E_MODEL);
    HAS("/color", "found an integer");
    cells[12] = (struct hob_cell){HOB_CELL_DOUBLE, {.d = 77}};
    CHECK_EQ(read_row(cells, &r), HOB_E_MODEL);
    HAS("/color", "found a number");
    cells[12] = integer(colors[1].value);
    CHECK_EQ(read_row(cells, &r), 0);
    CHECK_EQ(r.color, colors[1].value);
}

TEST(times_and_numbers_that_no_text_has) {
    struct row r;
    static const int64_t times[] = {INT64_MAX, INT64_MIN, INT64_C(253402300800000000)};
    static const double numbers[] = {HUGE_VAL, -HUGE_VAL, NAN};
    for (int i = 0; i < 3; i++) {
        struct hob_cell cells[N] = {text("a@b"), integer(2)};
        cells[3] = (struct hob_cell){HOB_CELL_DOUBLE, {.d = numbers[i]}};
        cells[7] = cells[3];
        cells[8] = (struct hob_cell){HOB_CELL_TIME, {.i = times[i]}};
        CHECK_EQ(read_row(cells, &r), HOB_E_MODEL);
        CHECK_EQ(wrong.count, 3);
        HAS("/score", "expected a number, found one that is not finite");
        HAS("/ratio", "found one that is not finite");
        HAS("/created", "found one that is not between the years 0 and 9999");
    }
}

TEST(nth_allocation_fails) {
    struct row r;
    struct hob_cell cells[N] = {text("a@b"),        text("8"),
                                text("x"),          text("1"),
                                text("abc"),        text("t"),
                                text("1"),          text("0.5"),
                                text("2026-01-31"), {0},
                                text("\\x00"),      text("n"),
                                text("blue"),       text("{\"name\":\"p\",\"weight\":3}"),
                                text("[\"a\"]"),    text("1")};
    CHECK_EQ(read_row(cells, &r), 0);
    hob_fail(-EINVAL, "there is a record from here on");
    hob_arena_free(&memory);
    long live = hob__alloc_live(), tries = 0;
    for (int rc = -1; rc < 0; tries++) {
        struct hob_columns c;
        hob__alloc_fail_at(tries + 1);
        rc = hob_model_columns(&row_model, names, N, &memory, &c);
        if (rc == 0) rc = hob_model_row(row, &c, cells, &r, &memory, &wrong);
        if (rc < 0) CHECK_EQ(rc, -ENOMEM);
        hob__alloc_fail_at(0);
        hob_arena_free(&memory);
        CHECK_EQ(hob__alloc_live(), live);
    }
    CHECK(tries > 1);
}

#if defined(HAVE_SQLITE)
static struct hob_cell cell_of(sqlite3_stmt *s, int i) {
    size_t n = (size_t)sqlite3_column_bytes(s, i);
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        return integer(sqlite3_column_int64(s, i));
    case SQLITE_FLOAT:
        return (struct hob_cell){HOB_CELL_DOUBLE, {.d = sqlite3_column_double(s, i)}};
    case SQLITE_TEXT:
        return (struct hob_cell){HOB_CELL_TEXT,
                                 {.text = {(const char *)sqlite3_column_text(s, i), n}}};
    case SQLITE_BLOB:
        return (struct hob_cell){HOB_CELL_BYTES, {.text = {sqlite3_column_blob(s, i), n}}};
    default:
        return (struct hob_cell){0};
    }
}

TEST(rows_of_sqlite) {
    sqlite3 *db;
    sqlite3_stmt *s;
    CHECK_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(
                 db,
                 "CREATE TABLE t (id INTEGER, email TEXT, active INTEGER, score REAL, data BLOB,"
                 " created TEXT, tags TEXT);"
                 "INSERT INTO t VALUES (2, 'a@b', 1, 0.5, x'00ff', datetime(60, 'unixepoch'),"
                 " '[\"x\"]'), (4, 'c@d', 0, NULL, NULL, NULL, NULL), (6, 'e', 0, 1, '', '', '')",
                 NULL, NULL, NULL),
             SQLITE_OK);
    CHECK_EQ(sqlite3_prepare_v2(db, "SELECT * FROM t ORDER BY id", -1, &s, NULL), SQLITE_OK);
    const char *columns[7];
    struct hob_cell cells[7];
    struct hob_columns c;
    HOB_ARENA(of_result);
    HOB_ARENA(of_row);
    for (int i = 0; i < 7; i++) columns[i] = sqlite3_column_name(s, i);
    CHECK_EQ(hob_model_columns(&row_model, columns, 7, &of_result, &c), 0);
    for (int row = 0; row < 3; row++) {
        struct row r;
        CHECK_EQ(sqlite3_step(s), SQLITE_ROW);
        for (int i = 0; i < 7; i++) cells[i] = cell_of(s, i);
        hob_arena_reset(&of_row);
        int rc = hob_model_row(row, &c, cells, &r, &of_row, &wrong);
        CHECK_EQ(rc, row < 2 ? 0 : HOB_E_MODEL);
        CHECK_EQ(r.id, 2 * row + 2);
        if (row == 0) {
            CHECK(r.active && *r.score == 0.5 && r.data.size == 2 && r.created.us == 60000000);
            CHECK(r.ntags == 1 && strcmp(r.tags[0], "x") == 0);
        } else if (row == 1) {
            CHECK(!r.active && !r.score && !r.data.at && r.created.us == 0 && !r.tags);
        } else {
            CHECK_EQ(wrong.count, 3);
            HAS("/email", "the format email");
            HAS("/created", "found \"\"");
            HAS("/tags", "is not JSON");
        }
    }
    CHECK_EQ(sqlite3_step(s), SQLITE_DONE);
    sqlite3_finalize(s);
    sqlite3_close(db);
}
#endif

TEST_MAIN()
