// See lipverify.hpp. The searches that nobody trusts (hint/) are handed to the check here: a wrong one can only make it fail.
#include "verifier/lipverify.hpp"

#include <algorithm>
#include <thread>

#include "verifier/hint/hints.hpp"
#include "verifier/verdict/verify.hpp"

namespace lipverify {

Report verify(const Request& request) {
  Engine engine;
  engine.threads = request.threads != 0 ? request.threads : std::max(1U, std::thread::hardware_concurrency());
  return verify(request, engine, hints());
}

}  // namespace lipverify
