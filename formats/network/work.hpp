// What a network will cost, from its shapes alone.
#pragma once

#include <cstddef>
#include <string>

#include "formats/network/network.hpp"

namespace lipcert {

/// Roughly, of a node: multiplications of the enclosures, searches and explicit maps that it takes part in, and bytes that are held for it.
struct Work {
  double multiplications = 0;
  double bytes = 0;
};
[[nodiscard]] Work work_of(const Network& network, std::size_t node);

/// Throws `Error` (internal) with the node that costs most and the option that allows it when the network would cost more than `budget()`. Linear in
/// the size of the graph; nothing is allocated. `model` is for the message.
void check_work(const Network& network, const std::string& model);

}  // namespace lipcert
