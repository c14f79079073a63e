/* http/server/access_log.h - between the log's buffer (access_log.c) and its lines (access_line.c).
 */
#ifndef HOB_HTTP_ACCESS_LOG_PRIVATE_H
#define HOB_HTTP_ACCESS_LOG_PRIVATE_H

#include <hob/access_log.h>
#include <hob/http.h>

/* The request has been dealt with: its line. Does not wait. */
void hob__access_log_add(struct hob_access_log *log, const struct hob_request *req);

enum { HOB__LOG_LINE = 4096 }; /* the longest line; what is longer is cut */
/* Writes the line, with its end, to out[0 .. HOB__LOG_LINE): its length. wall: seconds since 1970.
 */
size_t hob__access_line(char *out, enum hob_log_format format, const struct hob_request *req,
                        int64_t wall, uint64_t now_ns);
#endif
