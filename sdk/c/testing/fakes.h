/* What the files of the testing helper share. */
#ifndef TOOLYARD_FAKES_H
#define TOOLYARD_FAKES_H

#include "../src/internal.h"
#include "toolyard_testing.h"

struct ty_test {
    ty_call *own; /* Memory of the test itself. */
    ty_call *last;
    ty_context context;
    ty_list config;  /* ty_pair */
    ty_list answers; /* ty_pair */
    ty_list stored;  /* ty_item, sorted by key */
    bool has_store;
    ty_test_server *server;
    void *server_own;
    int rounds;
    const char *told;
    const char *question;
    const char *question_body;
};

/* The host of a component serves one call; here, one test runs at a time. */
extern ty_test *ty_current_test;

#endif
