/* fiber/trace.c - backtraces: of the caller, of suspended fibers, of code that a signal
 * interrupted.
 *
 * Return addresses come from the unwinder of libgcc_s, which every C program has at hand; names and
 * lines from libbacktrace (HAVE_LIBBACKTRACE), else from the dynamic symbols. Capturing is cheap
 * and async-signal-safe, naming is neither. */
#include "fiber/fiber.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#ifdef HAVE_LIBBACKTRACE
#include <backtrace.h>
#endif

/* ---- capturing ---- */

struct capture {
    void **pcs;
    int n, max;
    int skip;         /* frames of ours to leave out */
    const void *from; /* leave out all frames before this pc; NULL: none */
};

static _Unwind_Reason_Code see_frame(struct _Unwind_Context *context, void *arg) {
    struct capture *c = arg;
    int exact = 0; /* the pc is an instruction that was interrupted, not a return address */
    char *pc = (char *)_Unwind_GetIPInfo(context, &exact);
    if (!pc) return _URC_END_OF_STACK;
    if (c->skip > 0) {
        c->skip--;
        return _URC_NO_REASON;
    }
    if (c->from) {
        if (pc != c->from) return _URC_NO_REASON;
        c->from = NULL;
        exact = 1;
    }
    if (pc >= (const char *)(uintptr_t)hob__enter && pc <= hob__enter_end) return _URC_END_OF_STACK;
    if (c->n == c->max) return _URC_END_OF_STACK;
    c->pcs[c->n++] = exact ? pc + 1 : pc;
    return _URC_NO_REASON;
}

__attribute__((noinline)) int hob__trace_self(void **pcs, int max) {
    struct capture c = {.pcs = pcs, .max = max, .skip = 1};
    _Unwind_Backtrace(see_frame, &c);
    return c.n;
}

static __attribute__((noinline)) void unwind_here(void *capture) {
    _Unwind_Backtrace(see_frame, capture);
    __asm__ volatile(""); /* no tail call: this frame is counted */
}

int hob__trace_suspended(void *saved_sp, void **pcs, int max) {
    /* unwind_here and hob__walk */
    struct capture c = {.pcs = pcs, .max = max, .skip = 2};
    hob__walk(saved_sp, unwind_here, &c);
    return c.n;
}

int hob__trace_signal(void *ucontext, void **pcs, int max) {
    const ucontext_t *u = ucontext;
#if defined(__x86_64__)
    char *pc = (char *)u->uc_mcontext.gregs[REG_RIP];
#else
    char *pc = (char *)u->uc_mcontext.pc;
#endif
    if (max <= 0) return 0;
    struct capture c = {.pcs = pcs, .max = max, .from = pc};
    if (pc) _Unwind_Backtrace(see_frame, &c);
    if (c.n == 0) pcs[c.n++] = pc + 1; /* a pc that no unwind information knows */
    return c.n;
}

bool hob__last_words;

void hob__trace_warm(void) {
    void *pcs[4];
    hob__trace_self(pcs, 4);
}

/* ---- naming ---- */

#ifdef HAVE_LIBBACKTRACE
/* The path as it is seen from the working directory. */
static const char *shorten(const char *file) {
    static _Thread_local char cwd[512];
    if (!getcwd(cwd, sizeof cwd)) return file;
    size_t n = strlen(cwd);
    return strncmp(file, cwd, n) == 0 && file[n] == '/' ? file + n + 1 : file;
}

static struct backtrace_state *state;

static void ignore(void *arg, const char *message, int error) {
    (void)arg, (void)message, (void)error;
}
static void make_state(void) { state = backtrace_create_state(NULL, 1, ignore, NULL); }

struct naming {
    const char *function, *file, *into; /* into: what the innermost function was inlined into */
    int line;
    uintptr_t start;
};

static int see_line(void *arg, uintptr_t pc, const char *file, int line, const char *function) {
    struct naming *found = arg;
    (void)pc;
    if (!function) return 0;
    if (found->function) {
        found->into = function;
    } else {
        found->function = function;
        found->file = file;
        found->line = line;
    }
    return 0;
}

static void see_symbol(void *arg, uintptr_t pc, const char *symbol, uintptr_t start,
                       uintptr_t size) {
    struct naming *found = arg;
    (void)pc, (void)size;
    found->function = symbol;
    found->start = start;
}
#endif

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int hob__trace_format(void *pc, char *buf, size_t n) {
    uintptr_t call = (uintptr_t)pc - 1; /* inside the call instruction */
    Dl_info info = {0};
    const char *symbol = NULL, *module = "?";
    uintptr_t start = 0;
    if (dladdr((void *)call, &info)) {
        if (info.dli_fname) module = last_part(info.dli_fname);
        symbol = info.dli_sname;
        start = (uintptr_t)info.dli_saddr;
    }
#ifdef HAVE_LIBBACKTRACE
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_state);
    struct naming found = {0};
    if (state) backtrace_pcinfo(state, call, see_line, ignore, &found);
    if (found.function && found.file) {
        const char *file = shorten(found.file);
        if (found.into)
            return snprintf(buf, n, "%s at %s:%d (inlined into %s)", found.function, file,
                            found.line, found.into);
        return snprintf(buf, n, "%s at %s:%d", found.function, file, found.line);
    }
    found = (struct naming){0};
    if (state && !symbol) backtrace_syminfo(state, call, see_symbol, ignore, &found);
    if (found.function) {
        symbol = found.function;
        start = found.start;
    }
#endif
    if (symbol) return snprintf(buf, n, "%s+0x%zx (%s)", symbol, (size_t)(call - start), module);
    size_t offset = info.dli_fbase ? call - (uintptr_t)info.dli_fbase : call;
    return snprintf(buf, n, "0x%zx (%s)", offset, module);
}
