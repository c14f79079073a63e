/* hob/har.h - what a client does, as a HAR 1.2 file for browsers' tools and others.
 *
 *   struct hob_har *har;
 *   HOB_TRY(hob_har_open(&har, "session.har"));
 *   {
 *       HOB_CLIENT(client, .har = har);
 *       ...
 *   }
 *   HOB_TRY(hob_har_close(har));
 *
 * One entry for each request on the wire, those that failed, were redirected or tried again too, in
 * the order in which they ended; with headers, sizes and timings, without bodies. What is a secret
 * in the headers (Authorization, Cookie, Set-Cookie, Proxy-Authorization) is left out; URLs are
 * written as they are. Entries wait in memory, 4 MiB at most (beyond that they are left out, which
 * the file says), and are written before a request when there are 64 KiB of them. */
#ifndef HOB_HAR_H
#define HOB_HAR_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_har;

/* Creates the file, or empties it. One loop's, for any number of its clients. It may be a FIFO that
 * somebody reads (else -ENXIO), or a terminal. 0, what hob_open() returns, -ENOMEM. Waits;
 * cancellation point. */
HOB_API int hob_har_open(struct hob_har **out, const char *path);
/* Writes what is left and the end, and frees it, whatever the result: 0, or the first error of the
 * file. Until then the file is not complete. The clients' responses must be closed. NULL is
 * allowed. Waits; a cancel does not cut it short. */
HOB_API int hob_har_close(struct hob_har *har);

#ifdef __cplusplus
}
#endif
#endif
