// See onnx.hpp. Three layers: `Fields` walks over one protobuf message by protozero, but first checks what protozero would let through (tags and
// varints that do not fit, lengths cut to 32 bits, unknown and repeated fields); then one function per ONNX message; then the graph's rules.
#include "verifier/graph/onnx.hpp"

#include <algorithm>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>

#include "verifier/graph/attributes.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

[[noreturn]] void refuse(const std::string& reason) { unreadable("the model is refused: " + reason); }

// ------------------------------------------------------------------------------------------------------------------------------- wire

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
struct Budget {
  std::uint64_t left = 4194304;
  void spend() {
    if (left-- == 0) refuse("it has more than 4194304 messages and names");
  }
};

/// Length and value of the varint at the front of `data`; refuses one that is cut, too long, or does not fit in 64 bits.
std::size_t strict_varint(protozero::data_view data, std::uint64_t& value) {
  value = 0;
  for (std::size_t k = 0; k < 10; ++k) {
    if (k >= data.size()) refuse("a number ends beyond its message");
    const auto byte = static_cast<unsigned char>(data.data()[k]);
    if (k == 9 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * k);
    if (byte < 0x80) return k + 1;
  }
  refuse("a number does not fit in 64 bits");
}

/// One message, field by field, against its table.
class Fields {
 public:
  Fields(protozero::data_view bytes, const Table& table, std::string message, Budget& budget)
      : reader_(bytes), table_(table), message_(std::move(message)), budget_(budget) {}

  /// Advances to the next field that is read or whose presence matters.
  bool next() {
    while (reader_.length() > 0) {
      std::uint64_t tag = 0;
      const std::size_t length = strict_varint(reader_.data(), tag);
      if (length > 5 || tag > 0xFFFFFFFFU) refuse(message_ + " has a tag that does not fit in 32 bits");
      (void)reader_.next();  // throws on field number 0 and on groups
      const auto found = std::find_if(table_.begin(), table_.end(), [&](const Field& f) { return f.number == reader_.tag(); });
      if (found == table_.end() || found->use == Use::refuse)
        refuse(message_ + " has field " + std::to_string(reader_.tag()) + ", which is not supported");
      check_wire(*found);
      if (found->singular && !seen_.insert(found->number).second)
        refuse(message_ + " has field " + std::to_string(found->number) + " twice");
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
    if (value >= (std::uint64_t{1} << 31)) refuse("field " + std::to_string(number()) + " of " + message_ + " does not fit in 31 bits");
    return static_cast<std::uint32_t>(value);
  }
  std::uint32_t fixed32() { return reader_.get_fixed32(); }

  protozero::data_view view() {
    std::uint64_t length = 0;
    const protozero::data_view rest = reader_.data();
    const std::size_t prefix = strict_varint(rest, length);
    if (prefix > 5 || length > rest.size() - prefix) refuse("field " + std::to_string(number()) + " of " + message_ + " is longer than its message");
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
    if (!is_name(text)) refuse("field " + std::to_string(number()) + " of " + message_ + " is not a name (UTF-8, no control characters)");
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
      if (packed.size() % width != 0) refuse("a packed field of " + message_ + " ends within an element");
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
    refuse("field " + std::to_string(field.number) + " of " + message_ + " has the wrong wire type");
  }

  protozero::pbf_reader reader_;
  const Table& table_;
  std::string message_;
  Budget& budget_;
  std::set<std::uint32_t> seen_;
};

// The tables of formats/onnx.md, section 2.
constexpr auto V = Wire::varint;
constexpr auto B = Wire::bytes;
constexpr auto W4 = Wire::fixed32;
constexpr auto W8 = Wire::fixed64;
const Table kModel = {{1, V, true, Use::read},  {7, B, true, Use::read},  {8, B, false, Use::read}, {2, B, true, Use::skip},
                      {3, B, true, Use::skip},  {4, B, true, Use::skip},  {6, B, true, Use::skip},  {5, V, true, Use::skip},
                      {14, B, false, Use::skip}};
const Table kOpset = {{1, B, true, Use::read}, {2, V, true, Use::read}};
const Table kGraph = {{1, B, false, Use::read}, {5, B, false, Use::read}, {11, B, false, Use::read}, {12, B, false, Use::read},
                      {2, B, true, Use::skip},  {10, B, true, Use::skip}, {13, B, false, Use::skip}, {16, B, false, Use::skip}};
const Table kNode = {{1, B, false, Use::read}, {2, B, false, Use::read}, {3, B, true, Use::read}, {4, B, true, Use::read}, {7, B, true, Use::read},
                     {8, B, true, Use::read},  {5, B, false, Use::read}, {6, B, true, Use::skip}, {9, B, false, Use::skip}};
const Table kAttribute = {{1, B, true, Use::read},       {21, B, true, Use::read},      {20, V, true, Use::read},      {2, W4, true, Use::read},
                          {3, V, true, Use::read},       {4, B, true, Use::read},       {5, B, true, Use::read},       {7, W4, false, Use::read},
                          {8, V, false, Use::read},      {6, B, true, Use::presence},   {14, B, true, Use::presence},  {22, B, true, Use::presence},
                          {9, B, false, Use::presence},  {10, B, false, Use::presence}, {11, B, false, Use::presence}, {15, B, false, Use::presence},
                          {23, B, false, Use::presence}, {13, B, true, Use::skip}};
const Table kTensor = {{1, V, false, Use::read},  {2, V, true, Use::read},   {4, W4, false, Use::read},     {5, V, false, Use::read},
                       {7, V, false, Use::read},  {10, W8, false, Use::read}, {8, B, true, Use::read},       {9, B, true, Use::read},
                       {13, B, false, Use::read}, {14, V, true, Use::read},  {6, B, false, Use::presence},  {11, V, false, Use::presence},
                       {12, B, true, Use::skip},  {16, B, false, Use::skip}};
const Table kEntry = {{1, B, true, Use::read}, {2, B, true, Use::read}};
const Table kValueInfo = {{1, B, true, Use::read}, {2, B, true, Use::read}, {3, B, true, Use::skip}, {4, B, false, Use::skip}};
const Table kType = {{1, B, true, Use::read},     {4, B, true, Use::presence}, {5, B, true, Use::presence}, {7, B, true, Use::presence},
                     {8, B, true, Use::presence}, {9, B, true, Use::presence}, {6, B, true, Use::skip}};
const Table kTensorType = {{1, V, true, Use::read}, {2, B, true, Use::read}};
const Table kShape = {{1, B, false, Use::read}};
const Table kDimension = {{1, V, true, Use::read}, {2, B, true, Use::read}, {3, B, true, Use::skip}};

constexpr std::uint64_t kElements = std::uint64_t{1} << 28;

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

struct RawNode {
  std::string op, domain, overload;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Attribute> attributes;
};

struct Dimension {
  bool known = false;
  std::uint64_t value = 0;
};

struct ValueInfo {
  std::string name;
  bool tensor = false;
  std::uint32_t type = 0;
  bool has_shape = false;
  std::vector<Dimension> shape;
};

// ---------------------------------------------------------------------------------------------------------------------------- messages

class Reader {
 public:
  Reader(const OnnxOptions& options, std::vector<ExternalFile>& external) : options_(options), external_(external) {}

  Graph read(const std::string& bytes) {
    if (bytes.empty() || bytes.size() > 2147483647U) refuse("a model has 1 to 2147483647 bytes");
    model(protozero::data_view(bytes.data(), bytes.size()));
    return build();
  }

 private:
  void model(protozero::data_view bytes) {
    Fields f(bytes, kModel, "ModelProto", budget_);
    std::set<std::string> domains;
    while (f.next()) {
      if (f.number() == 1) {
        ir_version_ = f.integer();
      } else if (f.number() == 7) {
        graph(f.message());
      } else {
        std::string domain;
        std::int64_t version = 0;
        Fields g(f.message(), kOpset, "OperatorSetIdProto", budget_);
        while (g.next()) {
          if (g.number() == 1)
            domain = g.name();
          else
            version = g.integer();
        }
        if (domain == "ai.onnx") domain.clear();
        if (!domains.insert(domain).second) refuse("the operator set of one domain is named twice");
        if (domain.empty()) opset_ = version;
      }
    }
    if (!f.has(1) || ir_version_ < 3 || ir_version_ > 14) refuse("its IR version is not between 3 and 14");
    if (!f.has(7)) refuse("it has no graph");
    if (opset_ < 8 || opset_ > 20) refuse("its version of the default operator set is not between 8 and 20");
  }

  void graph(protozero::data_view bytes) {
    Fields f(bytes, kGraph, "GraphProto", budget_);
    while (f.next()) {
      switch (f.number()) {
        case 1: nodes_.push_back(node(f.message())); break;
        case 5: initialisers_.push_back(tensor(f.message())); break;
        case 11: inputs_.push_back(value_info(f.message())); break;
        default: outputs_.push_back(value_info(f.message()));
      }
    }
  }

  RawNode node(protozero::data_view bytes) {
    RawNode out;
    Fields f(bytes, kNode, "NodeProto", budget_);
    while (f.next()) {
      switch (f.number()) {
        case 1: out.inputs.push_back(f.name()); break;
        case 2: out.outputs.push_back(f.name()); break;
        case 3: (void)f.name(); break;
        case 4: out.op = f.name(); break;
        case 7: out.domain = f.name(); break;
        case 8: out.overload = f.name(); break;
        default: {
          std::string name;
          Attribute value = attribute(f.message(), name);
          if (!out.attributes.emplace(name, std::move(value)).second) refuse("a node has the attribute '" + printable(name) + "' twice");
        }
      }
    }
    if (out.op.empty()) refuse("a node has no operator");
    return out;
  }

  Attribute attribute(protozero::data_view bytes, std::string& name) {
    Attribute out;
    std::string reference;
    std::vector<std::uint64_t> numbers;
    std::string words;
    Fields f(bytes, kAttribute, "AttributeProto", budget_);
    while (f.next()) {
      switch (f.number()) {
        case 1: name = f.name(); break;
        case 21: reference = f.name(); break;
        case 20: out.kind = f.small(); break;
        case 2: out.real = f.fixed32(); break;
        case 3: out.integer = f.integer(); break;
        case 4: {
          const protozero::data_view text = f.view();
          out.text.assign(text.data(), text.size());
          break;
        }
        case 5: out.tensor = tensor(f.message()).tensor; break;
        case 7: f.words(4, words); break;
        default: f.varints(numbers);
      }
    }
    if (name.empty() || !f.has(20)) refuse("an attribute has no name or no type");
    if (!reference.empty()) refuse("the attribute '" + printable(name) + "' refers to a function's attribute");
    // Field that holds the value of each kind that is read: 1 f, 2 i, 3 s, 4 t, 6 floats, 7 ints.
    static const std::map<std::uint32_t, std::uint32_t> field_of = {{1, 2}, {2, 3}, {3, 4}, {4, 5}, {6, 7}, {7, 8}};
    const auto own = field_of.find(out.kind);
    if (own == field_of.end()) refuse("the attribute '" + printable(name) + "' is of a kind that is not supported");
    for (const std::uint32_t number : {2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, 14U, 15U, 22U, 23U})
      if (number != own->second && f.has(number)) refuse("the attribute '" + printable(name) + "' has a value that is not of its type");
    if (out.kind == 4 && !f.has(5)) refuse("the attribute '" + printable(name) + "' lacks its tensor");
    for (const std::uint64_t n : numbers) out.integers.push_back(static_cast<std::int64_t>(n));
    for (std::size_t i = 0; i < words.size(); i += 4) {
      std::uint32_t word = 0;
      for (std::size_t k = 4; k-- > 0;) word = word << 8 | static_cast<unsigned char>(words[i + k]);
      out.reals.push_back(word);
    }
    bool finite = is_finite(kFloat32, out.real);
    for (const std::uint32_t word : out.reals) finite = finite && is_finite(kFloat32, word);
    if (!finite) refuse("the attribute '" + printable(name) + "' is not finite");
    return out;
  }

  NamedTensor tensor(protozero::data_view bytes) {
    NamedTensor out;
    std::vector<std::uint64_t> dims;
    std::string fixed;                    // float_data or double_data
    std::vector<std::uint64_t> integers;  // int32_data or int64_data
    std::map<std::string, std::string> entries;
    std::uint32_t location = 0;
    Fields f(bytes, kTensor, "TensorProto", budget_);
    std::string raw;
    while (f.next()) {
      switch (f.number()) {
        case 1:
          f.varints(dims);
          if (dims.size() > 16) refuse("a tensor has more than 16 dimensions");
          break;
        case 2: out.tensor.type = f.small(); break;
        case 4: f.words(4, fixed); break;
        case 10: f.words(8, fixed); break;
        case 5:
        case 7: f.varints(integers); break;
        case 8: out.name = f.name(); break;
        case 9: {
          const protozero::data_view data = f.view();
          raw.assign(data.data(), data.size());
          break;
        }
        case 13: {
          std::string key;
          std::string value;
          Fields g(f.message(), kEntry, "StringStringEntryProto", budget_);
          while (g.next()) {
            if (g.number() == 1)
              key = g.name();
            else
              value = g.name();
          }
          if (!entries.emplace(key, value).second) refuse("external data of a tensor has the key '" + printable(key) + "' twice");
          break;
        }
        default: location = f.small();
      }
    }
    const std::string what = "the tensor '" + printable(out.name) + "'";
    const std::uint64_t size = byte_size(out.tensor.type);
    if (!f.has(2) || size == 0) refuse(what + " has element type " + std::to_string(out.tensor.type) + ", which is not supported");
    std::uint64_t elements = 1;
    for (const std::uint64_t d : dims)
      if (d == 0 || d > kElements || (elements *= d) > kElements) refuse(what + " is empty, has a negative dimension, or more than 2^28 elements");
    out.tensor.shape = dims;

    const std::uint32_t typed = out.tensor.type == kFloat32   ? 4
                                : out.tensor.type == kFloat64 ? 10
                                : out.tensor.type == kInt64   ? 7
                                                              : 5;
    if (location > 1 || (f.has(13) && location != 1)) refuse(what + " has a data location that is not supported");
    int places = (f.has(9) ? 1 : 0) + (location == 1 ? 1 : 0);
    for (const std::uint32_t number : {4U, 5U, 6U, 7U, 10U, 11U})
      if (f.has(number)) places += number == typed ? 1 : 2;
    if (places != 1) refuse(what + " does not have its data in exactly one place of its type");
    if (location == 1) {
      raw = external_data(entries, elements * size, what);
    } else if (typed == 4 || typed == 10) {
      if (f.has(typed)) raw = std::move(fixed);
    } else if (f.has(typed)) {
      if (integers.size() != elements) refuse(what + " has " + std::to_string(integers.size()) + " elements, not " + std::to_string(elements));
      for (const std::uint64_t word : integers) {
        const auto value = static_cast<std::int64_t>(word);
        const bool fits = typed == 7                        ? true
                          : out.tensor.type == kInt32       ? value >= INT32_MIN && value <= INT32_MAX
                          : out.tensor.type == kBool        ? value >= 0 && value <= 1
                                                            : value >= 0 && value <= 0xFFFF;
        if (!fits) refuse(what + " has an element out of the range of its type");
        for (std::uint64_t k = 0; k < size; ++k) raw.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
      }
    }
    if (raw.size() != elements * size)
      refuse(what + " has " + std::to_string(raw.size()) + " bytes of data, not " + std::to_string(elements * size));
    check_elements(out.tensor.type, raw, what);
    out.tensor.bits = std::move(raw);
    return out;
  }

  static void check_elements(std::uint32_t type, const std::string& raw, const std::string& what) {
    const std::uint64_t size = byte_size(type);
    if (type != kBool && !is_floating(type)) return;
    for (std::size_t i = 0; i < raw.size(); i += size) {
      std::uint64_t word = 0;
      for (std::uint64_t k = size; k-- > 0;) word = word << 8 | static_cast<unsigned char>(raw[i + k]);
      if (type == kBool ? word > 1 : !is_finite(type, word))
        refuse(what + " has an element that is " + (type == kBool ? "neither 0 nor 1" : "not finite"));
    }
  }

  static std::uint64_t offset_of(const std::map<std::string, std::string>& entries, const char* key, const std::string& what, bool& given) {
    const auto found = entries.find(key);
    given = found != entries.end();
    if (!given) return 0;
    const std::string& text = found->second;
    const bool digits = !text.empty() && text.size() <= 19 && text.find_first_not_of("0123456789") == std::string::npos && (text.size() == 1 || text[0] != '0');
    std::uint64_t value = 0;
    if (digits)
      for (const char c : text) value = 10 * value + static_cast<std::uint64_t>(c - '0');
    if (!digits || value >= (std::uint64_t{1} << 63)) refuse(what + " has a bad " + key + " of external data");
    return value;
  }

  std::string external_data(const std::map<std::string, std::string>& entries, std::uint64_t bytes, const std::string& what) {
    if (!options_.allow_external_data) refuse(what + " has its data in another file; allow that with --allow-external-data");
    for (const auto& [key, value] : entries)
      if (key != "location" && key != "offset" && key != "length" && key != "checksum")
        refuse(what + " has external data with the key '" + printable(key) + "'");
    const auto location = entries.find("location");
    if (location == entries.end()) refuse(what + " has external data without a location");
    const std::string& name = location->second;
    if (name.empty() || name.size() > 255 || name.find_first_of("/\\") != std::string::npos || name == "." || name == "..")
      refuse(what + " has external data in '" + printable(name) + "', which is not a plain file name");
    bool has_length = false;
    bool has_offset = false;
    const std::uint64_t length = offset_of(entries, "length", what, has_length);
    const std::uint64_t offset = offset_of(entries, "offset", what, has_offset);
    auto found = files_.find(name);
    if (found == files_.end()) {
      const std::string path = (options_.folder.empty() ? std::string(".") : options_.folder) + "/" + name;
      found = files_.emplace(name, read_file(path, 2147483647U, "the external data file", true)).first;
      external_.push_back({name, found->second.size(), sha256_hex(found->second)});
      std::sort(external_.begin(), external_.end(), [](const ExternalFile& a, const ExternalFile& b) { return a.name < b.name; });
    }
    const std::string& content = found->second;
    if (bytes > external_left_) refuse("its tensors take more than 2147483647 bytes from other files");
    external_left_ -= bytes;
    if (offset > content.size() || (has_length ? length : content.size() - offset) != bytes || bytes > content.size() - offset)
      refuse(what + " does not fit the external data in '" + printable(name) + "'");
    return content.substr(offset, bytes);
  }

  ValueInfo value_info(protozero::data_view bytes) {
    ValueInfo out;
    Fields f(bytes, kValueInfo, "ValueInfoProto", budget_);
    while (f.next()) {
      if (f.number() == 1) {
        out.name = f.name();
        continue;
      }
      Fields g(f.message(), kType, "TypeProto", budget_);
      while (g.next()) {
        out.tensor = true;
        Fields h(g.message(), kTensorType, "TypeProto.Tensor", budget_);
        while (h.next()) {
          if (h.number() == 1) {
            out.type = h.small();
          } else {
            out.has_shape = true;
            Fields s(h.message(), kShape, "TensorShapeProto", budget_);
            while (s.next()) {
              Dimension d;
              Fields e(s.message(), kDimension, "Dimension", budget_);
              while (e.next()) {
                if (e.number() == 1) {
                  d.known = true;
                  d.value = e.varint();
                } else {
                  (void)e.name();
                }
              }
              if (e.has(1) && e.has(2)) refuse("a dimension has both a number and a name");
              if (out.shape.size() == 16) refuse("a shape has more than 16 dimensions");
              out.shape.push_back(d);
            }
          }
        }
      }
      int choices = 0;
      for (const std::uint32_t number : {1U, 4U, 5U, 7U, 8U, 9U}) choices += g.has(number) ? 1 : 0;
      if (choices > 1) refuse("a type has several choices");
    }
    if (out.name.empty()) refuse("an input or output of the graph has no name");
    return out;
  }

  // --------------------------------------------------------------------------------------------------------------------------- graph

  Graph build() {
    Graph graph;
    graph.opset = static_cast<std::uint64_t>(opset_);
    std::map<std::string, ValueId> names;
    for (NamedTensor& item : initialisers_) graph.initialisers.push_back(std::move(item.tensor));
    graph.values.resize(1 + graph.initialisers.size());
    for (std::size_t i = 0; i < graph.initialisers.size(); ++i) {
      const std::string& name = initialisers_[i].name;
      if (name.empty() || !names.emplace(name, i + 1).second) refuse("an initialiser has no name or the name of another one: '" + printable(name) + "'");
      Value& value = graph.values[i + 1];
      value.kind = Value::Kind::initialiser;
      value.name = name;
      value.type = graph.initialisers[i].type;
      value.shape = graph.initialisers[i].shape;
      value.constant = true;
      value.known = &graph.initialisers[i];
    }
    input(graph, names);
    graph.nodes.reserve(nodes_.size());
    for (RawNode& raw : nodes_) add_node(graph, raw, names);
    output(graph, names);
    every_node_matters(graph);
    return graph;
  }

  void input(Graph& graph, std::map<std::string, ValueId>& names) {
    std::set<std::string> seen;
    const ValueInfo* data = nullptr;
    for (const ValueInfo& info : inputs_) {
      if (!seen.insert(info.name).second) refuse("two inputs have the name '" + printable(info.name) + "'");
      const auto found = names.find(info.name);
      if (found == names.end()) {
        if (data != nullptr) refuse("it has several inputs ('" + printable(data->name) + "', '" + printable(info.name) + "')");
        data = &info;
        continue;
      }
      if (ir_version_ >= 4) refuse("the initialiser '" + printable(info.name) + "' can be overridden, because it is also an input");
      const Value& value = graph.values[found->second];
      bool same = info.tensor && info.type == value.type && (!info.has_shape || info.shape.size() == value.shape.size());
      for (std::size_t k = 0; same && info.has_shape && k < info.shape.size(); ++k)
        same = !info.shape[k].known || info.shape[k].value == value.shape[k];
      if (!same) refuse("the input '" + printable(info.name) + "' contradicts the initialiser of that name");
    }
    if (data == nullptr) refuse("it has no input");
    if (!data->tensor || !is_floating(data->type) || !data->has_shape) refuse("its input is not a floating-point tensor with a shape");
    Value& value = graph.values[0];
    value.kind = Value::Kind::input;
    value.name = data->name;
    value.type = data->type;
    std::uint64_t elements = 1;
    for (std::size_t k = 0; k < data->shape.size(); ++k) {
      const std::uint64_t d = data->shape[k].known ? data->shape[k].value : 1;
      if (d == 0 || d > kElements || (elements *= d) > kElements) refuse("its input is empty or has more than 2^28 elements");
      value.shape.push_back(d);
      if (!data->shape[k].known) graph.symbolic.push_back(k);
    }
    names.emplace(data->name, 0);
  }

  void add_node(Graph& graph, RawNode& raw, std::map<std::string, ValueId>& names) {
    const std::size_t index = graph.nodes.size();
    const std::string what = "node " + std::to_string(index) + " (" + printable(raw.op) + ") ";
    Node node;
    node.type = raw.op;
    if ((!raw.domain.empty() && raw.domain != "ai.onnx") || !raw.overload.empty()) refuse(what + "is not of the default operator domain");
    if (!find_operator(raw.op, node.op)) refuse(what + "is of an operator that is not supported");
    while (!raw.inputs.empty() && raw.inputs.back().empty()) raw.inputs.pop_back();
    while (!raw.outputs.empty() && raw.outputs.back().empty()) raw.outputs.pop_back();
    for (const std::string& name : raw.inputs) {
      if (name.empty()) {
        node.inputs.push_back(kAbsent);
        continue;
      }
      const auto found = names.find(name);
      if (found == names.end()) refuse(what + "reads '" + printable(name) + "', which is not defined before it");
      if (graph.values[found->second].unusable) refuse(what + "reads the mask of a Dropout or the indices of a TopK");
      node.inputs.push_back(found->second);
    }
    fill_attributes(graph, node, std::move(raw.attributes), raw.outputs.size(), what);
    graph.nodes.push_back(std::move(node));
    infer(graph, index, raw.outputs);
    const Node& added = graph.nodes[index];
    for (std::size_t k = 0; k < raw.outputs.size(); ++k) {
      if (added.outputs[k] == kAbsent) continue;
      if (!names.emplace(raw.outputs[k], added.outputs[k]).second) refuse(what + "writes '" + printable(raw.outputs[k]) + "', which is already there");
    }
  }

  void output(Graph& graph, const std::map<std::string, ValueId>& names) const {
    if (outputs_.size() != 1) refuse("it has " + std::to_string(outputs_.size()) + " outputs, not one");
    const ValueInfo& info = outputs_[0];
    const auto found = names.find(info.name);
    if (found == names.end() || graph.values[found->second].kind != Value::Kind::node_output || graph.values[found->second].unusable)
      refuse("its output '" + printable(info.name) + "' is not computed by a node");
    const Value& value = graph.values[found->second];
    if (value.constant) refuse("its output does not depend on its input");
    bool same = info.tensor && info.type == value.type && (!info.has_shape || info.shape.size() == value.shape.size());
    for (std::size_t k = 0; same && info.has_shape && k < info.shape.size(); ++k)
      same = !info.shape[k].known || info.shape[k].value == value.shape[k];
    if (!same) refuse("the declared type or shape of its output is not the one that follows from the graph (" + text_of(value.shape) + ")");
    graph.output = found->second;
  }

  static void every_node_matters(const Graph& graph) {
    std::vector<bool> needed(graph.nodes.size(), false);
    needed[graph.values[graph.output].producer] = true;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      if (!needed[i] || graph.nodes[i].op == Op::shape) continue;  // a Shape reads no data
      for (const ValueId id : graph.nodes[i].inputs)
        if (id != kAbsent && graph.values[id].kind == Value::Kind::node_output) needed[graph.values[id].producer] = true;
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (!needed[i] && !graph.values[graph.nodes[i].outputs[0]].constant) refuse(graph.label(i) + " has no influence on the output");
  }

  const OnnxOptions& options_;
  std::vector<ExternalFile>& external_;
  Budget budget_;
  std::int64_t ir_version_ = 0;
  std::int64_t opset_ = 0;
  std::vector<RawNode> nodes_;
  std::vector<NamedTensor> initialisers_;
  std::vector<ValueInfo> inputs_, outputs_;
  std::map<std::string, std::string> files_;  // external data, each read once
  std::uint64_t external_left_ = 2147483647U;
};

}  // namespace

Graph read_onnx(const std::string& bytes, const OnnxOptions& options, std::vector<ExternalFile>& external) {
  try {
    return Reader(options, external).read(bytes);
  } catch (const protozero::exception& error) {
    refuse(std::string("it is not a protobuf message (") + error.what() + ")");
  }
}

}  // namespace lipverify
