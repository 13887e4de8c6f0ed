// lipverify: see command_line.hpp for what it does and verdict/verify.cpp for what a verdict rests on.
#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "verifier/program/command_line.hpp"

namespace {

/// Closed standard descriptors are opened, so that no input gets their numbers (writing to them still fails); a closed pipe and a limit on file sizes
/// are failures of a write, which a verdict notices, and no signals.
void prepare() {
  for (int number = 0; number < 3; ++number)
    if (::fcntl(number, F_GETFD) < 0 && errno == EBADF) static_cast<void>(::open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY));
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
}

}  // namespace

int main(int argc, char** argv) {
  prepare();
  return lipverify::run(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>());
}
