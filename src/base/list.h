/* base/list.h - a circular doubly linked list: intrusive nodes, O(1) everything, no allocation. */
#ifndef HOB_BASE_LIST_H
#define HOB_BASE_LIST_H

#include <hob/base.h>

#define hob__container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void hob__list_init(struct hob_list *head) { head->next = head->prev = head; }
static inline bool hob__list_empty(const struct hob_list *head) { return head->next == head; }
static inline void hob__list_append(struct hob_list *head, struct hob_list *node) {
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
/* The node is then a list of its own, so that removing it again does no harm. */
static inline void hob__list_remove(struct hob_list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}
#endif
