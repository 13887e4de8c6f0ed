// lipverify: see command_line.hpp for what it does and trusted/verify.cpp for what a verdict rests on.
#include "verifier/command_line.hpp"

int main(int argc, char** argv) { return lipverify::run(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>()); }
