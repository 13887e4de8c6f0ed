// A message of protocol buffers, field by field, against a table of the fields that it may have (formats/onnx.md, sections 1 and 2). protozero finds
// the fields; what it would let through is refused here.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <protozero/pbf_reader.hpp>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

[[noreturn]] inline void refuse_model(const std::string& reason) { unreadable("the model is refused: " + reason); }

enum class Wire { varint, fixed32, fixed64, bytes };
enum class Use {
  read,
  skip,      // its content is not looked at
  presence,  // only that it is there
  refuse     // its presence refuses the file
};

struct Field {
  std::uint32_t number;
  Wire wire;
  bool singular;
  Use use;
};

using Table = std::vector<Field>;

/// Messages and names that one file may make a reader look into.
struct MessageBudget {
  std::uint64_t left = 4194304;
  void spend() {
    if (left-- == 0) refuse_model("it has more than 4194304 messages and names");
  }
};

/// Length and value of the varint at the front of `data`; refuses one that is cut, too long, or does not fit in 64 bits.
inline std::size_t strict_varint(protozero::data_view data, std::uint64_t& value) {
  value = 0;
  for (std::size_t k = 0; k < 10; ++k) {
    if (k >= data.size()) refuse_model("a number ends beyond its message");
    const auto byte = static_cast<unsigned char>(data.data()[k]);
    if (k == 9 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * k);
    if (byte < 0x80) return k + 1;
  }
  refuse_model("a number does not fit in 64 bits");
}

/// One message, field by field, against its table.
class Fields {
 public:
  Fields(protozero::data_view bytes, const Table& table, std::string message, MessageBudget& budget)
      : reader_(bytes), table_(table), message_(std::move(message)), budget_(budget) {}

  /// Advances to the next field that is read or whose presence matters.
  bool next() {
    while (reader_.length() > 0) {
      std::uint64_t tag = 0;
      const std::size_t length = strict_varint(reader_.data(), tag);
      if (length > 5 || tag > 0xFFFFFFFFU) refuse_model(message_ + " has a tag that does not fit in 32 bits");
      (void)reader_.next();  // throws on field number 0 and on groups
      const auto found = std::find_if(table_.begin(), table_.end(), [&](const Field& f) { return f.number == reader_.tag(); });
      if (found == table_.end() || found->use == Use::refuse)
        refuse_model(message_ + " has field " + std::to_string(reader_.tag()) + ", which is not supported");
      check_wire(*found);
      if (found->singular && !seen_.insert(found->number).second)
        refuse_model(message_ + " has field " + std::to_string(found->number) + " twice");
      seen_.insert(found->number);
      if (found->use == Use::read) return true;
      if (reader_.has_wire_type(protozero::pbf_wire_type::length_delimited))
        (void)view();
      else if (reader_.has_wire_type(protozero::pbf_wire_type::varint))
        (void)varint();
      else
        reader_.skip();
    }
    return false;
  }

  [[nodiscard]] std::uint32_t number() const { return reader_.tag(); }
  [[nodiscard]] bool has(std::uint32_t number) const { return seen_.count(number) != 0; }  // so far

  std::uint64_t varint() {
    std::uint64_t value = 0;
    (void)strict_varint(reader_.data(), value);
    (void)reader_.get_uint64();
    return value;
  }
  std::int64_t integer() { return static_cast<std::int64_t>(varint()); }
  std::uint32_t small() {
    const std::uint64_t value = varint();
    if (value >= (std::uint64_t{1} << 31)) refuse_model("field " + std::to_string(number()) + " of " + message_ + " does not fit in 31 bits");
    return static_cast<std::uint32_t>(value);
  }
  std::uint32_t fixed32() { return reader_.get_fixed32(); }

  protozero::data_view view() {
    std::uint64_t length = 0;
    const protozero::data_view rest = reader_.data();
    const std::size_t prefix = strict_varint(rest, length);
    if (prefix > 5 || length > rest.size() - prefix) refuse_model("field " + std::to_string(number()) + " of " + message_ + " is longer than its message");
    return reader_.get_view();
  }
  protozero::data_view message() {
    budget_.spend();
    return view();
  }
  std::string name() {
    budget_.spend();
    const protozero::data_view bytes = view();
    std::string text(bytes.data(), bytes.size());
    if (!is_name(text)) refuse_model("field " + std::to_string(number()) + " of " + message_ + " is not a name (UTF-8, no control characters)");
    return text;
  }

  /// Elements of a repeated numeric field, packed or not, appended.
  void varints(std::vector<std::uint64_t>& out) {
    if (!reader_.has_wire_type(protozero::pbf_wire_type::length_delimited)) {
      out.push_back(varint());
      return;
    }
    protozero::data_view packed = view();
    while (packed.size() > 0) {
      std::uint64_t value = 0;
      const std::size_t length = strict_varint(packed, value);
      out.push_back(value);
      packed = protozero::data_view(packed.data() + length, packed.size() - length);
    }
  }
  /// Elements of a repeated fixed-width field as little-endian bytes, appended.
  void words(std::size_t width, std::string& out) {
    if (reader_.has_wire_type(protozero::pbf_wire_type::length_delimited)) {
      const protozero::data_view packed = view();
      if (packed.size() % width != 0) refuse_model("a packed field of " + message_ + " ends within an element");
      out.append(packed.data(), packed.size());
      return;
    }
    const std::uint64_t word = width == 4 ? reader_.get_fixed32() : reader_.get_fixed64();
    for (std::size_t k = 0; k < width; ++k) out.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
  }

 private:
  void check_wire(const Field& field) const {
    using protozero::pbf_wire_type;
    const pbf_wire_type wanted = field.wire == Wire::varint    ? pbf_wire_type::varint
                                 : field.wire == Wire::fixed32 ? pbf_wire_type::fixed32
                                 : field.wire == Wire::fixed64 ? pbf_wire_type::fixed64
                                                               : pbf_wire_type::length_delimited;
    const bool packable = !field.singular && field.wire != Wire::bytes;
    if (reader_.has_wire_type(wanted) || (packable && reader_.has_wire_type(pbf_wire_type::length_delimited))) return;
    refuse_model("field " + std::to_string(field.number) + " of " + message_ + " has the wrong wire type");
  }

  protozero::pbf_reader reader_;
  const Table& table_;
  std::string message_;
  MessageBudget& budget_;
  std::set<std::uint32_t> seen_;
};

}  // namespace lipverify
