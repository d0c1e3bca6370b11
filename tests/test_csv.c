/* SPDX-License-Identifier: MIT */
/* csv.c: names of any bytes in a table, and back. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/run/csv.h"

#include <unistd.h>

#include "test.h"

static char path[512];

/* The name's cell; the same bytes come back from it. */
static void cell(const char *name, const char *want)
{
    struct fus_outfile f;
    struct fus_error err = {0};
    uint8_t *text = NULL;
    size_t n = 0;
    char *copy = fus_base_strdup(name);
    CHECK(fus_outfile_open(&f, path, &err) == FUS_OK);
    fus_csv_name(&f, "", name);
    CHECK(fus_outfile_commit(&f, &err) == FUS_OK && fus_base_read_file(&text, &n, path, 1000, &err) == FUS_OK);
    CHECK_MSG(text && strcmp((char *)text, want) == 0, "%s", text ? (char *)text : err.msg);
    if (text && copy && text[0] != '"') {
        fus_csv_unescape((char *)text);
        CHECK_MSG(strcmp((char *)text, copy) == 0, "%s", (char *)text);
    }
    fus_base_free(text);
    fus_base_free(copy);
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-csv-%ld.csv", tmp && strlen(tmp) < 400 ? tmp : "/tmp", (long)getpid());
    cell("face", "face");
    cell("", "");
    cell("a,b", "\"a,b\"");
    cell("a \"b\"", "\"a \"\"b\"\"\"");
    cell("a\tb", "\"a\tb\"");
    cell("=1+1", "\"=1+1\"");
    cell("+a", "\"+a\"");
    cell("-a", "\"-a\"");
    cell("@a", "\"@a\"");
    cell("a=b", "a=b");
    cell("caf\xc3\xa9", "caf\xc3\xa9");
    cell("caf\xe9", "caf\\xe9");
    cell("a\\b", "a\\b");
    cell("a\\b\xe9", "a\\\\b\\xe9");
    cell("a\\xe9", "a\\\\xe9"); /* a name that reads as if it were escaped */
    cell("a\\x1b", "a\\x1b");
    cell("\xff\\\\x80\xfe", "\\xff\\\\\\\\x80\\xfe");
    cell("\xe9,", "\"\\xe9,\"");
    unlink(path);
    return test_end();
}
