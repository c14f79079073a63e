/* http_cancel_test.c - the requests of http_cancel.h over plain TCP, each in a loop (hob_run) of
 * its own. */
#define CANCEL_SERVER 0
#define CANCEL_CLIENT .stall_timeout = 20
#define CANCEL_SCHEME "http"

static void cancel_begin(void) {}
static void cancel_end(void) {}

#include "http_cancel.h"

TEST_MAIN()
