/* Fields of CSV tables: see csv.h. */
#include "csv.h"

#include <math.h>
#include <string.h>

#include "nn/number.h"

void fus_csv_number(struct fus_outfile *f, double x)
{
    char text[FUS_NUMBER_BYTES];
    fus_outfile_write(f, ",", 1);
    if (isfinite(x))
        fus_outfile_write(f, text, (size_t)fus_number_print(text, x));
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
