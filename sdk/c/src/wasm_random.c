/* The C library's generators begin anew in each instance, and an instance is made for each call: each call would see the same
 * numbers. These take their place, and begin with a number of the host's unless the plugin seeds them. The linker takes the
 * first it sees, so the SDK's files come before the plugin's. */
#ifdef __wasm__
#include <stdbool.h>
#include <stdlib.h>

#include "../generated/guest.h"

static bool is_seeded;
static uint64_t state;

static void seed(uint64_t value) {
    is_seeded = true;
    state = value;
}

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next(void) {
    if (!is_seeded) seed(wasi_random_random_get_random_u64());
    uint64_t mixed = state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

int rand(void) {
    return (int)(next() >> 33);
}

void srand(unsigned value) {
    seed(value);
}

long random(void) {
    return (long)(next() >> 33);
}

void srandom(unsigned value) {
    seed(value);
}

/* 53 bits are what a double between 0 and 1 holds. */
double drand48(void) {
    return (double)(next() >> 11) * 0x1p-53;
}

long lrand48(void) {
    return (long)(next() >> 33);
}

long mrand48(void) {
    return (long)(int32_t)(next() >> 32);
}

void srand48(long value) {
    seed((uint64_t)value);
}
#endif
