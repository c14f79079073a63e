/* task/local.c - task-locals: an immutable chain of bindings, shared by reference between a task
 * and what it spawned. Setting makes a new head for this task alone; a spawn costs one count. */
#include "task/task.h"

#include "base/memory.h"

struct hob__local_value {
    int refs;
    void *value;
    void (*drop)(void *value);
};

struct hob__local_node {
    struct hob__local_node *next;
    int refs; /* all that changes: in a worker the rest is read while this is counted here */
    const struct hob_local *key;
    struct hob__local_value *value;
};

static void value_unref(struct hob__local_value *v) {
    if (--v->refs > 0) return;
    if (v->drop && v->value) v->drop(v->value);
    hob__free(v);
}

struct hob__local_node *hob__locals_ref(struct hob__local_node *n) {
    n->refs++;
    return n;
}

void hob__locals_unref(struct hob__local_node *n) {
    while (n && --n->refs == 0) {
        struct hob__local_node *next = n->next;
        value_unref(n->value);
        hob__free(n);
        n = next;
    }
}

__thread const struct hob__local_node *hob__thread_locals;

void *hob_local_get(const struct hob_local *key) {
    const struct hob__local_node *n;
    if (HOB__UNLIKELY(!hob__loop && hob__thread_work))
        n = hob__thread_locals;
    else
        n = hob__current(__func__)->locals;
    for (; n; n = n->next)
        if (n->key == key) return n->value->value;
    return NULL;
}

static struct hob__local_node *node_new(const struct hob_local *key, struct hob__local_value *v,
                                        struct hob__local_node *next) {
    struct hob__local_node *n = hob__alloc(sizeof *n);
    if (!n) return NULL;
    *n = (struct hob__local_node){next, 1, key, v};
    return n;
}

/* Copies the chain down to, and without, the node of that key; what is below is shared. */
static int copy_without(struct hob__local_node *n, const struct hob_local *key,
                        struct hob__local_node **out) {
    *out = NULL;
    struct hob__local_node **tail = out;
    for (; n && n->key != key; n = n->next) {
        struct hob__local_node *copy = node_new(n->key, n->value, NULL);
        if (!copy) {
            hob__locals_unref(*out);
            return -ENOMEM;
        }
        n->value->refs++;
        *tail = copy;
        tail = &copy->next;
    }
    if (n && n->next) *tail = hob__locals_ref(n->next);
    return 0;
}

int hob_local_set(struct hob_local *key, void *value) {
    struct hob_task *t = hob__current(__func__);
    struct hob__local_node *rest = t->locals;
    bool bound = false;
    for (struct hob__local_node *n = rest; n; n = n->next) bound |= n->key == key;
    if (bound) {
        if (copy_without(t->locals, key, &rest) < 0) return -ENOMEM;
    } else if (rest) {
        hob__locals_ref(rest);
    }
    struct hob__local_value *v = hob__alloc(sizeof *v);
    struct hob__local_node *n = v ? node_new(key, v, rest) : NULL;
    if (!n) {
        hob__free(v);
        hob__locals_unref(rest);
        return -ENOMEM;
    }
    *v = (struct hob__local_value){1, value, key->drop};
    struct hob__local_node *before = t->locals;
    t->locals = n;
    hob__locals_unref(before); /* last: a drop function may look at the locals */
    return 0;
}
