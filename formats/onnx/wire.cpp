// The wire-level scan of ONNX files.
//
// protobuf is a lenient reader: a singular field that occurs twice is overwritten or, for messages, merged (a second `graph` appended to a
// file is joined to the first); numbers that do not fit are cut; unknown fields are kept silently. Two readers may then see two networks in
// one file, which is the one thing that a certificate about "this file" cannot bear. So the bytes are walked once, message by message,
// along a table of the fields of the ONNX specification, and whatever two readers could take differently ends reading.
//
// The walk descends only into the messages of the table, which cannot contain themselves: recursion is at most eight deep.
#include "formats/onnx/wire.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

enum class Message { none, model, opset, graph, node, attribute, tensor, entry, value_info, type, tensor_type, shape, dimension };

// The plural forms are repeated numbers: packed or not.
enum class Wire { varint, fixed32, bytes, varints, fixed32s, fixed64s };

enum class Content {
  any,      // looked at by nobody here
  name,     // printable UTF-8, at most 4096 bytes
  small,    // varint below 2^31
  int32,    // varint that is a sign-extended 32-bit integer
  refused,  // its presence ends reading
  refused_unless_empty
};

struct Field {
  std::uint32_t number;
  const char* label;
  Wire wire;
  bool singular;
  Content content = Content::any;
  Message inner = Message::none;
};

constexpr std::uint32_t largest_field = 26;
constexpr std::size_t name_cap = 4096;
constexpr std::size_t item_cap = 4194304;
constexpr std::uint32_t rank_cap = 16;

const std::vector<Field>& fields_of(Message message) {
  static const std::vector<Field> model = {
      {1, "ir_version", Wire::varint, true},
      {2, "producer_name", Wire::bytes, true},
      {3, "producer_version", Wire::bytes, true},
      {4, "domain", Wire::bytes, true},
      {5, "model_version", Wire::varint, true},
      {6, "doc_string", Wire::bytes, true},
      {7, "graph", Wire::bytes, true, Content::any, Message::graph},
      {8, "opset_import", Wire::bytes, false, Content::any, Message::opset},
      {14, "metadata_props", Wire::bytes, false},
      {20, "training_info", Wire::bytes, false, Content::refused},
      {25, "functions", Wire::bytes, false, Content::refused},
      {26, "configuration", Wire::bytes, false, Content::refused},
  };
  static const std::vector<Field> opset = {
      {1, "domain", Wire::bytes, true, Content::name},
      {2, "version", Wire::varint, true},
  };
  static const std::vector<Field> graph = {
      {1, "node", Wire::bytes, false, Content::any, Message::node},
      {2, "name", Wire::bytes, true},
      {5, "initializer", Wire::bytes, false, Content::any, Message::tensor},
      {10, "doc_string", Wire::bytes, true},
      {11, "input", Wire::bytes, false, Content::any, Message::value_info},
      {12, "output", Wire::bytes, false, Content::any, Message::value_info},
      {13, "value_info", Wire::bytes, false},
      {14, "quantization_annotation", Wire::bytes, false, Content::refused},
      {15, "sparse_initializer", Wire::bytes, false, Content::refused},
      {16, "metadata_props", Wire::bytes, false},
  };
  static const std::vector<Field> node = {
      {1, "input", Wire::bytes, false, Content::name},
      {2, "output", Wire::bytes, false, Content::name},
      {3, "name", Wire::bytes, true, Content::name},
      {4, "op_type", Wire::bytes, true, Content::name},
      {5, "attribute", Wire::bytes, false, Content::any, Message::attribute},
      {6, "doc_string", Wire::bytes, true},
      {7, "domain", Wire::bytes, true, Content::name},
      {8, "overload", Wire::bytes, true, Content::name},
      {9, "metadata_props", Wire::bytes, false},
      {10, "device_configurations", Wire::bytes, false, Content::refused},
  };
  static const std::vector<Field> attribute = {
      {1, "name", Wire::bytes, true, Content::name},
      {2, "f", Wire::fixed32, true},
      {3, "i", Wire::varint, true},
      {4, "s", Wire::bytes, true},
      {5, "t", Wire::bytes, true, Content::any, Message::tensor},
      {6, "g", Wire::bytes, true},
      {7, "floats", Wire::fixed32s, false},
      {8, "ints", Wire::varints, false},
      {9, "strings", Wire::bytes, false},
      {10, "tensors", Wire::bytes, false},
      {11, "graphs", Wire::bytes, false},
      {13, "doc_string", Wire::bytes, true},
      {14, "tp", Wire::bytes, true},
      {15, "type_protos", Wire::bytes, false},
      {20, "type", Wire::varint, true, Content::small},
      {21, "ref_attr_name", Wire::bytes, true, Content::refused_unless_empty},
      {22, "sparse_tensor", Wire::bytes, true},
      {23, "sparse_tensors", Wire::bytes, false},
  };
  static const std::vector<Field> tensor = {
      {1, "dims", Wire::varints, false},
      {2, "data_type", Wire::varint, true, Content::small},
      {3, "segment", Wire::bytes, true, Content::refused},
      {4, "float_data", Wire::fixed32s, false},
      {5, "int32_data", Wire::varints, false, Content::int32},
      {6, "string_data", Wire::bytes, false},
      {7, "int64_data", Wire::varints, false},
      {8, "name", Wire::bytes, true, Content::name},
      {9, "raw_data", Wire::bytes, true},
      {10, "double_data", Wire::fixed64s, false},
      {11, "uint64_data", Wire::varints, false},
      {12, "doc_string", Wire::bytes, true},
      {13, "external_data", Wire::bytes, false, Content::any, Message::entry},
      {14, "data_location", Wire::varint, true, Content::small},
      {16, "metadata_props", Wire::bytes, false},
  };
  static const std::vector<Field> entry = {
      {1, "key", Wire::bytes, true, Content::name},
      {2, "value", Wire::bytes, true, Content::name},
  };
  static const std::vector<Field> value_info = {
      {1, "name", Wire::bytes, true, Content::name},
      {2, "type", Wire::bytes, true, Content::any, Message::type},
      {3, "doc_string", Wire::bytes, true},
      {4, "metadata_props", Wire::bytes, false},
  };
  static const std::vector<Field> type = {
      {1, "tensor_type", Wire::bytes, true, Content::any, Message::tensor_type},
      {4, "sequence_type", Wire::bytes, true},
      {5, "map_type", Wire::bytes, true},
      {6, "denotation", Wire::bytes, true},
      {7, "opaque_type", Wire::bytes, true},
      {8, "sparse_tensor_type", Wire::bytes, true},
      {9, "optional_type", Wire::bytes, true},
  };
  static const std::vector<Field> tensor_type = {
      {1, "elem_type", Wire::varint, true, Content::small},
      {2, "shape", Wire::bytes, true, Content::any, Message::shape},
  };
  static const std::vector<Field> shape = {
      {1, "dim", Wire::bytes, false, Content::any, Message::dimension},
  };
  static const std::vector<Field> dimension = {
      {1, "dim_value", Wire::varint, true},
      {2, "dim_param", Wire::bytes, true, Content::name},
      {3, "denotation", Wire::bytes, true},
  };
  static const std::vector<Field> none;
  switch (message) {
    case Message::model:
      return model;
    case Message::opset:
      return opset;
    case Message::graph:
      return graph;
    case Message::node:
      return node;
    case Message::attribute:
      return attribute;
    case Message::tensor:
      return tensor;
    case Message::entry:
      return entry;
    case Message::value_info:
      return value_info;
    case Message::type:
      return type;
    case Message::tensor_type:
      return tensor_type;
    case Message::shape:
      return shape;
    case Message::dimension:
      return dimension;
    case Message::none:
      break;
  }
  return none;
}

// The typed data field of an element type that is read (onnx.md, section 3), else 0.
std::uint32_t typed_field(std::uint64_t element_type) {
  switch (element_type) {
    case 1: return 4;                                              // FLOAT
    case 11: return 10;                                            // DOUBLE
    case 7: return 7;                                              // INT64
    case 2: case 3: case 6: case 9: case 10: case 16: return 5;  // UINT8, INT8, INT32, BOOL, FLOAT16, BFLOAT16
    default: return 0;
  }
}

// The field of AttributeProto that holds the value of an attribute of this type (AttributeProto.AttributeType), or 0.
std::uint32_t value_field(std::uint64_t attribute_type) {
  constexpr std::array<std::uint32_t, 15> fields = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 14, 15};
  return attribute_type < fields.size() ? fields[static_cast<std::size_t>(attribute_type)] : 0;
}

// Strict UTF-8 without control characters: C0, DEL and C1 would let a file paint a terminal.
bool is_name(const unsigned char* at, const unsigned char* end) {
  while (at != end) {
    const std::uint32_t lead = *at++;
    std::uint32_t point = lead;
    std::uint32_t least = 0;
    int more = 0;
    if (lead >= 0xF0U && lead <= 0xF4U) {
      point = lead & 0x07U;
      least = 0x10000U;
      more = 3;
    } else if (lead >= 0xE0U && lead <= 0xEFU) {
      point = lead & 0x0FU;
      least = 0x800U;
      more = 2;
    } else if (lead >= 0xC2U && lead <= 0xDFU) {
      point = lead & 0x1FU;
      least = 0x80U;
      more = 1;
    } else if (lead >= 0x80U) {
      return false;
    }
    for (; more > 0; --more) {
      if (at == end || (*at & 0xC0U) != 0x80U) return false;
      point = (point << 6U) | (*at++ & 0x3FU);
    }
    if (point < least || point > 0x10FFFFU || (point >= 0xD800U && point <= 0xDFFFU)) return false;
    if (point < 0x20U || (point >= 0x7FU && point <= 0x9FU)) return false;
  }
  return true;
}

class Scanner {
 public:
  Scanner(const std::string& bytes, const std::string& file)
      : file_(file),
        at_(reinterpret_cast<const unsigned char*>(bytes.data())),
        end_(reinterpret_cast<const unsigned char*>(bytes.data()) + bytes.size()) {}

  void run() { message(Message::model, end_); }

 private:
  struct Step {
    const char* label;
    std::size_t index;
    bool repeated;
  };

  [[noreturn]] void refuse(const std::string& sentence) const {
    std::string place;
    for (const Step& step : path_) {
      if (!place.empty()) place += ".";
      place += step.label;
      if (step.repeated) place += "[" + std::to_string(step.index) + "]";
    }
    throw input_error(file_ + ": " + (place.empty() ? "the model" : place) + " " + sentence + ".");
  }

  std::uint64_t varint(const unsigned char* end, int most_bytes) {
    std::uint64_t value = 0;
    for (int k = 0; k < most_bytes; ++k) {
      if (at_ == end) refuse("ends in the middle of a number; the file is cut off or is not an ONNX model");
      const std::uint64_t byte = *at_++;
      if (k == 9 && byte > 1) refuse("has a number that does not fit into 64 bits; the file is damaged");
      value |= (byte & 0x7FU) << static_cast<unsigned>(7 * k);
      if ((byte & 0x80U) == 0) return value;
    }
    refuse("has a number of too many bytes; the file is damaged or is not an ONNX model");
  }

  void count_item() {
    if (++items_ > item_cap)
      refuse("makes more than " + std::to_string(item_cap) + " parts; the file is refused before memory is taken for them");
  }

  void check_number(const Field& field, std::uint64_t value) const {
    if (field.content == Content::small && value >= (std::uint64_t{1} << 31U))
      refuse(std::string("has a value of ") + field.label + " that does not fit into 31 bits; the file is damaged");
    if (field.content == Content::int32 && value >= (std::uint64_t{1} << 31U) &&
        value < ~std::uint64_t{0} - ((std::uint64_t{1} << 31U) - 1))
      refuse(std::string("has a value of ") + field.label + " that does not fit into 32 bits; the file is damaged");
  }

  // Lengths of the payload of a length-delimited field.
  const unsigned char* length(const unsigned char* end, const char* label) {
    const std::uint64_t size = varint(end, 5);
    if (size > static_cast<std::uint64_t>(end - at_))
      refuse(std::string("has a field ") + label + " that is longer than what holds it; the file is cut off or damaged");
    return at_ + size;
  }

  void skip_fixed(const unsigned char* end, std::uint64_t size, const char* label) {
    if (static_cast<std::uint64_t>(end - at_) < size)
      refuse(std::string("ends in the middle of ") + label + "; the file is cut off or damaged");
    at_ += size;
  }

  // A repeated number field: `wire_type` tells whether this occurrence is packed. Returns how many numbers it has.
  std::size_t numbers(const Field& field, std::uint32_t wire_type, const unsigned char* end) {
    if (wire_type != 2) {
      if (field.wire == Wire::varints) {
        check_number(field, varint(end, 10));
      } else {
        skip_fixed(end, field.wire == Wire::fixed32s ? 4 : 8, field.label);
      }
      return 1;
    }
    const unsigned char* const stop = length(end, field.label);
    const auto size = static_cast<std::size_t>(stop - at_);
    if (field.wire != Wire::varints) {
      const std::size_t width = field.wire == Wire::fixed32s ? 4 : 8;
      if (size % width != 0)
        refuse(std::string("has a list ") + field.label + " whose length is not a whole number of entries; the file is damaged");
      at_ = stop;
      return size / width;
    }
    std::size_t count = 0;
    while (at_ != stop) {
      check_number(field, varint(stop, 10));
      ++count;
    }
    return count;
  }

  static std::uint32_t expected_wire_type(Wire wire) {
    switch (wire) {
      case Wire::varint:
      case Wire::varints:
        return 0;
      case Wire::fixed64s:
        return 1;
      case Wire::bytes:
        return 2;
      case Wire::fixed32:
      case Wire::fixed32s:
        return 5;
    }
    return 0;
  }

  void message(Message kind, const unsigned char* end) {
    const std::vector<Field>& fields = fields_of(kind);
    std::array<std::size_t, largest_field + 1> count{};  // of occurrences; for lists of numbers, of numbers
    std::array<bool, largest_field + 1> present{};       // occurs, be it as an empty list
    bool empty_required = true;                          // no non-empty value of the required name yet
    std::uint64_t type = 0;  // of an attribute, or of a tensor's elements
    while (at_ != end) {
      const std::uint64_t tag = varint(end, 5);
      if (tag > 0xFFFFFFFFU) refuse("has a field number that does not fit; the file is damaged or is not an ONNX model");
      const auto number = static_cast<std::uint32_t>(tag >> 3U);
      const auto wire_type = static_cast<std::uint32_t>(tag & 7U);
      const Field* field = nullptr;
      for (const Field& candidate : fields)
        if (candidate.number == number) field = &candidate;
      if (field == nullptr)
        refuse("has a field with number " + std::to_string(number) +
               ", which ONNX does not define there; the file is not an ONNX model, or newer than this reader");
      if (field->content == Content::refused)
        refuse(std::string("has ") + field->label + ", which lipcert does not read; " +
               (std::string(field->label) == "functions"
                    ? "inline them: onnx.inliner.inline_local_functions(model), or torch.onnx.export without export_modules_as_functions"
                    : "export the model for inference without it"));
      const bool list = field->wire == Wire::varints || field->wire == Wire::fixed32s || field->wire == Wire::fixed64s;
      if (wire_type != expected_wire_type(field->wire) && !(list && wire_type == 2))
        refuse(std::string("has a field ") + field->label + " of the wrong wire type; the file is damaged or is not an ONNX model");
      if (field->singular && present[number])
        refuse(std::string("has the field ") + field->label +
               " more than once; readers of such a file disagree on what it means, so it is refused: export the model again");
      present[number] = true;
      if (list) {
        count[number] += numbers(*field, wire_type, end);
        if (kind == Message::tensor && number == 1 && count[number] > rank_cap) refuse("has more than 16 dimensions");
        continue;
      }
      const std::size_t index = count[number]++;
      if (field->wire == Wire::varint) {
        const std::uint64_t value = varint(end, 10);
        check_number(*field, value);
        if (kind == Message::attribute && number == 20) type = value;
        if (kind == Message::tensor && number == 2) type = value;
        continue;
      }
      if (field->wire == Wire::fixed32) {
        skip_fixed(end, 4, field->label);
        continue;
      }
      const unsigned char* const stop = length(end, field->label);
      if (field->inner != Message::none) {
        count_item();
        if (kind == Message::shape && index >= rank_cap) refuse("has more than 16 dimensions");
        path_.push_back({field->label, index, !field->singular});
        message(field->inner, stop);
        path_.pop_back();
        continue;
      }
      if (field->content == Content::refused_unless_empty && at_ != stop)
        refuse(std::string("has ") + field->label + ", which is only meaningful in functions; export the model with functions inlined");
      if (field->content == Content::name) {
        count_item();
        if (static_cast<std::size_t>(stop - at_) > name_cap) refuse(std::string("has a ") + field->label + " of more than 4096 bytes");
        if (!is_name(at_, stop)) refuse(std::string("has a ") + field->label + " that is not printable UTF-8 text");
        if (at_ != stop &&
            ((kind == Message::node && number == 4) || ((kind == Message::attribute || kind == Message::value_info) && number == 1)))
          empty_required = false;
      }
      at_ = stop;
    }
    finish(kind, present, empty_required, type);
  }

  // Rules that concern a whole message.
  void finish(Message kind, const std::array<bool, largest_field + 1>& present, bool empty_required, std::uint64_t type) const {
    const auto occurring = [&](std::initializer_list<std::uint32_t> numbers) {
      std::size_t found = 0;
      for (const std::uint32_t number : numbers) found += present[number] ? 1U : 0U;
      return found;
    };
    switch (kind) {
      case Message::model:
        if (!present[1]) refuse("has no ir_version; the file is not an ONNX model");
        if (!present[7]) refuse("has no graph; the file is not an ONNX model");
        break;
      case Message::node:
        if (empty_required) refuse("has no op_type; the file is damaged");
        break;
      case Message::value_info:
        if (empty_required) refuse("has no name; the file is damaged");
        break;
      case Message::attribute: {
        if (empty_required) refuse("has no name; the file is damaged");
        const std::uint32_t own = value_field(type);
        if (own == 0) refuse("has no known type (field type); the file is damaged, or newer than this reader");
        for (const std::uint32_t number : {2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, 14U, 15U, 22U, 23U})
          if (number != own && present[number]) refuse("has a value that does not belong to its type; the file is damaged");
        if (own == 5 && !present[5]) refuse("is a tensor without its tensor; the file is damaged");
        break;
      }
      case Message::tensor: {
        if (!present[2]) refuse("has no data_type; the file is damaged");
        const std::size_t places = occurring({4, 5, 6, 7, 9, 10, 11});
        if (places > 1)
          refuse("has its data in two places (raw and typed, or two types); readers disagree on such a tensor, so it is refused");
        const std::uint32_t own = typed_field(type);
        for (const std::uint32_t number : {4U, 5U, 6U, 7U, 10U, 11U})
          if (own != 0 && number != own && present[number]) refuse("has its data in the field of another type; the file is damaged");
        if (places != 0 && present[13])
          refuse("has its data both inside and outside the file; readers disagree on such a tensor, so it is refused");
        break;
      }
      case Message::type:
        if (occurring({1, 4, 5, 7, 8, 9}) > 1) refuse("has two types at once; the file is damaged");
        break;
      case Message::dimension:
        if (occurring({1, 2}) > 1) refuse("has both a number and a name; readers disagree on such a dimension, so it is refused");
        break;
      case Message::none:
      case Message::opset:
      case Message::graph:
      case Message::entry:
      case Message::tensor_type:
      case Message::shape:
        break;
    }
  }

  const std::string& file_;
  const unsigned char* at_;
  const unsigned char* end_;
  std::vector<Step> path_;
  std::size_t items_ = 0;
};

}  // namespace

void scan_onnx(const std::string& bytes, const std::string& file) {
  if (bytes.empty()) throw input_error(file + ": is empty; give the path of an ONNX model.");
  Scanner(bytes, file).run();
}

}  // namespace lipcert
