// doctest itself, compiled once for all test programs; those with a main of their own link only this.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
