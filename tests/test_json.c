/* SPDX-License-Identifier: MIT */
/* nn/base/json.c: each wrong text with a caret under the byte that the message must point at. */
#include "nn/base/json.h"

#include "test.h"

static const struct {
    const char *text, *caret, *message;
} wrong[] = {
    {"", "^", "a value expected, the JSON text ends here"},
    {"[1,]", "   ^", "a member after ',' expected, ']' found"},
    {"[1 2]", "   ^", "',' or ']' expected, '2' found"},
    {"[,1]", " ^", "a value expected, ',' found"},
    {"{\"a\" 1}", "     ^", "':' expected, '1' found"},
    {"{\"a\":1,}", "       ^", "a member after ',' expected, '}' found"},
    {"{a:1}", " ^", "a string expected, 'a' found"},
    {"{\"a\":1]", "      ^", "',' or '}' expected, ']' found"},
    {"nul", "^", "a value expected, 'n' found"},
    {"True", "^", "a value expected, 'T' found"},
    {"nullx", "    ^", "the end expected, 'x' found"},
    {"01", " ^", "the end expected, '1' found"},
    {"+1", "^", "a value expected, '+' found"},
    {"-", " ^", "a digit expected, the JSON text ends here"},
    {"1.", "  ^", "a digit expected, the JSON text ends here"},
    {"1.e3", "  ^", "a digit expected, 'e' found"},
    {"1e+", "   ^", "a digit expected, the JSON text ends here"},
    {".5", "^", "a value expected, '.' found"},
    {"\"a", "  ^", "a character of a string or '\"' expected, the JSON text ends here"},
    {"\"a\tb\"", "  ^", "a character of a string or '\"' expected, byte 0x09 found"},
    {"\"\\x\"", "  ^", "one of \"\\/bfnrtu after a backslash expected, 'x' found"},
    {"\"\\", "  ^", "one of \"\\/bfnrtu after a backslash expected, the JSON text ends here"},
    {"\"\\u12g4\"", "     ^", "a hex digit expected, 'g' found"},
    {"\"\\u0000\"", "       ^", "\\u0000 in a string"},
    {"\"\\ud800x\"", "       ^", "the first half of a surrogate pair without the second"},
    {"\"\\ud800\\u0041\"", "             ^", "the first half of a surrogate pair without the second"},
    {"\"\\udc00\"", "       ^", "the second half of a surrogate pair without the first"},
    {"\"\xc0\xaf\"", " ^", "broken UTF-8"},
    {"\"\xed\xa0\x80\"", " ^", "broken UTF-8"},
    {"\"\xf4\x90\x80\x80\"", " ^", "broken UTF-8"},
    {"\"\xe2\x82\"", " ^", "broken UTF-8"},
    {"\"\xff\"", " ^", "broken UTF-8"},
    {"\xef\xbb\xbf{}", "^", "a value expected, byte 0xef found"},
    {"[1]//", "   ^", "the end expected, '/' found"},
};

static int skip_all(const char *text, struct fus_error *err)
{
    struct fus_json j;
    fus_json_start(&j, text, strlen(text), 100, err);
    fus_json_skip(&j);
    return fus_json_end(&j);
}

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fus_error err = {0};
        char want[200];
        snprintf(want, sizeof want, "byte %zu: %s", 100 + strcspn(wrong[i].caret, "^"), wrong[i].message);
        CHECK(skip_all(wrong[i].text, &err) == FUS_EFORMAT);
        CHECK_MSG(strcmp(err.msg, want) == 0, "%s\n    got  %s\n    want %s", wrong[i].text, err.msg, want);
    }
}

static void test_accepted(void)
{
    static const char *const right[] = {
        "{}",
        "[]",
        " [ ] ",
        "0",
        "-0",
        "-1.5e-3",
        "1E9",
        "true",
        "[null,false]",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "{\"a\":{\"b\":[1,{\"c\":\"d\"}]}}",
        "\t[1,\r\n2]",
        "\"\\ud83d\\ude00\"",
        "\"\xf0\x9f\x98\x80\xed\x9f\xbf\x7f\"",
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct fus_error err = {0};
        CHECK_MSG(skip_all(right[i], &err) == FUS_OK, "%s: %s", right[i], err.msg);
    }
}

static void test_depth(void)
{
    char text[2 * FUS_JSON_DEPTH + 3] = "";
    memset(text, '[', FUS_JSON_DEPTH);
    memset(text + FUS_JSON_DEPTH, ']', FUS_JSON_DEPTH);
    CHECK(skip_all(text, NULL) == FUS_OK);
    memset(text, '[', FUS_JSON_DEPTH + 1);
    memset(text + FUS_JSON_DEPTH + 1, ']', FUS_JSON_DEPTH + 1);
    CHECK(skip_all(text, NULL) == FUS_EFORMAT);
}

static void test_values(void)
{
    static const char text[] = "{ \"k\\u00e9y\" : [0, 18446744073709551615], \"s\": \"\\ud83d\\ude00\\u20ac\\n\" }";
    struct fus_json j;
    fus_json_start(&j, text, strlen(text), 0, NULL);
    fus_json_enter(&j, '{');
    CHECK(fus_json_next(&j) && strcmp(fus_json_key(&j), "k\xc3\xa9y") == 0);
    fus_json_enter(&j, '[');
    CHECK(fus_json_next(&j) && fus_json_u64(&j) == 0);
    CHECK(fus_json_next(&j) && fus_json_u64(&j) == UINT64_MAX);
    CHECK(!fus_json_next(&j));
    CHECK(fus_json_next(&j) && strcmp(fus_json_key(&j), "s") == 0);
    CHECK(strcmp(fus_json_string(&j), "\xf0\x9f\x98\x80\xe2\x82\xac\n") == 0);
    CHECK(!fus_json_next(&j));
    CHECK(fus_json_end(&j) == FUS_OK);
}

static void test_numbers(void)
{
    static const char *const bad[] = {
        "18446744073709551616", "99999999999999999999", "1.0", "1e2", "-1", "00", "\"1\"", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fus_json j;
        fus_json_start(&j, bad[i], strlen(bad[i]), 0, NULL);
        CHECK_MSG(fus_json_u64(&j) == 0, "%s", bad[i]);
        CHECK_MSG(fus_json_end(&j) == FUS_EFORMAT, "%s", bad[i]);
    }
}

static void test_no_memory(void)
{
    struct fus_json j;
    struct fus_error err = {0};
    fus_json_start(&j, "\"a\"", 3, 0, &err);
    fus_base_fail_allocation(1);
    CHECK(fus_json_string(&j)[0] == '\0');
    fus_base_fail_allocation(0);
    CHECK(fus_json_end(&j) == FUS_ENOMEM && err.code == FUS_ENOMEM);
}

/* What write writes is read back, with any bytes of a file's name; without file_names lone
 * surrogates stay an error. */
static void test_names(void)
{
    static const char *const names[][2] = {{"face/caf\xe9.jpg", "\"face/caf\\udce9.jpg\""},
                                           {"\xc3\xa9 \xf0\x9f\x98\x80", "\"\xc3\xa9 \xf0\x9f\x98\x80\""},
                                           {"a\tb\nc\x1b\"\\", "\"a\\u0009b\\u000ac\\u001b\\\"\\\\\""},
                                           {"\xff\xc3(\xed\xa0\x80", "\"\\udcff\\udcc3(\\udced\\udca0\\udc80\""}};
    char path[512];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-json-%p", tmp && strlen(tmp) < 400 ? tmp : "/tmp", (void *)path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fus_outfile f;
        struct fus_json j;
        struct fus_error err = {0};
        uint8_t *text = NULL;
        size_t n = 0;
        CHECK(fus_outfile_open(&f, path, &err) == FUS_OK);
        fus_json_write(&f, names[i][0]);
        CHECK(fus_outfile_commit(&f, &err) == FUS_OK && fus_base_read_file(&text, &n, path, 1000, &err) == FUS_OK);
        CHECK_MSG(text && strcmp((char *)text, names[i][1]) == 0, "%s", text ? (char *)text : "");
        for (int file_names = 0; file_names < 2; file_names++) {
            fus_json_start(&j, text, n, 0, &err);
            j.file_names = file_names;
            bool same = strcmp(fus_json_string(&j), names[i][0]) == 0, lone = strstr(names[i][1], "udc") && !file_names;
            CHECK(fus_json_end(&j) == (lone ? FUS_EFORMAT : FUS_OK) && (lone || same));
        }
        fus_base_free(text);
    }
    remove(path);
}

int main(void)
{
    test_names();
    test_refused();
    test_accepted();
    test_depth();
    test_values();
    test_numbers();
    test_no_memory();
    return test_end();
}
