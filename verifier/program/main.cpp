// lipverify: see command_line.hpp for what it does and verdict/verify.cpp for what a verdict rests on.
#include <fcntl.h>

#include <csignal>

#include "verifier/program/command_line.hpp"

int main(int argc, char** argv) {
  // A reader that went away or a full disk is a failed write, which the program reports, and no end without an exit code of its own.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // Where a standard descriptor is closed, the next file that is opened would take its place and receive the output.
  for (int fd = 0; fd < 3; ++fd)
    if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDONLY));
  return lipverify::run(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>());
}
