// The whole check, from files to verdict. Never throws: whatever happens is in the report.
#pragma once

#include "verifier/theorems/hints.hpp"
#include "verifier/verdict/report.hpp"

namespace lipverify {

/// `engine` changes how long the check takes, never its verdict; a bad hint can make a check fail, never pass.
[[nodiscard]] Report verify(const Request& request, const Engine& engine, const Hints& hints);

}  // namespace lipverify
