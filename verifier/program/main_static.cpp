// lipverify as one static file (cmake/packages.cmake). The dynamic program takes OpenSSL as its system has set it up; this one is for places where nothing
// is set up, so it reads no configuration of OpenSSL, neither the built-in path nor OPENSSL_CONF: a configuration can name modules, and a static program
// that loads one would run code that nobody has linked.
#include <openssl/crypto.h>

#include <cstdio>

#include "verifier/program/command_line.hpp"

int main(int argc, char** argv) {
  lipverify::prepare_process();
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) {
    std::fputs("lipverify: internal error: OpenSSL does not start.\n", stderr);
    return 4;
  }
  return lipverify::run(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>());
}
