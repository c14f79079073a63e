/* http/server/kept_head.c - see kept_head.h. */
#include "http/server/kept_head.h"

#include "http/h1.h"

void hob__kept_head_set_length(struct hob__kept_head *k, uint64_t length) {
    char *end = hob__h1_write_number(k->text + k->digits_at, length);
    memcpy(end, "\r\n\r\n", 4);
    k->length = length;
    k->size = (uint16_t)(end + 4 - k->text);
}

void hob__kept_head_keep(struct hob__kept_head *k, int64_t now, int status, const char *type,
                         size_t type_size, uint64_t length, const char *head, size_t size) {
    char digits[HOB__H1_DIGITS];
    size_t tail = (size_t)(hob__h1_write_number(digits, length) - digits) + 4;
    k->size = 0;
    if (type_size > sizeof k->type || size - tail > HOB__KEPT_HEAD - HOB__H1_DIGITS - 4) return;
    memcpy(k->type, type, type_size);
    k->type_size = (uint16_t)type_size;
    memcpy(k->text, head, size - tail);
    k->digits_at = (uint16_t)(size - tail);
    k->made = now;
    k->status = (uint16_t)status;
    hob__kept_head_set_length(k, length);
}
