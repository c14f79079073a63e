/* sim_log.c - an append-only log that recovers from a crash at any point, and its test.
 *
 * A record is its length, a checksum, and its bytes. log_append() returns when the record is on the
 * disk; so what it has acknowledged is never lost. What was under way when the power went may stand
 * in the file whole, in part, or as garbage: log_open() reads up to the first record that is not
 * whole, and cuts the file there.
 *
 * The test cuts the power at any moment and in any call, forty times, and checks that the log
 * holds all that was acknowledged, and at most the one record more that was under way. Leave out
 * the hob_file_datasync(), the checksum, or sync_folder(), and it says so within a few seeds. */
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/sim.h>
#include <string.h>

/* ---- the log ---- */

enum { RECORD_MOST = 4096 };

struct head {
    uint32_t size, check;
};

struct log {
    struct hob_file *file;
    int64_t end; /* behind the last whole record */
};

static uint32_t check_of(const void *bytes, size_t n, int64_t at) { /* FNV-1a */
    const unsigned char *p = (const unsigned char *)bytes;
    uint32_t h = 2166136261u ^ (uint32_t)at ^ (uint32_t)n;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h;
}

/* The next record: its size; 0: there is none that is whole; or an error. */
static ssize_t log_next(struct log *l, void *bytes) {
    struct head h;
    int rc = (int)hob_file_read_exactly(l->file, &h, sizeof h);
    if (rc == HOB_E_EOF) return 0;
    if (rc < 0) return rc;
    if (h.size == 0 || h.size > RECORD_MOST) return 0;
    rc = (int)hob_file_read_exactly(l->file, bytes, h.size);
    if (rc == HOB_E_EOF) return 0;
    if (rc < 0) return rc;
    if (h.check != check_of(bytes, h.size, l->end)) return 0;
    l->end += (int64_t)sizeof h + h.size;
    return h.size;
}

static int sync_folder(const char *path) {
    HOB_FILE(folder);
    HOB_TRY(hob_open_flags(path, O_RDONLY, 0, &folder));
    return hob_file_sync(folder);
}

/* Opens it and hands every record to `each`. */
static int log_open(struct log *l, const char *path, void (*each)(const void *bytes, size_t n)) {
    char bytes[RECORD_MOST];
    ssize_t n;
    l->end = 0;
    HOB_TRY(hob_open_flags(path, O_RDWR | O_CREAT, 0600, &l->file));
    while ((n = log_next(l, bytes)) > 0) each(bytes, (size_t)n);
    if (n < 0) return (int)n;
    HOB_TRY(hob_file_truncate(l->file, l->end)); /* what is behind shall never be taken for one */
    HOB_TRY(hob_file_sync(l->file));
    return sync_folder("."); /* the name, should it be new */
}

static int log_append(struct log *l, const void *bytes, uint32_t n) {
    char record[sizeof(struct head) + RECORD_MOST];
    struct head h = {n, check_of(bytes, n, l->end)};
    memcpy(record, &h, sizeof h);
    memcpy(record + sizeof h, bytes, n);
    HOB_TRY(hob_file_pwrite(l->file, record, sizeof h + n, l->end));
    HOB_TRY(hob_file_datasync(l->file));
    l->end += (int64_t)(sizeof h + n);
    return 0;
}

/* ---- its test ---- */

static int begun, acknowledged; /* records */
static int found;               /* by log_open() */

static uint32_t record(int number, char *bytes) {
    uint32_t n = 1 + (uint32_t)(number * 397) % (RECORD_MOST - 1);
    for (uint32_t i = 0; i < n; i++) bytes[i] = (char)(number + (int)i / 7);
    return n;
}

static void is_next(const void *bytes, size_t n) {
    char expected[RECORD_MOST];
    found++;
    HOB_SIM_CHECK(found <= begun && n == record(found, expected));
    HOB_SIM_CHECK(memcmp(bytes, expected, n) == 0);
}

static int appends(struct log *l) {
    char bytes[RECORD_MOST];
    found = 0;
    int rc = log_open(l, "log", is_next);
    if (hob_sim_crashed()) return -EIO; /* cut off: it reads and writes nothing any more */
    if (rc < 0) return rc;
    if (found < acknowledged)
        HOB_SIM_FAIL("%d of %d records are lost", acknowledged - found, acknowledged);
    begun = acknowledged = found;
    for (;;) {
        uint32_t n = record(++begun, bytes);
        rc = log_append(l, bytes, n);
        if (hob_sim_crashed()) return -EIO;
        if (rc < 0) return rc;
        acknowledged = begun;
    }
}

static int program(void) {
    struct log l = {NULL, 0};
    int rc = appends(&l);
    hob_file_close(l.file);
    return rc;
}
HOB_TASK(program)

HOB_SIM_TEST(no_record_is_lost) {
    struct hob_sim_host *h = hob_sim_host("logger", program);
    for (int i = 0; i < 40; i++) {
        if (hob_sim_random(2)) {
            hob_sim_crash_at_call(h, 1 + hob_sim_random(30));
            HOB_SIM_CHECK(hob_sim_wait(h) == -ECONNRESET);
        } else {
            HOB_TRY(hob_sleep(hob_sim_uniform() * 0.005));
            hob_sim_crash(h);
        }
        HOB_TRY(hob_sim_restart(h, program));
    }
    HOB_SIM_CHECK(acknowledged > 0);
    return 0;
}

HOB_SIM_MAIN()
