/* SPDX-License-Identifier: MIT */
/* weights/tokens.c: ids of texts, against tests/golden/tokens.py with its 200 merges, and against a
 * list with CLIP's own vocabulary where that is there. */
#include "weights/tokens.h"

#include "nn/base/json.h"
#include "tests/golden/tokens_list.inc"
#include "tests/test.h"

static struct fus_error err;

static struct fus_vocab *opened(const char *path, int n_ids)
{
    struct fus_vocab *v;
    int code = fus_vocab_open(&v, path, n_ids, NULL, &err);
    CHECK_MSG(code == 0, "%s", code ? err.msg : "");
    return v;
}

static void test_golden(const char *path)
{
    struct fus_vocab *v = opened(path, 714);
    if (!v)
        return;
    for (size_t i = 0; i < sizeof golden_tokens / sizeof *golden_tokens; i++) {
        int ids[77], n = 0;
        const char *text = golden_tokens[i].text;
        int code = fus_tokens_encode(ids, &n, v, text, golden_tokens[i].n, 77, false, &err);
        CHECK_MSG(code == 0 && n == golden_tokens[i].n_ids &&
                      memcmp(ids, golden_tokens[i].ids, (size_t)n * sizeof *ids) == 0,
                  "%s: %s", text, code ? err.msg : "other ids");
    }
    fus_vocab_close(v);
}

static int encode(const struct fus_vocab *v, const char *text, size_t n_bytes, int context, bool truncate, int *ids,
                  int *n)
{
    memset(&err, 0, sizeof err);
    return fus_tokens_encode(ids, n, v, text, n_bytes, context, truncate, &err);
}

static void test_length(void)
{
    struct fus_vocab *v = opened("tests/golden/tokens_merges.txt", 0);
    int whole[77], ids[77], n, n_whole;
    const char *text = "a photo of a face.";
    CHECK(encode(v, text, strlen(text), 77, false, whole, &n_whole) == 0 && n_whole == 8);
    for (int context = 2; context < n_whole; context++) {
        CHECK(encode(v, text, strlen(text), context, false, ids, &n) == FUS_ELIMIT);
        CHECK_MSG(strstr(err.msg, "8 tokens, the model takes") && strstr(err.msg, "--truncate"), "%s", err.msg);
        CHECK(encode(v, text, strlen(text), context, true, ids, &n) == 0 && n == context);
        CHECK(memcmp(ids, whole, (size_t)(context - 1) * sizeof *ids) == 0 && ids[n - 1] == 713);
    }
    CHECK(encode(v, text, strlen(text), 8, false, ids, &n) == 0 && n == 8);
    CHECK(encode(v, text, strlen(text), 1, true, ids, &n) == FUS_EINVAL);
    fus_vocab_close(v);
}

static void test_bad(void)
{
    struct fus_vocab *v = opened("tests/golden/tokens_merges.txt", 0);
    int ids[77], n;
    static const char *const wrong[] = {"\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[16];
        snprintf(text, sizeof text, "caf%s.", wrong[i]);
        CHECK(encode(v, text, strlen(text), 77, false, ids, &n) == FUS_EFORMAT);
        CHECK_MSG(err.offset == 3 && strstr(err.msg, "byte 3: not UTF-8"), "%s", err.msg);
    }
    char *large = malloc((1 << 20) + 1);
    memset(large, 'a', (1 << 20) + 1);
    CHECK(encode(v, large, (1 << 20) + 1, 77, true, ids, &n) == FUS_ELIMIT && strstr(err.msg, "1048577 bytes"));
    CHECK(encode(v, large, 4097, 77, true, ids, &n) == FUS_ELIMIT && strstr(err.msg, "more than 4096 bytes"));
    CHECK(encode(v, large, 4096, 77, true, ids, &n) == 0 && n == 77);
    CHECK(encode(v, "a\0b", 3, 77, false, ids, &n) == 0); /* a zero byte is dropped */
    free(large);
    for (long k = 1; k < 10; k++) {
        fus_base_fail_allocation(k);
        int code = encode(v, "a photo", 7, 77, false, ids, &n);
        fus_base_fail_allocation(0);
        CHECK(code == (k < 4 ? FUS_ENOMEM : 0));
    }
    fus_vocab_close(v);
}

/* One entry {"text": ..., "ids": [...]} of the list. */
static void compare_entry(struct fus_json *j, const struct fus_vocab *v)
{
    int ids[77], want[77], n = 0, n_want = 0;
    char text[2000] = "";
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        if (strcmp(fus_json_key(j), "text") == 0)
            snprintf(text, sizeof text, "%s", fus_json_string(j));
        else
            for (fus_json_enter(j, '['); fus_json_next(j) && n_want < 77;)
                want[n_want++] = (int)fus_json_u64(j);
    }
    int code = encode(v, text, strlen(text), 77, true, ids, &n);
    CHECK_MSG(code == 0 && n == n_want && memcmp(ids, want, (size_t)n * sizeof *ids) == 0, "%s: %s", text,
              code ? err.msg : "other ids");
}

/* CLIP's vocabulary: FUS_VOCAB, or the shared copy. */
static void test_clip(void)
{
    char path[1024] = "";
    const char *list = test_shared("../oracle/tricky.json"), *given = getenv("FUS_VOCAB");
    uint8_t *bytes = NULL;
    size_t n = 0, n_entries = 0;
    if (!list || fus_base_read_file(&bytes, &n, list, 1 << 20, NULL)) {
        SKIP("no list of texts for CLIP's vocabulary");
        return;
    }
    const char *found = given ? given : test_shared("vocab/bpe_simple_vocab_16e6.txt.gz");
    snprintf(path, sizeof path, "%s", found ? found : "");
    if (!found) {
        SKIP("no CLIP vocabulary (FUS_VOCAB=FILE)");
        fus_base_free(bytes);
        return;
    }
    for (char *zero = (char *)bytes; (zero = strstr(zero, "\\u0000"));) /* dropped as U+0001 is */
        zero[5] = '1';
    struct fus_vocab *v = opened(path, FUS_VOCAB_CLIP_IDS);
    struct fus_json j;
    fus_json_start(&j, bytes, n, 0, &err);
    for (fus_json_enter(&j, '['); v && fus_json_next(&j); n_entries++)
        compare_entry(&j, v);
    CHECK(v && fus_json_end(&j) == 0 && n_entries > 200);
    fus_vocab_close(v);
    fus_base_free(bytes);
}

int main(void)
{
    static const char *const forms[] = {"tests/golden/tokens_merges.txt", "tests/golden/tokens_bpe.txt.gz",
                                        "tests/golden/tokens_text.json", "tests/golden/tokens_pairs.json"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        test_golden(forms[i]);
    test_length();
    test_bad();
    test_clip();
    return test_end();
}
