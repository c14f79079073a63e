/* base/url.h - the inside of URLs: a reference taken apart, as the resolver needs it. */
#ifndef HOB_BASE_URL_H
#define HOB_BASE_URL_H

#include <hob/url.h>

/* A reference of any scheme; absent parts have at == NULL. */
struct hob__url_parts {
    struct hob_slice scheme, authority, path, query, fragment;
};

/* RFC 3986, appendix B: takes text apart without judging it; never fails. */
void hob__url_split(const char *text, size_t n, struct hob__url_parts *p);

/* The value of a hexadecimal digit, or -1. */
static inline int hob__hex_value(unsigned char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
#endif
