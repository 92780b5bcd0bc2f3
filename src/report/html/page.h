/* page.h — the fixed parts of the HTML report, made from page.css, page.html and page.js by embed.py. Not terminated. */
#ifndef PARE_REPORT_HTML_PAGE_H
#define PARE_REPORT_HTML_PAGE_H
#include <stddef.h>

extern const unsigned char html_css[], html_body[], html_js[];
extern const size_t html_css_size, html_body_size, html_js_size;
#endif
