/*
 * share: where the files are that come with tokenroll: profiles, templates,
 * the example of a configuration.
 */
#ifndef CORE_SHARE_H
#define CORE_SHARE_H

/* The path of one of them, to be freed: beside this program, as it is built; in ../share/tokenroll, as it is installed,
 * also in another root; else where it was to be installed, whether or not it is there. */
char *share_path(const char *name);

#endif
