// A policy, and the explanation of whatever policy is read.
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/policy/policy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;  // empty: files that a policy names are missing
  try {
    (void)lipverify::explain(lipverify::read_policy({folder.path() + "/policy.json", fuzz::text_of(data, size)}));
  } catch (const lipverify::Failure& failure) {
    if (failure.outcome() != lipverify::Outcome::input) fuzz::broken(std::string("a policy is refused with another exit code than 3: ") + failure.what());
  }
  return 0;
}
