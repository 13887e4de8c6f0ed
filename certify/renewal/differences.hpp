// Where two statements differ, member by member: what `lipcert renew --check` tells, exactly and without judging it.
#pragma once

#include <string>
#include <vector>

#include "formats/encoding/json.hpp"

namespace lipcert {

struct StatementDifference {
  std::string pointer;  // RFC 6901, as in /predicate/claims/0/upper/exact
  std::string before;   // the values as short JSON texts; "(absent)" where there is none
  std::string after;
};

/// In the order of the document; at most `most`, the number of all is in `total`.
struct StatementDifferences {
  std::vector<StatementDifference> first;
  std::size_t total = 0;
};
[[nodiscard]] StatementDifferences differences_of(const Json& before, const Json& after, std::size_t most = 40);

/// `text` as a part of a JSON pointer.
[[nodiscard]] std::string pointer_part(const std::string& text);

}  // namespace lipcert
