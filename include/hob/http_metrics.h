/* hob/http_metrics.h - what servers count, of all threads and processes together, as a structure
 * and as text for Prometheus.
 *
 *   HOB_TRY(hob_http_metrics_new(&metrics));              before the threads or processes begin
 *   ... hob_http_serve(listener, handler, app, (struct hob_http_options){.metrics = metrics});
 *   ... if (strcmp(hob_request_path(req), "/metrics") == 0)
 *           return hob_http_metrics_handler(req, metrics);
 *
 * Each hob_http_serve() counts in a part of its own, without locks; whoever asks adds the parts up.
 * So an answer is about all of them, whichever worker gives it. */
#ifndef HOB_HTTP_METRICS_H
#define HOB_HTTP_METRICS_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_http_metrics;

/* At once at most; hob_prefork() has up to 256 workers, and as many successors during a restart. */
#define HOB_HTTP_METRICS_SERVERS 512

/* Room for what up to HOB_HTTP_METRICS_SERVERS servers count, which forked processes share: to be
 * made before hob_prefork(), hob_run_workers() or a fork. What a server has counted stays when it
 * ends, and the next one goes on with it, so that sums never fall; what was open at a process that
 * was killed is not counted any more. One more server than that gets HOB_E_LIMIT from
 * hob_http_serve(). 0 or -ENOMEM. Does not wait; any thread; also outside a loop. */
HOB_API int hob_http_metrics_new(struct hob_http_metrics **out);
/* When no server of this process uses them any more; those of other processes are not concerned.
 * NULL is allowed. */
HOB_API void hob_http_metrics_free(struct hob_http_metrics *metrics);

/* The sums, and how many servers run now. Counters of one server that belong together may be a
 * request apart. Does not wait, but for another process that does the same; any thread, any
 * process that shares them. */
HOB_API void hob_http_metrics_read(struct hob_http_metrics *metrics, struct hob_http_counters *sums,
                                   unsigned *servers);

/* A handler: answers GET and HEAD with the sums in Prometheus' text format (text/plain;
 * version=0.0.4), 405 otherwise; `metrics` is a struct hob_http_metrics *. Seconds and bytes are
 * Prometheus' base units, what only grows ends in _total:
 *   hob_http_connections{state="busy|idle"}, hob_http_connections_accepted_total,
 *   hob_http_connections_upgraded_total, hob_http_connections_refused_total,
 *   hob_http_connections_idle_closed_total, hob_http_cut_offs_total{reason="..."},
 *   hob_http_requests_in_flight, hob_http_requests_total, hob_http_requests_refused_total,
 *   hob_http_requests_abandoned_total, hob_http_handler_failures_total,
 *   hob_http_responses_total{class="2xx"}, hob_http_received_bytes_total,
 *   hob_http_sent_bytes_total, hob_http_request_duration_seconds (a histogram), hob_http_servers.
 * They are the fields of struct hob_http_counters (hob/http_server.h), which says what each means.
 * As hob_respond(). Waits; cancellation point. */
HOB_API int hob_http_metrics_handler(struct hob_request *req, void *metrics);

#ifdef __cplusplus
}
#endif
#endif
