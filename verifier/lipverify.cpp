// See lipverify.hpp. The searches that nobody trusts (hint/) are handed to the check here: a wrong one can only make it fail.
#include "verifier/lipverify.hpp"

#include <algorithm>
#include <thread>

#include "verifier/hint/hints.hpp"
#include "verifier/verdict/verify.hpp"

namespace lipverify {

namespace {

constexpr unsigned kMostThreads = 1024;

Report failed(const std::string& sentence) {
  Report report;
  report.outcome = Outcome::internal;
  report.error = sentence;
  return report;
}

}  // namespace

Report verify(const Request& request) {
  try {
    Engine engine;
    engine.work = request.budget.work;
    engine.threads = std::clamp(request.threads != 0 ? request.threads : std::thread::hardware_concurrency(), 1U, kMostThreads);
    return verify(request, engine, hints());
  } catch (const std::exception& error) {
    return failed(std::string("internal error: ") + error.what());
  } catch (...) {  // a callback of the caller's may throw anything
    return failed("internal error: a callback for progress threw something that is no exception");
  }
}

}  // namespace lipverify
