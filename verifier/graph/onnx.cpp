// See onnx.hpp. Three layers: `Fields` walks over one protobuf message by protozero, but first checks what protozero would let through (tags and
// varints that do not fit, lengths cut to 32 bits, unknown and repeated fields: wire.hpp); then one function per ONNX message, here; then the
// graph's rules (build.cpp).
#include "verifier/graph/onnx.hpp"

#include <algorithm>
#include <map>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/raw_model.hpp"
#include "verifier/graph/wire.hpp"

namespace lipverify {

namespace {

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

// ---------------------------------------------------------------------------------------------------------------------------- messages

class Reader {
 public:
  Reader(const OnnxOptions& options, std::vector<ExternalFile>& external) : options_(options), external_(external) {}

  Graph read(const std::string& bytes) {
    if (bytes.empty() || bytes.size() > 2147483647U) refuse_model("a model has 1 to 2147483647 bytes");
    model(protozero::data_view(bytes.data(), bytes.size()));
    return graph_of(model_, options_);
  }

 private:
  void model(protozero::data_view bytes) {
    Fields f(bytes, kModel, "ModelProto", budget_);
    std::map<std::string, std::int64_t> domains;
    while (f.next()) {
      if (f.number() == 1) {
        model_.ir_version = f.integer();
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
        if (domains.emplace(domain, version).first->second != version) refuse_model("the operator set of one domain is named in two versions");
        if (domain.empty()) model_.opset = version;
      }
    }
    if (!f.has(1) || model_.ir_version < 3 || model_.ir_version > 14) refuse_model("its IR version is not between 3 and 14");
    if (!f.has(7)) refuse_model("it has no graph");
    if (model_.opset < 8 || model_.opset > 23) refuse_model("its version of the default operator set is not between 8 and 23");
  }

  void graph(protozero::data_view bytes) {
    Fields f(bytes, kGraph, "GraphProto", budget_);
    while (f.next()) {
      switch (f.number()) {
        case 1: model_.nodes.push_back(node(f.message())); break;
        case 5: model_.initialisers.push_back(tensor(f.message())); break;
        case 11: model_.inputs.push_back(value_info(f.message())); break;
        default: model_.outputs.push_back(value_info(f.message()));
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
          if (!out.attributes.emplace(name, std::move(value)).second) refuse_model("a node has the attribute '" + printable(name) + "' twice");
        }
      }
    }
    if (out.op.empty()) refuse_model("a node has no operator");
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
    if (name.empty() || !f.has(20)) refuse_model("an attribute has no name or no type");
    if (!reference.empty()) refuse_model("the attribute '" + printable(name) + "' refers to a function's attribute");
    // Field that holds the value of each kind that is read: 1 f, 2 i, 3 s, 4 t, 6 floats, 7 ints.
    static const std::map<std::uint32_t, std::uint32_t> field_of = {{1, 2}, {2, 3}, {3, 4}, {4, 5}, {6, 7}, {7, 8}};
    const auto own = field_of.find(out.kind);
    if (own == field_of.end()) refuse_model("the attribute '" + printable(name) + "' is of a kind that is not supported");
    for (const std::uint32_t number : {2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, 14U, 15U, 22U, 23U})
      if (number != own->second && f.has(number)) refuse_model("the attribute '" + printable(name) + "' has a value that is not of its type");
    if (out.kind == 4 && !f.has(5)) refuse_model("the attribute '" + printable(name) + "' lacks its tensor");
    for (const std::uint64_t n : numbers) out.integers.push_back(static_cast<std::int64_t>(n));
    for (std::size_t i = 0; i < words.size(); i += 4) {
      std::uint32_t word = 0;
      for (std::size_t k = 4; k-- > 0;) word = word << 8 | static_cast<unsigned char>(words[i + k]);
      out.reals.push_back(word);
    }
    bool finite = is_finite(kFloat32, out.real);
    for (const std::uint32_t word : out.reals) finite = finite && is_finite(kFloat32, word);
    if (!finite) refuse_model("the attribute '" + printable(name) + "' is not finite");
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
          if (dims.size() > 16) refuse_model("a tensor has more than 16 dimensions");
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
          if (!entries.emplace(key, value).second) refuse_model("external data of a tensor has the key '" + printable(key) + "' twice");
          break;
        }
        default: location = f.small();
      }
    }
    const std::string what = "the tensor '" + printable(out.name) + "'";
    const std::uint64_t size = byte_size(out.tensor.type);
    if (!f.has(2) || size == 0) refuse_model(what + " has element type " + std::to_string(out.tensor.type) + ", which is not supported");
    std::uint64_t elements = 1;
    for (const std::uint64_t d : dims)  // an empty list is a tensor, which Resize alone may read
      if ((d == 0 && dims.size() != 1) || d > kElements || (elements *= d) > kElements) refuse_model(what + " is empty, has a negative dimension, or more than 2^28 elements");
    out.tensor.shape = dims;

    const std::uint32_t typed = out.tensor.type == kFloat32   ? 4
                                : out.tensor.type == kFloat64 ? 10
                                : out.tensor.type == kInt64   ? 7
                                                              : 5;
    if (location > 1 || (f.has(13) && location != 1)) refuse_model(what + " has a data location that is not supported");
    int places = (f.has(9) ? 1 : 0) + (location == 1 ? 1 : 0);
    for (const std::uint32_t number : {4U, 5U, 6U, 7U, 10U, 11U})
      if (f.has(number)) places += number == typed ? 1 : 2;
    if (places != 1 && !(elements == 0 && places == 0)) refuse_model(what + " does not have its data in exactly one place of its type");
    if (location == 1) {
      raw = external_data(entries, elements * size, what);
    } else if (typed == 4 || typed == 10) {
      if (f.has(typed)) raw = std::move(fixed);
    } else if (f.has(typed)) {
      if (integers.size() != elements) refuse_model(what + " has " + std::to_string(integers.size()) + " elements, not " + std::to_string(elements));
      for (const std::uint64_t word : integers) {
        const auto value = static_cast<std::int64_t>(word);
        const bool fits = typed == 7                        ? true
                          : out.tensor.type == kInt32       ? value >= INT32_MIN && value <= INT32_MAX
                          : out.tensor.type == kBool        ? value >= 0 && value <= 1
                          : out.tensor.type == kInt8        ? value >= INT8_MIN && value <= INT8_MAX
                          : out.tensor.type == kUint8       ? value >= 0 && value <= UINT8_MAX
                                                            : value >= 0 && value <= 0xFFFF;
        if (!fits) refuse_model(what + " has an element out of the range of its type");
        for (std::uint64_t k = 0; k < size; ++k) raw.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
      }
    }
    if (raw.size() != elements * size)
      refuse_model(what + " has " + std::to_string(raw.size()) + " bytes of data, not " + std::to_string(elements * size));
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
        refuse_model(what + " has an element that is " + (type == kBool ? "neither 0 nor 1" : "not finite"));
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
    if (!digits || value >= (std::uint64_t{1} << 63)) refuse_model(what + " has a bad " + key + " of external data");
    return value;
  }

  std::string external_data(const std::map<std::string, std::string>& entries, std::uint64_t bytes, const std::string& what) {
    if (!options_.allow_external_data) refuse_model(what + " has its data in another file; allow that with --allow-external-data");
    for (const auto& [key, value] : entries)
      if (key != "location" && key != "offset" && key != "length" && key != "checksum")
        refuse_model(what + " has external data with the key '" + printable(key) + "'");
    const auto location = entries.find("location");
    if (location == entries.end()) refuse_model(what + " has external data without a location");
    const std::string& name = location->second;
    if (name.empty() || name.size() > 255 || name.find_first_of("/\\") != std::string::npos || name == "." || name == "..")
      refuse_model(what + " has external data in '" + printable(name) + "', which is not a plain file name");
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
    if (bytes > external_left_) refuse_model("its tensors take more than 2147483647 bytes from other files");
    external_left_ -= bytes;
    if (offset > content.size() || (has_length ? length : content.size() - offset) != bytes || bytes > content.size() - offset)
      refuse_model(what + " does not fit the external data in '" + printable(name) + "'");
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
                  d.name = e.name();
                }
              }
              if (e.has(1) && e.has(2)) refuse_model("a dimension has both a number and a name");
              if (out.shape.size() == 16) refuse_model("a shape has more than 16 dimensions");
              out.shape.push_back(d);
            }
          }
        }
      }
      int choices = 0;
      for (const std::uint32_t number : {1U, 4U, 5U, 7U, 8U, 9U}) choices += g.has(number) ? 1 : 0;
      if (choices > 1) refuse_model("a type has several choices");
    }
    if (out.name.empty()) refuse_model("an input or output of the graph has no name");
    return out;
  }

  const OnnxOptions& options_;
  std::vector<ExternalFile>& external_;
  MessageBudget budget_;
  RawModel model_;
  std::map<std::string, std::string> files_;  // external data, each read once
  std::uint64_t external_left_ = 2147483647U;
};

}  // namespace

Graph read_onnx(const std::string& bytes, const OnnxOptions& options, std::vector<ExternalFile>& external) {
  try {
    return Reader(options, external).read(bytes);
  } catch (const protozero::exception& error) {
    refuse_model(std::string("it is not a protobuf message (") + error.what() + ")");
  }
}

}  // namespace lipverify
