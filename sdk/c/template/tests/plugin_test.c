/* `make test` runs this natively, through the plugin as the host sees it. */
#include "testing/toolyard_testing.h"

static void somebody_is_greeted(void) {
    ty_test *test = ty_test_begin();
    ty_test_call(test, "greet", "{\"name\":\"Ada\",\"times\":2}");
    TY_CHECK_TEXT(ty_test_text(test), "Hello, Ada! Hello, Ada!");
    ty_test_end(test);
}

int main(void) {
    somebody_is_greeted();
    return ty_test_failures();
}
