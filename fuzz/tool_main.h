/* tool_main.h - in place of the command's main.c, what its readers of command lines call: a mistake
 * has words, a help text is not empty. */
#ifndef FUZZ_TOOL_MAIN_H
#define FUZZ_TOOL_MAIN_H
#include <stdarg.h>

#include "fuzz.h"
#include "tool.h"

int usage_error(const char *command, const char *fmt, ...) {
    char text[4096];
    va_list args;
    va_start(args, fmt);
    CHECK(command && vsnprintf(text, sizeof text, fmt, args) > 0);
    va_end(args);
    return EXIT_USAGE;
}
int print_text(const char *text) { return text[0] ? EXIT_OK : EXIT_FAILED; }
#endif
