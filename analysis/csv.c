/* Fields of CSV tables: see csv.h. */
#include "csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits from 15 on that read back as x: 17 always do (IEEE 754 binary64). */
static int shortest(char *text, size_t bytes, double x)
{
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, bytes, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    return n;
}

/* Whatever stands for the decimal point in the caller's locale becomes a point. */
void fus_csv_number(struct fus_outfile *f, double x)
{
    char text[64];
    int n = isfinite(x) ? shortest(text, sizeof text, x) : 0;
    bool pointed = false;
    fus_outfile_write(f, ",", 1);
    for (int i = 0; i < n; i++) {
        if (strchr("0123456789+-e", text[i]))
            fus_outfile_write(f, &text[i], 1);
        else if (!pointed) {
            fus_outfile_write(f, ".", 1);
            pointed = true;
        }
    }
}

void fus_csv_count(struct fus_outfile *f, size_t n)
{
    fus_outfile_printf(f, ",%zu", n);
}

void fus_csv_name(struct fus_outfile *f, const char *before, const char *name)
{
    fus_outfile_write(f, before, strlen(before));
    if (!name[strcspn(name, ",\"\r\n")]) {
        fus_outfile_write(f, name, strlen(name));
        return;
    }
    fus_outfile_write(f, "\"", 1);
    for (; *name; name++)
        fus_outfile_write(f, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    fus_outfile_write(f, "\"", 1);
}
