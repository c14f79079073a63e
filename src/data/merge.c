/* data/merge.c - JSON Merge Patch (RFC 7386). */
#include "data/edit.h"

#include <hob/error.h>
#include <hob/json_edit.h>

/* What is still to be done: the members of `patch` go into `into`. */
struct merging {
    struct merging *next;
    struct hob__edit *into;
    const struct hob_json *patch;
};

static bool push(struct hob__edits *all, struct merging **list, struct hob__edit *into,
                 const struct hob_json *patch) {
    struct merging *m = hob__edits_alloc(all, sizeof *m);
    if (!m) return false;
    *m = (struct merging){*list, into, patch};
    *list = m;
    return true;
}

/* One member; objects are left for later. */
static bool merge_member(struct hob__edits *all, struct merging **list, struct hob__edit *into,
                         const struct hob_json *name, const struct hob_json *value) {
    struct hob_slice key = {name->of.text, hob__json_size(name)};
    struct hob__edit *e = hob__edit_find(all, into, key);
    if (all->failed) return false;
    if (hob_json_type(value) == HOB_JSON_NULL) {
        if (e) hob__edit_drop(all, into, e);
        return !all->failed;
    }
    if (!e) {
        if (!(e = hob__edit_new(all, value)) || !hob__edit_put(all, into, key, e)) return false;
        if (hob_json_type(value) == HOB_JSON_OBJECT) hob__edit_set_empty(e);
    }
    if (hob_json_type(value) == HOB_JSON_OBJECT) return push(all, list, e, value);
    hob__edit_set(e, value);
    return true;
}

static bool merge(struct hob__edits *all, const struct hob_json *patch) {
    struct merging *list = NULL;
    if (hob_json_type(patch) != HOB_JSON_OBJECT) {
        hob__edit_set(all->root, patch);
        return true;
    }
    if (!push(all, &list, all->root, patch)) return false;
    while (list) {
        struct merging *m = list;
        list = m->next;
        if (hob__edit_type(m->into) != HOB_JSON_OBJECT) hob__edit_set_empty(m->into);
        if (!hob__edit_open(all, m->into)) return false;
        HOB_JSON_EACH_MEMBER(name, value, m->patch) {
            if (!merge_member(all, &list, m->into, name, value)) return false;
        }
    }
    return true;
}

int hob_json_merge_with(const struct hob_json *v, const struct hob_json *patch,
                        struct hob_json_patch_options options, struct hob_json_doc **doc) {
    struct hob__edits all;
    *doc = NULL;
    if (!v || !patch) return hob_fail(HOB_E_JSON_TYPE, "nothing to merge");
    int rc = hob__edits_begin(&all, v, patch, options.limit);
    if (rc == 0 && !merge(&all, patch)) rc = all.failed;
    if (rc == 0) rc = hob__edits_finish(&all, doc);
    hob__edits_end(&all);
    return rc < 0 ? hob__edits_failed(rc) : 0;
}
