// How a check ends when it cannot go on: one exception type with the exit code and one sentence (formats/SPEC.md, section 6).
#pragma once

#include <stdexcept>
#include <string>

namespace lipverify {

enum class Outcome : int {
  accepted = 0,  // every claim was recomputed
  rejected = 1,  // signature, digest, structure or mathematics does not hold
  usage = 2,     // the command line
  input = 3,     // a file that cannot be read, or a model that is not supported
  internal = 4,  // resource limit, or a fault of the checker itself
  accepted_in_part = 5  // the caller asked by name to leave samples out; whatever else is claimed was recomputed
};

class Failure : public std::runtime_error {
 public:
  Failure(Outcome outcome, const std::string& sentence) : std::runtime_error(sentence), outcome_(outcome) {}
  [[nodiscard]] Outcome outcome() const { return outcome_; }

 private:
  Outcome outcome_;
};

[[noreturn]] inline void reject(const std::string& sentence) { throw Failure(Outcome::rejected, sentence); }
[[noreturn]] inline void unreadable(const std::string& sentence) { throw Failure(Outcome::input, sentence); }
[[noreturn]] inline void exhausted(const std::string& sentence) { throw Failure(Outcome::internal, sentence); }

}  // namespace lipverify
