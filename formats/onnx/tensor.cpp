// Constants of an ONNX file: exact bits, from whichever of the three places they lie in (formats/onnx.md, section 3).
#include "formats/onnx/tensor.hpp"

#include <algorithm>
#include <bit>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/operators/node_view.hpp"
#include "onnx.pb.h"

namespace lipcert {

namespace {

void put_little_endian(std::vector<unsigned char>& bytes, std::uint64_t value, std::size_t width) {
  for (std::size_t k = 0; k < width; ++k) bytes.push_back(static_cast<unsigned char>(value >> (8 * k)));
}

ElementType element_type(std::int32_t number, const std::string& name) {
  for (const ElementType type : {ElementType::float32, ElementType::float64, ElementType::float16, ElementType::bfloat16,
                                 ElementType::int32, ElementType::int64, ElementType::boolean, ElementType::int8, ElementType::uint8})
    if (number == static_cast<std::int32_t>(type)) return type;
  throw Unsupported{"The tensor '" + name + "' has ONNX element type " + std::to_string(number) +
                    ", which is not read; weights are FLOAT, DOUBLE, FLOAT16 or BFLOAT16, quantised ones INT8 or UINT8, shapes INT64: "
                    "export the model with such weights."};
}

// The first of the little-endian words of this width that has all bits of `exponent` set. The width is a constant so that compilers make
// one load of it.
template <std::size_t width>
std::optional<std::size_t> first_with(const std::vector<unsigned char>& bits, std::uint64_t exponent) {
  for (std::size_t i = 0; i + width <= bits.size(); i += width) {
    std::uint64_t word = 0;
    for (std::size_t k = 0; k < width; ++k) word |= static_cast<std::uint64_t>(bits[i + k]) << (8 * k);
    if ((word & exponent) == exponent) return i / width;
  }
  return std::nullopt;
}

// The first element that is NaN or infinite, if any: all bits of the exponent are set.
std::optional<std::size_t> first_not_finite(const Tensor& tensor) {
  switch (tensor.type) {
    case ElementType::float16:
      return first_with<2>(tensor.bits, 0x7C00U);
    case ElementType::bfloat16:
      return first_with<2>(tensor.bits, 0x7F80U);
    case ElementType::float32:
      return first_with<4>(tensor.bits, 0x7F800000U);
    case ElementType::float64:
      return first_with<8>(tensor.bits, 0x7FF0000000000000U);
    case ElementType::int8:
    case ElementType::uint8:
    case ElementType::int32:
    case ElementType::int64:
    case ElementType::boolean:
      break;
  }
  return std::nullopt;
}

// Decimal digits without leading zeros, below 2^63.
std::optional<std::uint64_t> plain_number(const std::string& text) {
  if (text.empty() || text.size() > 19 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = 10 * value + static_cast<std::uint64_t>(digit - '0');
  }
  if (value >> 63U != 0) return std::nullopt;
  return value;
}

}  // namespace

std::vector<ExternalFile> TensorReader::files() const {
  std::vector<ExternalFile> list;
  for (const auto& [name, file] : external_) list.push_back({name, file.bytes.size(), file.sha256});
  return list;
}

std::string TensorReader::external_bytes(const onnx::TensorProto& message, const std::string& name, std::uint64_t size) {
  const std::string tensor = options_.file + ": the tensor '" + name + "'";
  std::optional<std::string> location;
  std::optional<std::uint64_t> offset;
  std::optional<std::uint64_t> length;
  bool checksum = false;
  for (const auto& entry : message.external_data()) {
    const auto once = [&](bool seen) {
      if (seen)
        throw input_error(tensor + " names its external " + entry.key() + " twice; readers disagree on such a tensor, so it is refused.");
    };
    const auto number = [&] {
      const std::optional<std::uint64_t> value = plain_number(entry.value());
      if (!value) throw input_error(tensor + " has an external " + entry.key() + " that is not a plain decimal number.");
      return *value;
    };
    if (entry.key() == "location") {
      once(location.has_value());
      location = entry.value();
    } else if (entry.key() == "offset") {
      once(offset.has_value());
      offset = number();
    } else if (entry.key() == "length") {
      once(length.has_value());
      length = number();
    } else if (entry.key() == "checksum") {
      once(checksum);
      checksum = true;
    } else {
      throw input_error(tensor + " has the external entry '" + entry.key() + "', which ONNX does not define.");
    }
  }
  if (!location) throw input_error(tensor + " lies in another file but does not name it.");
  if (location->empty() || location->size() > 255 || *location == "." || *location == ".." ||
      location->find_first_of("/\\") != std::string::npos)
    throw input_error(tensor + " lies in '" + *location +
                      "', which is not a plain file name; external data is read from the model's own folder only.");
  if (!options_.allow_external_data)
    throw Unsupported{"The tensor '" + name + "' lies in the file '" + *location +
                      "'; give --allow-external-data if that file is to be trusted as part of the model, or export the model as one file."};
  if (options_.folder.empty()) throw input_error(tensor + " lies in another file, but the model itself has no folder to look in.");
  auto found = external_.find(*location);
  if (found == external_.end()) {
    External file;
    file.bytes = read_file_beside(options_.folder, *location, options_.size_cap);
    file.sha256 = sha256_hex(file.bytes);
    found = external_.emplace(*location, std::move(file)).first;
  }
  // Many tensors may name the same bytes: what they take together is bounded too.
  external_total_ += size;
  if (external_total_ > options_.size_cap)
    throw input_error(options_.file + ": its tensors take more than the limit of " + std::to_string(options_.size_cap) +
                      " bytes from external files.");
  const std::string& bytes = found->second.bytes;
  const std::uint64_t start = offset.value_or(0);
  if (start > bytes.size())
    throw input_error(tensor + " begins beyond the end of '" + *location + "'; the file is cut off or another one.");
  const std::uint64_t there = bytes.size() - start;
  if (length.value_or(there) != size)
    throw input_error(tensor + " takes " + std::to_string(length.value_or(there)) + " bytes of '" + *location + "' where its shape needs " +
                      std::to_string(size) + ".");
  if (size > there) throw input_error(tensor + " ends beyond the end of '" + *location + "'; the file is cut off or another one.");
  return bytes.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(size));
}

void TensorReader::read(const onnx::TensorProto& message, const std::string& name, Tensor& tensor, bool& typed) {
  typed = false;
  tensor.type = element_type(message.data_type(), name);
  const std::string where = options_.file + ": the tensor '" + name + "'";
  tensor.shape.clear();
  bool zero = false;
  for (const std::int64_t dimension : message.dims()) {
    if (dimension < 0) throw input_error(where + " has the dimension " + std::to_string(dimension) + "; a constant has none below 1.");
    zero = zero || dimension == 0;
    tensor.shape.push_back(static_cast<std::uint64_t>(dimension));
  }
  if (zero && tensor.shape.size() != 1)
    throw Unsupported{"The tensor '" + name + "' has a dimension 0 among others; of tensors without entries only empty lists are read."};
  const std::optional<std::uint64_t> bounded = bounded_count(tensor.shape);
  if (!bounded) throw Unsupported{"The tensor '" + name + "' has more than 2^28 entries, which is more than this reader takes."};
  const auto count = static_cast<std::size_t>(*bounded);
  const std::size_t width = byte_size(tensor.type);
  typed = true;

  const std::int32_t place = message.data_location();
  if (place != 0 && place != 1) throw input_error(where + " has an unknown data_location; the file is damaged, or newer than this reader.");
  if (place == 0 && message.external_data_size() > 0)
    throw input_error(
        where + " names an external file without saying that its data lies there; readers disagree on such a tensor, so it is refused.");

  const auto need = [&](std::size_t found, std::size_t needed, const char* unit) {
    if (found != needed)
      throw input_error(where + " of shape " + text_of(tensor.shape) + " and type " + name_of(tensor.type) + " needs " +
                        std::to_string(needed) + " " + unit + " and has " + std::to_string(found) +
                        "; the file is damaged, or the data is stored under another type.");
  };
  tensor.bits.clear();
  if (place == 1) {
    if (message.has_raw_data() ||
        message.float_data_size() + message.double_data_size() + message.int32_data_size() + message.int64_data_size() > 0)
      throw input_error(where + " has its data both inside and outside the file; readers disagree on such a tensor, so it is refused.");
    const std::string bytes = external_bytes(message, name, *bounded * width);
    tensor.bits.assign(bytes.begin(), bytes.end());
  } else if (message.has_raw_data()) {
    need(message.raw_data().size(), count * width, "bytes");
    tensor.bits.assign(message.raw_data().begin(), message.raw_data().end());
  } else {
    tensor.bits.reserve(count * width);
    switch (tensor.type) {
      case ElementType::float32:
        need(static_cast<std::size_t>(message.float_data_size()), count, "numbers");
        for (const float value : message.float_data()) {
          put_little_endian(tensor.bits, std::bit_cast<std::uint32_t>(value), width);
        }
        break;
      case ElementType::float64:
        need(static_cast<std::size_t>(message.double_data_size()), count, "numbers");
        for (const double value : message.double_data()) {
          put_little_endian(tensor.bits, std::bit_cast<std::uint64_t>(value), width);
        }
        break;
      case ElementType::int64:
        need(static_cast<std::size_t>(message.int64_data_size()), count, "numbers");
        for (const std::int64_t value : message.int64_data()) put_little_endian(tensor.bits, static_cast<std::uint64_t>(value), width);
        break;
      case ElementType::float16:
      case ElementType::bfloat16:
      case ElementType::int8:
      case ElementType::uint8:
      case ElementType::int32:
      case ElementType::boolean: {
        need(static_cast<std::size_t>(message.int32_data_size()), count, "numbers");
        const auto [least, largest] = tensor.type == ElementType::boolean ? std::pair{0, 1}
                                      : tensor.type == ElementType::int8  ? std::pair{-128, 127}
                                      : tensor.type == ElementType::uint8 ? std::pair{0, 255}
                                                                          : std::pair{0, 65535};
        for (const std::int32_t value : message.int32_data()) {
          if (tensor.type != ElementType::int32 && (value < least || value > largest))
            throw input_error(where + " holds the number " + std::to_string(value) + ", which is none of its type " + name_of(tensor.type) +
                              "; the file is damaged.");
          put_little_endian(tensor.bits, static_cast<std::uint32_t>(value), width);
        }
        break;
      }
    }
  }
  if (tensor.type == ElementType::boolean &&
      std::any_of(tensor.bits.begin(), tensor.bits.end(), [](unsigned char byte) { return byte > 1; }))
    throw input_error(where + " of type BOOL holds a byte that is neither 0 nor 1; the file is damaged.");
  if (const std::optional<std::size_t> entry = first_not_finite(tensor))
    throw Unsupported{"The tensor '" + name + "' has a NaN or an infinity at entry " + std::to_string(*entry) +
                      "; no bound holds for such weights: train or export the model again."};
}

}  // namespace lipcert
