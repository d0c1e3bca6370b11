/* SPDX-License-Identifier: MIT */
/* weights/vocab.c: files of vocabularies that are none, cut, damaged, of another tokenizer. */
#define _POSIX_C_SOURCE 200809L
#include "weights/vocab.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#define MERGES "tests/golden/tokens_merges.txt"
#define PACKED "tests/golden/tokens_bpe.txt.gz"

static struct fus_error err;
static char folder[200];

static const char *written(const char *name, const void *bytes, size_t n)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n);
    if (f)
        fclose(f);
    return path;
}

/* Opening fails with one line that says the path and `what`. */
static void refused(const char *name, const void *bytes, size_t n, int n_ids, int code, const char *what)
{
    struct fus_vocab *v = NULL;
    const char *path = written(name, bytes, n);
    memset(&err, 0, sizeof err);
    int got = fus_vocab_open(&v, path, n_ids, "RN50.pt", &err);
    CHECK_MSG(got == code && !v && strstr(err.msg, what) && strncmp(err.msg, path, strlen(path)) == 0 &&
                  !strchr(err.msg, '\n'),
              "%s: %d: %s", what, got, err.msg);
    fus_vocab_close(v);
}
#define TEXT(s) s, sizeof s - 1

static void test_text(void)
{
    refused("a.txt", TEXT(""), 0, FUS_EFORMAT, "empty file");
    refused("a.txt", TEXT("a b\nc d\n"), 0, FUS_EFORMAT, "line 1: '#version' expected, 'a b' found");
    refused("a.txt", TEXT("#version: 0.2\na b</w>\nabc\n"), 0, FUS_EFORMAT,
            "line 3: two pieces and a space expected, 'abc' found");
    refused("a.txt", TEXT("#version\na b c\n"), 0, FUS_EFORMAT, "line 2: two pieces and a space expected, 'a b c'");
    refused("a.txt", TEXT("#version\na \n"), 0, FUS_EFORMAT, "line 2: two pieces");
    refused("a.txt", TEXT("#version\n b\n"), 0, FUS_EFORMAT, "line 2: two pieces");
    refused("a.txt", TEXT("#version\n\na b\n"), 0, FUS_EFORMAT, "line 2: two pieces");
    refused("a.txt", TEXT("#version\na b\nxq c\n"), 0, FUS_EFORMAT,
            "line 3: merge 2: 'xq' is made by no earlier merge");
    refused("a.txt", TEXT("#version\nab c\na b\n"), 0, FUS_EFORMAT, "line 2: merge 1: 'ab' is made by no earlier");
    refused("a.txt", TEXT("#version\na b\na b\n"), 0, FUS_EFORMAT, "line 3: merge 2: 'a' and 'b' give a string that");
    refused("a.txt", TEXT("#version\na b\nb c\nab c\na bc\n"), 0, FUS_EFORMAT, "line 5: merge 4");
    refused("a.txt", TEXT("#version\n\0 b\n"), 0, FUS_EFORMAT, "merge 1");
    refused("a.txt", TEXT("\n\nnot a vocabulary"), 0, FUS_EFORMAT, "line 1: '#version' expected");
}

static void test_counts(void)
{
    static const char two[] = "#version\na b\nc d\n";
    struct fus_vocab *v;
    refused("a.txt", TEXT(two), FUS_VOCAB_CLIP_IDS, FUS_EFORMAT,
            "2 merges, token_embedding.weight of RN50.pt needs 48894: a vocabulary of another model?");
    refused("a.txt", TEXT(two), 515, FUS_EFORMAT, "2 merges, token_embedding.weight of RN50.pt needs 1");
    refused("a.txt", TEXT(two), 517, FUS_EFORMAT, "2 merges, token_embedding.weight of RN50.pt needs 3");
    CHECK(fus_vocab_open(&v, written("a.txt", TEXT(two)), 70000, "RN50.pt", &err) == FUS_EUNSUPPORTED &&
          strstr(err.msg, "RN50.pt: token_embedding.weight has 70000 rows"));
    CHECK(fus_vocab_open(&v, written("a.txt", TEXT(two)), 513, NULL, &err) == FUS_EUNSUPPORTED);
    int code = fus_vocab_open(&v, written("a.txt", TEXT("#version\r\na b\r\nc d")), 516, NULL, &err);
    CHECK_MSG(code == 0, "%s", err.msg);
    CHECK(fus_vocab_n_ids(v) == 516 && fus_vocab_start(v) == 514 && fus_vocab_end(v) == 515);
    CHECK(fus_vocab_rank(v, fus_vocab_byte('a'), fus_vocab_byte('b')) == 0);
    CHECK(fus_vocab_rank(v, fus_vocab_byte('c'), fus_vocab_byte('d')) == 1);
    CHECK(fus_vocab_rank(v, fus_vocab_byte('b'), fus_vocab_byte('a')) == -1);
    fus_vocab_close(v);
}

static void test_bytes(void)
{
    bool used[256] = {false};
    for (int b = 0; b < 256; b++) {
        int id = fus_vocab_byte((uint8_t)b);
        CHECK(id >= 0 && id < 256 && !used[id]);
        used[id & 255] = true;
    }
    CHECK(fus_vocab_byte('!') == 0 && fus_vocab_byte(161) == 94 && fus_vocab_byte(255) == 187);
    CHECK(fus_vocab_byte(0) == 188 && fus_vocab_byte(127) == 221 && fus_vocab_byte(173) == 255);
}

static void test_json(void)
{
    static const char pairs[] = "{\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"merges\": ";
    char text[400];
    refused("t.json", TEXT("{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1.5]]}}"), 0, FUS_EFORMAT,
            "model.type is Unigram, a BPE with end_of_word_suffix \"</w>\" expected: not CLIP's");
    refused("t.json", TEXT("{\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": null, \"merges\": [\"a b\"]}}"), 0,
            FUS_EFORMAT, "model.end_of_word_suffix is none");
    refused("t.json", TEXT("{\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\"}}"), 0, FUS_EFORMAT,
            "model.merges is missing");
    refused("vocab.json", TEXT("{\"!\": 0, \"model\": 1, \"a</w>\": 2}"), 0, FUS_EFORMAT, "merges.txt lies beside");
    refused("t.json", TEXT("{\"model\": {"), 0, FUS_EFORMAT, "byte 11");
    static const struct {
        const char *merges, *what;
    } cases[] = {{"[\"a b c\"]}}", "two pieces and a space expected"},
                 {"[[\"a\"]]}}", "two pieces expected, 1 found"},
                 {"[[\"a\", \"b\", \"c\"]]}}", "two pieces expected, 3 found"},
                 {"[\"ab\"]}}", "two pieces and a space expected, 'ab'"},
                 {"[\"a b\", \"a b\"]}}", "merge 2: 'a' and 'b' give a string"},
                 {"[\"a b\", [\"xy\", \"b\"]]}}", "merge 2: 'xy' is made by no earlier"},
                 {"[1]}}", "expected"},
                 {"{}}}", "expected"},
                 {"[\"a b\"]}} x", "the end expected"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "%s%s", pairs, cases[i].merges);
        refused("t.json", text, strlen(text), 0, FUS_EFORMAT, cases[i].what);
    }
}

static size_t read_golden(uint8_t *bytes, size_t room, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, room, f) : 0;
    CHECK(n > 0);
    if (f)
        fclose(f);
    return n;
}

static void test_gzip(void)
{
    static uint8_t bytes[4096];
    size_t n = read_golden(bytes, sizeof bytes, PACKED);
    for (size_t k = 2; k < n; k += k < 30 || k + 30 > n ? 1 : 11)
        refused("cut.gz", bytes, k, 714, FUS_EFORMAT, ": ");
    bytes[n] = 'x';
    refused("more.gz", bytes, n + 1, 714, FUS_EFORMAT, ": ");
    bytes[n - 6] ^= 1;
    refused("crc.gz", bytes, n, 714, FUS_EFORMAT, "checksum (CRC-32)");
    bytes[n - 6] ^= 1;
    bytes[n - 1] = 0x7f;
    refused("size.gz", bytes, n, 714, FUS_EFORMAT, "the size before this byte");
    bytes[n - 1] = 0;
    bytes[2] = 7;
    refused("method.gz", bytes, n, 714, FUS_EFORMAT, "no gzip member");
}

/* A prefix of a text is a shorter list or refused; with the right number of ids only whole ones
 * are taken. */
static void test_prefixes(void)
{
    static uint8_t bytes[4096];
    size_t n = read_golden(bytes, sizeof bytes, MERGES);
    int n_taken = 0;
    for (size_t k = 0; k < n; k += k < 30 || k + 30 > n ? 1 : 17) {
        struct fus_vocab *v = NULL;
        const char *path = written("prefix.txt", bytes, k);
        int code = fus_vocab_open(&v, path, 714, NULL, &err);
        n_taken += code == 0;
        CHECK(code == 0 || (code == FUS_EFORMAT && !v));
        fus_vocab_close(v);
    }
    CHECK(n_taken >= 1 && n_taken < 5); /* only those without the end of the last line */
}

/* Lists that are long: more merges than ids, and a line of 1 MB. */
static void test_long(void)
{
    size_t room = 3 << 20, n;
    char *text = malloc(room);
    n = (size_t)snprintf(text, room, "#version\n");
    for (int i = 0; i < 70000; i++) /* the first 48,894 must be well-formed */
        n += (size_t)snprintf(text + n, room - n, "%c %c%s\n", "!\"$%&"[i % 5], "!\"$%&"[i / 5 % 5],
                              i % 2 ? "</w>" : "");
    refused("many.txt", text, n, FUS_VOCAB_CLIP_IDS, FUS_EFORMAT, "give a string that exists already");
    n = (size_t)snprintf(text, room, "#version\na ");
    memset(text + n, 'b', 1 << 20);
    refused("line.txt", text, n + (1 << 20), 0, FUS_EFORMAT, "is made by no earlier merge");
    memset(text + n - 1, 'b', 1 << 20);
    refused("line.txt", text, n + (1 << 20) - 1, 0, FUS_EFORMAT, "two pieces and a space expected");
    free(text);
}

/* OpenAI's list is longer than CLIP's vocabulary: the rest is not read. */
static void test_longer_list(void)
{
    const char *path = test_shared("vocab/bpe_simple_vocab_16e6.txt.gz");
    struct fus_vocab *v;
    if (!path) {
        SKIP("no CLIP vocabulary");
        return;
    }
    CHECK(fus_vocab_open(&v, path, FUS_VOCAB_CLIP_IDS, NULL, &err) == 0 && fus_vocab_n_ids(v) == FUS_VOCAB_CLIP_IDS);
    CHECK(strcmp(fus_vocab_sha256(v), "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a") == 0);
    fus_vocab_close(v);
    CHECK(fus_vocab_open(&v, path, 49407, NULL, &err) == FUS_EFORMAT && strstr(err.msg, "262144 merges"));
    CHECK(fus_vocab_open(&v, path, 0, NULL, &err) == 0 && fus_vocab_n_ids(v) == FUS_VOCAB_CLIP_IDS);
    fus_vocab_close(v);
}

static void test_find(void)
{
    char path[300], *found = NULL;
    snprintf(path, sizeof path, "%s/beside", folder);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/beside/RN50.pt", folder);
    CHECK(fus_vocab_find(&found, path, &err) == 0 && !found);
    written("beside/tokenizer.json", "", 0);
    CHECK(fus_vocab_find(&found, path, &err) == 0 && found && strstr(found, "/beside/tokenizer.json"));
    fus_base_free(found);
    written("beside/merges.txt", "", 0);
    written("beside/bpe_simple_vocab_16e6.txt", "", 0);
    CHECK(fus_vocab_find(&found, path, &err) == 0 && found && strstr(found, "/beside/bpe_simple_vocab_16e6.txt"));
    fus_base_free(found);
    snprintf(path, sizeof path, "%s/beside", folder);
    CHECK(fus_vocab_find(&found, path, &err) == 0 && found && strstr(found, "/beside/bpe_simple_vocab_16e6.txt"));
    fus_base_free(found);
    CHECK(fus_vocab_find(&found, "no-such-folder/RN50.pt", &err) == 0 && !found);
    CHECK(fus_vocab_missing(&err, "RN50.pt") == FUS_ENOTFOUND && strstr(err.msg, "give --vocab FILE"));
}

static void test_memory(void)
{
    static const char *const forms[] = {MERGES, PACKED, "tests/golden/tokens_text.json",
                                        "tests/golden/tokens_pairs.json"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (long k = 1; k < 40; k++) {
            struct fus_vocab *v = NULL;
            fus_base_fail_allocation(k);
            int code = fus_vocab_open(&v, forms[i], 714, NULL, &err);
            fus_base_fail_allocation(0);
            fus_vocab_close(v);
            CHECK_MSG(code == FUS_ENOMEM || code == 0, "%s: %s", forms[i], err.msg);
            if (code == 0)
                break;
        }
}

int main(void)
{
    snprintf(folder, sizeof folder, "%s/fusiform-vocab-XXXXXX",
             getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 150 ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    test_text();
    test_counts();
    test_bytes();
    test_json();
    test_gzip();
    test_prefixes();
    test_long();
    test_longer_list();
    test_find();
    test_memory();
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
    return test_end();
}
