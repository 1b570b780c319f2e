/* The generated bindings, which only a component needs. */
#ifdef __wasm__
#include <stdlib.h>

/* What a call made goes with its instance, so nothing is given back one by one. */
#define free(pointer) ((void)(pointer))

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include "../generated/guest.c"
#pragma clang diagnostic pop

/* The bindings ask for this to be linked in: an object file with the component's type, which `toolyard build` adds itself. */
void __component_type_object_force_link_guest(void) {}
#endif
