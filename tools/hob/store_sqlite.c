/* store_sqlite.c - a crawl in a SQLite database: the table `pages` for whoever asks, and `queue`,
 * what is still to be visited. Both change in one transaction, so that a crawl that is stopped in
 * any way goes on where it was. */
#include <errno.h>
#include <hob/hob.h>
#include <hob/thread.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

#if HAVE_CRAWL
#include <sqlite3.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS pages(url TEXT PRIMARY KEY, status INTEGER, depth INTEGER NOT NULL,"
    " title TEXT, bytes INTEGER NOT NULL, seconds REAL NOT NULL, error TEXT);"
    "CREATE TABLE IF NOT EXISTS queue(url TEXT PRIMARY KEY, depth INTEGER NOT NULL);";

static int failed(struct store *s) {
    int code = sqlite3_errcode(s->db);
    snprintf(s->message, sizeof s->message, "%s", sqlite3_errmsg(s->db));
    switch (code & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    default:
        return -EIO;
    }
}

static int run(struct store *s, const char *sql) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(s);
}

static int open_database(struct store *s, bool fresh) {
    if (sqlite3_open(s->path, &s->db) != SQLITE_OK) return failed(s);
    sqlite3_busy_timeout(s->db, 10000);
    /* Readers may look while it is written; a power cut costs the last moments, no more. */
    HOB_TRY(run(s, "PRAGMA journal_mode=WAL"));
    HOB_TRY(run(s, "PRAGMA synchronous=NORMAL"));
    if (fresh) HOB_TRY(run(s, "DROP TABLE IF EXISTS pages; DROP TABLE IF EXISTS queue"));
    return run(s, schema);
}

/* Calls see() with each row. */
static int each_row(struct store *s, const char *sql,
                    int (*see)(struct loaded *l, sqlite3_stmt *row), struct loaded *l) {
    sqlite3_stmt *rows;
    int rc = 0, step;
    if (sqlite3_prepare_v2(s->db, sql, -1, &rows, NULL) != SQLITE_OK) return failed(s);
    while (rc >= 0 && (step = sqlite3_step(rows)) == SQLITE_ROW) rc = see(l, rows);
    if (rc >= 0 && step != SQLITE_DONE) rc = failed(s);
    sqlite3_finalize(rows);
    return rc < 0 ? rc : 0;
}

static const char *url_of(sqlite3_stmt *row) { return (const char *)sqlite3_column_text(row, 0); }

static int load_left(struct loaded *l, sqlite3_stmt *row) {
    return loaded_left(l, url_of(row), (unsigned)sqlite3_column_int(row, 1));
}

static bool passes(sqlite3_stmt *page) {
    return failure_passes(sqlite3_column_int(page, 2), (const char *)sqlite3_column_text(page, 3));
}

static int load_visited(struct loaded *l, sqlite3_stmt *page) {
    if (passes(page)) return 0;
    l->visited++;
    return frontier_know(l->frontier, url_of(page));
}

static int load_again(struct loaded *l, sqlite3_stmt *page) {
    int rc = passes(page) ? load_left(l, page) : 0;
    l->again += rc == 1;
    return rc;
}

static int load_database(struct store *s, struct loaded *l) {
    static const char pages[] = "SELECT url, depth, status, error FROM pages ORDER BY rowid";
    HOB_TRY(each_row(s, pages, load_visited, l));
    HOB_TRY(each_row(s, pages, load_again, l));
    return each_row(s, "SELECT url, depth FROM queue ORDER BY rowid", load_left, l);
}

struct statements {
    sqlite3_stmt *page, *visited, *queue;
};

static int prepare(struct store *s, struct statements *st) {
    static const char page[] = "INSERT OR REPLACE INTO pages VALUES(?, ?, ?, ?, ?, ?, ?)";
    static const char visited[] = "DELETE FROM queue WHERE url = ?";
    /* A link may have been visited before the page that has it is written. */
    static const char queue[] = "INSERT OR IGNORE INTO queue SELECT ?1, ?2 "
                                "WHERE NOT EXISTS(SELECT 1 FROM pages WHERE url = ?1)";
    if (sqlite3_prepare_v2(s->db, page, -1, &st->page, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(s->db, visited, -1, &st->visited, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(s->db, queue, -1, &st->queue, NULL) != SQLITE_OK)
        return failed(s);
    return 0;
}

static int step(struct store *s, sqlite3_stmt *st) {
    int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : failed(s);
    sqlite3_reset(st);
    return rc;
}

static int write_page(struct store *s, struct statements *st, const struct crawled *c) {
    const struct result *r = &c->result;
    sqlite3_bind_text(st->page, 1, r->url, -1, SQLITE_STATIC);
    if (r->status)
        sqlite3_bind_int(st->page, 2, r->status);
    else
        sqlite3_bind_null(st->page, 2);
    sqlite3_bind_int64(st->page, 3, c->depth);
    sqlite3_bind_text(st->page, 4, c->title, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st->page, 5, (sqlite3_int64)r->bytes);
    sqlite3_bind_double(st->page, 6, r->seconds);
    sqlite3_bind_text(st->page, 7, c->error, -1, SQLITE_STATIC);
    HOB_TRY(step(s, st->page));
    sqlite3_bind_text(st->visited, 1, r->url, -1, SQLITE_STATIC);
    return step(s, st->visited);
}

static int write_visit(struct store *s, struct statements *st, const struct crawled *c) {
    if (c->kind == VISIT_PAGE) HOB_TRY(write_page(s, st, c));
    for (char **link = c->links; link && *link; link++) {
        sqlite3_bind_text(st->queue, 1, *link, -1, SQLITE_STATIC);
        sqlite3_bind_int64(st->queue, 2, c->link_depth);
        HOB_TRY(step(s, st->queue));
    }
    return 0;
}

static int write_all(struct store *s, struct crawled *const *visits, size_t n) {
    struct statements st = {0};
    int rc = prepare(s, &st);
    if (rc >= 0) rc = run(s, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < n && rc >= 0; i++) rc = write_visit(s, &st, visits[i]);
    if (rc >= 0) rc = run(s, "COMMIT");
    sqlite3_finalize(st.page);
    sqlite3_finalize(st.visited);
    sqlite3_finalize(st.queue);
    if (rc < 0 && !sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
HOB_TASK(write_all, struct store *, struct crawled *const *, size_t)

static int write_database(struct store *s, struct crawled *const *visits, size_t n) {
    return hob_shielded(hob_to_thread(write_all, s, visits, n)); /* it waits for the disk */
}

static int close_database(struct store *s) {
    int rc = sqlite3_close(s->db) == SQLITE_OK ? 0 : failed(s);
    s->db = NULL;
    return rc;
}

const struct store_kind store_sqlite = {open_database, load_database, write_database,
                                        close_database};
#endif
