// Changes ONNX files field by field: what comes out is still made of messages with right lengths, so that the inputs get past the first lines of the
// readers. Knows nothing of ONNX but that it is protocol buffers: bytes that can be taken apart as a message are one.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/support.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size, const std::uint8_t* second, std::size_t second_size,
                                                 std::uint8_t* out, std::size_t max_size, unsigned seed);

namespace {

struct Field;
using Message = std::vector<Field>;
struct Field {
  std::uint64_t key = 0;    // number and wire type
  std::uint64_t value = 0;  // wire type 0
  std::string bytes;        // wire types 1, 2, 5
  std::optional<Message> message;
  [[nodiscard]] unsigned type() const { return static_cast<unsigned>(key & 7); }
};

bool read_varint(const std::string& bytes, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes[at++]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

std::optional<Message> taken_apart(const std::string& bytes, int depth) {
  Message message;
  for (std::size_t at = 0; at < bytes.size();) {
    Field field;
    if (!read_varint(bytes, at, field.key) || field.key >> 3 == 0 || field.key >> 3 > 100) return std::nullopt;
    if (field.type() == 0) {
      if (!read_varint(bytes, at, field.value)) return std::nullopt;
    } else {
      std::uint64_t length = field.type() == 1 ? 8 : 4;
      if (field.type() != 1 && field.type() != 2 && field.type() != 5) return std::nullopt;
      if (field.type() == 2 && !read_varint(bytes, at, length)) return std::nullopt;
      if (length > bytes.size() - at) return std::nullopt;
      field.bytes = bytes.substr(at, length);
      at += length;
      if (field.type() == 2 && depth < 8 && !field.bytes.empty()) field.message = taken_apart(field.bytes, depth + 1);
    }
    message.push_back(std::move(field));
  }
  return message;
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::string put_together(const Message& message) {
  std::string out;
  for (const Field& field : message) {
    append_varint(out, field.key);
    if (field.type() == 0) {
      append_varint(out, field.value);
      continue;
    }
    const std::string bytes = field.message ? put_together(*field.message) : field.bytes;
    if (field.type() == 2) append_varint(out, bytes.size());
    out += bytes;
  }
  return out;
}

void collect(Message& message, std::vector<Message*>& all) {
  all.push_back(&message);
  for (Field& field : message)
    if (field.message) collect(*field.message, all);
}

using Random = std::minstd_rand;
std::size_t below(Random& random, std::size_t n) {
  return n == 0 ? 0 : random() % n;
}

Message& any_message(Message& root, Random& random) {
  std::vector<Message*> all;
  collect(root, all);
  for (int tries = 0; tries < 20; ++tries)
    if (Message& one = *all[below(random, all.size())]; !one.empty()) return one;
  return root;
}

std::uint64_t other_number(std::uint64_t value, Random& random) {
  static constexpr std::array<std::uint64_t, 12> kEdges = {0, 1, 2, 3, 7, 11, 255, 1U << 16, 1U << 28, 0x7FFFFFFF, ~std::uint64_t{0}, std::uint64_t{1} << 63};
  switch (below(random, 4)) {
    case 0: return value + 1;
    case 1: return value - 1;
    case 2: return below(random, 20);
    default: return kEdges[below(random, kEdges.size())];
  }
}

void change_field(Field& field, Random& random) {
  if (field.type() == 0) {
    field.value = other_number(field.value, random);
    return;
  }
  std::string bytes = field.message ? put_together(*field.message) : field.bytes;
  const std::size_t before = bytes.size();
  bytes.resize(before + 64);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), before, before + 64));
  if (field.type() != 2) bytes.resize(before);
  field.message.reset();
  field.bytes = bytes;
}

void change(Message& root, Random& random) {
  Message& message = any_message(root, random);
  if (message.empty()) return;
  const std::size_t at = below(random, message.size());
  switch (below(random, 7)) {
    case 0: message.erase(message.begin() + static_cast<std::ptrdiff_t>(at)); break;
    case 1: message.insert(message.begin() + static_cast<std::ptrdiff_t>(below(random, message.size() + 1)), Field(message[at])); break;
    case 2: std::swap(message[at], message[below(random, message.size())]); break;
    case 3: {  // the content of another field of this kind, from anywhere
      const Message& other = any_message(root, random);
      const Field source = other[below(random, other.size())];
      if (source.type() == message[at].type()) {
        const std::uint64_t key = message[at].key;
        message[at] = source;
        message[at].key = key;
      }
      break;
    }
    case 4: {  // a whole field from elsewhere
      const Message& other = any_message(root, random);
      message.insert(message.begin() + static_cast<std::ptrdiff_t>(at), Field(other[below(random, other.size())]));
      break;
    }
    case 5: message[at].key = (below(random, 30) + 1) << 3 | message[at].key % 8; break;
    default: change_field(message[at], random);
  }
}

std::size_t hand_out(const std::string& bytes, std::uint8_t* out, std::size_t max_size) {
  if (bytes.size() > max_size) return 0;
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  Random random(seed);
  std::optional<Message> root = taken_apart(fuzz::text_of(data, size), 0);
  if (!root || root->empty() || below(random, 20) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t changes = below(random, 3) + 1; changes > 0 && !root->empty(); --changes) change(*root, random);
  const std::size_t length = hand_out(put_together(*root), data, max_size);
  return length == 0 ? LLVMFuzzerMutate(data, size, max_size) : length;
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size, const std::uint8_t* second, std::size_t second_size,
                                                 std::uint8_t* out, std::size_t max_size, unsigned seed) {
  Random random(seed);
  std::optional<Message> a = taken_apart(fuzz::text_of(first, first_size), 0), b = taken_apart(fuzz::text_of(second, second_size), 0);
  if (!a || !b || a->empty() || b->empty()) return hand_out(fuzz::text_of(first, first_size), out, max_size);
  // Fields of one number lie at one level: a node comes among nodes, an attribute among attributes.
  for (int tries = 0; tries < 20; ++tries) {
    Message& to = any_message(*a, random);
    const Message& from = any_message(*b, random);
    const Field& field = from[below(random, from.size())];
    const auto place = std::find_if(to.begin(), to.end(), [&](const Field& one) { return one.key == field.key; });
    if (place == to.end()) continue;
    if (below(random, 2) == 0)
      *place = field;
    else
      to.insert(place, field);
    break;
  }
  return hand_out(put_together(*a), out, max_size);
}
