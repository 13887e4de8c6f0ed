// lipverify: see command_line.hpp for what it does and verdict/verify.cpp for what a verdict rests on.
#include "verifier/program/command_line.hpp"

int main(int argc, char** argv) {
  lipverify::prepare_process();
  return lipverify::run(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>());
}
