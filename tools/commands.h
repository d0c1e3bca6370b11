/* SPDX-License-Identifier: MIT */
/* One function per subcommand: takes the arguments after its name, returns the exit status (0
 * success, 1 failure, 2 wrong usage). */
#ifndef FUS_COMMANDS_H
#define FUS_COMMANDS_H

int fus_cmd_run(int argc, char **argv);
int fus_cmd_merge(int argc, char **argv);
int fus_cmd_convert(int argc, char **argv);
int fus_cmd_inspect(int argc, char **argv);
int fus_cmd_activations(int argc, char **argv);
int fus_cmd_embed(int argc, char **argv);
int fus_cmd_classify(int argc, char **argv);
int fus_cmd_tokens(int argc, char **argv);
int fus_cmd_image(int argc, char **argv);
int fus_cmd_stimuli(int argc, char **argv);
int fus_cmd_report(int argc, char **argv);
int fus_cmd_compare(int argc, char **argv);
int fus_cmd_explain(int argc, char **argv);
int fus_cmd_lesion(int argc, char **argv);
int fus_cmd_train(int argc, char **argv);
int fus_cmd_sdc(int argc, char **argv);
int fus_cmd_sdc_demo(int argc, char **argv);
int fus_cmd_sdc_fit(int argc, char **argv);
int fus_cmd_sdc_cluster(int argc, char **argv);
int fus_cmd_bench(int argc, char **argv);

#endif
