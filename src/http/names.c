/* http/names.c - names of HTTP's error codes, and the phrases of its statuses. */
#include "http/names.h"

#include <hob/download.h>
#include <hob/http.h>
#include <hob/multipart.h>
#include <hob/sse.h>
#include <hob/websocket.h>

#include "base/strerror.h"

const char *hob_http_strerror(int code) {
    switch (code) {
    case HOB_E_HTTP_TLS:
        return "https:// needs TLS (libhob-tls), which this build does not have";
    case HOB_E_HTTP_CODING:
        return "a body that is not in its Content-Encoding";
    case HOB_E_HTTP_START_LINE:
        return "malformed request or status line";
    case HOB_E_HTTP_VERSION:
        return "not HTTP/1.0 or HTTP/1.1";
    case HOB_E_HTTP_TARGET:
        return "malformed request target";
    case HOB_E_HTTP_LINE_END:
        return "bare CR or LF in the head of an HTTP message";
    case HOB_E_HTTP_FIELD_NAME:
        return "malformed header name";
    case HOB_E_HTTP_FIELD_SPACE:
        return "white space before a header's colon";
    case HOB_E_HTTP_FIELD_FOLD:
        return "header continued on the next line";
    case HOB_E_HTTP_FIELD_VALUE:
        return "control character in a header";
    case HOB_E_HTTP_HOST:
        return "Host header missing, doubled or malformed";
    case HOB_E_HTTP_LENGTH:
        return "malformed or contradictory Content-Length";
    case HOB_E_HTTP_LENGTH_AND_ENCODING:
        return "Content-Length beside Transfer-Encoding";
    case HOB_E_HTTP_ENCODING:
        return "Transfer-Encoding other than chunked";
    case HOB_E_HTTP_CHUNK:
        return "malformed chunked body";
    case HOB_E_HTTP_LINE_TOO_LONG:
        return "HTTP line too long";
    case HOB_E_HTTP_HEADERS_TOO_LARGE:
        return "HTTP header block too large";
    case HOB_E_HTTP_TOO_MANY_HEADERS:
        return "too many HTTP headers";
    case HOB_E_HTTP_BODY_TOO_LARGE:
        return "HTTP body too large";
    case HOB_E_HTTP_CUT:
        return "HTTP message cut short";
    case HOB_E_HTTP_REDIRECT:
        return "HTTP redirect that cannot be followed";
    case HOB_E_HTTP_STATUS:
        return "HTTP status of 400 or more";
    case HOB_E_HTTP_STATE:
        return "call does not fit the state of the HTTP exchange";
    case HOB_E_HTTP_ILLEGAL:
        return "illegal byte in what was to be sent";
    case HOB_E_HTTP_EXPECT:
        return "Expect other than 100-continue";
    case HOB_E_HTTP_SIZE:
        return "body shorter or longer than announced";
    case HOB_E_HTTP_INTERIM:
        return "too many interim answers (1xx)";
    case HOB_E_MULTIPART:
        return "malformed multipart body, or none";
    case HOB_E_MULTIPART_PARTS:
        return "too many parts in a multipart body";
    case HOB_E_SSE:
        return "not a stream of server-sent events";
    case HOB_E_HTTP_RANGE:
        return "HTTP answer with another part than the one asked for";
    case HOB_E_HTTP_PROXY:
        return "no PROXY header at the beginning of the connection, or from nobody who is trusted";
    case HOB_E_HTTP_BODY:
        return "HTTP request with several bodies, or without the one it names";
    case HOB_E_HTTP2:
        return "HTTP/2 needs nghttp2, which this build does not have";
    case HOB_E_HTTP2_PROTOCOL:
        return "breach of HTTP/2's rules";
    case HOB_E_HTTP2_RESET:
        return "HTTP/2 stream reset by the peer";
    case HOB_E_HTTP2_GOAWAY:
        return "HTTP/2 connection given up by the peer";
    case HOB_E_HTTP2_REFUSED:
        return "HTTP/2 request refused before it was looked at";
    case HOB_E_HTTP2_FLOOD:
        return "flood of HTTP/2 frames";
    case HOB_E_PROXY:
        return "the proxy does not let the request through";
    case HOB_E_PROXY_AUTH:
        return "the proxy wants other credentials";
    case HOB_E_SOCKS:
        return "the SOCKS proxy did not connect";
    case HOB_E_HTTP_AUTH:
        return "an authentication that cannot be done, or a malformed netrc file";
    case HOB_E_HTTP_PIN:
        return "the server's key is not one of the pinned ones";
    case HOB_E_WEBSOCKET_PROTOCOL:
        return "the peer breaks the rules of WebSockets";
    case HOB_E_WEBSOCKET_TEXT:
        return "WebSocket text that is not UTF-8";
    case HOB_E_WEBSOCKET_TOO_LARGE:
        return "WebSocket message too large";
    case HOB_E_WEBSOCKET_DEFLATE:
        return "WebSocket message that cannot be unpacked";
    case HOB_E_WEBSOCKET_HANDSHAKE:
        return "no WebSocket: the handshake failed";
    case HOB_E_WEBSOCKET_CLOSED:
        return "the WebSocket has been closed";
    case HOB_E_WEBSOCKET_LOST:
        return "the WebSocket's connection ended without a close";
    case HOB_E_WEBSOCKET_SILENT:
        return "the WebSocket's peer does not answer";
    case HOB_E_WEBSOCKET_STATE:
        return "call does not fit the state of the WebSocket";
    default:
        return NULL;
    }
}

const char *hob__http_strerror(int code) { return hob_http_strerror(code); }

/* Linked with every program that uses HTTP: clients and servers need the phrases below. */
__attribute__((constructor)) static void register_names(void) {
    hob__strerror_add(hob__http_strerror);
}

const char *hob_http_phrase(int status) {
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "Switching Protocols";
    case 103:
        return "Early Hints";
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 203:
        return "Non-Authoritative Information";
    case 204:
        return "No Content";
    case 205:
        return "Reset Content";
    case 206:
        return "Partial Content";
    case 300:
        return "Multiple Choices";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 411:
        return "Length Required";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 416:
        return "Range Not Satisfiable";
    case 417:
        return "Expectation Failed";
    case 421:
        return "Misdirected Request";
    case 422:
        return "Unprocessable Content";
    case 425:
        return "Too Early";
    case 426:
        return "Upgrade Required";
    case 428:
        return "Precondition Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 451:
        return "Unavailable For Legal Reasons";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 507:
        return "Insufficient Storage";
    case 511:
        return "Network Authentication Required";
    default:
        return "";
    }
}
