// The ONNX reader: wire-level scan, protobuf, then the rules of formats/onnx.md, sections 3 to 5.
//
// Names are resolved in file order, which ONNX wants to be topological; a name that is read before it is defined ends reading, so cycles
// and dangling names cannot occur afterwards. A node that is not supported is put on the list of refusals and its outputs become unknown;
// what reads an unknown value is left out silently, because its own cause is already on the list.
#include "formats/onnx/reader.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "formats/encoding/error.hpp"
#include "formats/network/operators.hpp"
#include "formats/onnx/attributes.hpp"
#include "formats/onnx/remedies.hpp"
#include "formats/onnx/tensor.hpp"
#include "formats/onnx/wire.hpp"
#include "formats/operators/inference.hpp"
#include "onnx.pb.h"

namespace lipcert {

namespace {

constexpr std::int64_t first_ir_version = 3;
constexpr std::int64_t last_ir_version = 14;

bool is_default_domain(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

class GraphReader {
 public:
  GraphReader(const onnx::ModelProto& model, const OnnxOptions& options)
      : model_(model), graph_(model.graph()), options_(options), tensors_(options) {}

  Network read() {
    read_versions();
    read_constants_and_input();
    for (int k = 0; k < graph_.node_size(); ++k) read_node(graph_.node(k), static_cast<std::size_t>(k));
    read_output();
    if (network_.refusals.empty()) refuse_idle_nodes();
    network_.external_files = tensors_.files();
    return std::move(network_);
  }

 private:
  // What a name stands for. `value` is absent when it was refused.
  struct Name {
    std::optional<ValueId> value;
  };
  [[noreturn]] void fail(const std::string& sentence) const { throw input_error(options_.file + ": " + sentence); }

  void refuse(const std::string& node, const std::string& op, const std::string& reason) {
    network_.refusals.push_back({node, op, reason});
  }

  void read_versions() {
    const std::int64_t version = model_.ir_version();
    if (version < first_ir_version || version > last_ir_version)
      fail("the IR version is " + std::to_string(version) + "; versions 3 to 14 are read: export the model with a current tool.");
    bool found = false;
    std::unordered_set<std::string> domains;
    for (const auto& opset : model_.opset_import()) {
      const bool standard = is_default_domain(opset.domain());
      if (!domains.insert(standard ? "" : opset.domain()).second)
        fail("the operator domain '" + opset.domain() +
             "' is imported twice; readers disagree on which version holds, so the file is refused.");
      if (!standard) continue;
      found = true;
      if (opset.version() < static_cast<std::int64_t>(first_opset) || opset.version() > static_cast<std::int64_t>(last_opset))
        fail("the model uses opset " + std::to_string(opset.version()) + "; opsets 8 to 20 are read: export it again with one of these.");
      network_.opset = static_cast<std::uint64_t>(opset.version());
    }
    if (!found) fail("the model does not say which opset of the ONNX operators it uses; the file is damaged.");
  }

  // A shape of the file, with the positions of symbolic dimensions (taken as 1).
  Shape read_shape(const onnx::TensorShapeProto& shape, const std::string& name, std::vector<std::uint64_t>& symbolic) const {
    Shape result;
    for (const auto& dimension : shape.dim()) {
      if (!dimension.has_dim_value()) {
        symbolic.push_back(result.size());
        result.push_back(1);
        continue;
      }
      if (dimension.dim_value() < 1)
        fail("'" + name + "' has the dimension " + std::to_string(dimension.dim_value()) +
             "; a fixed dimension is at least 1, an open one is symbolic.");
      result.push_back(static_cast<std::uint64_t>(dimension.dim_value()));
    }
    return result;
  }

  ValueId add_value(Value value) {
    network_.values.push_back(std::move(value));
    return network_.values.size() - 1;
  }

  void read_constants_and_input() {
    // Names first: which graph inputs are constants in disguise depends on all initialisers.
    std::unordered_map<std::string, const onnx::TensorProto*> initialisers;
    for (const auto& tensor : graph_.initializer()) {
      if (tensor.name().empty()) fail("an initialiser has no name; the file is damaged.");
      if (!initialisers.emplace(tensor.name(), &tensor).second)
        fail("two initialisers have the name '" + tensor.name() + "'; the file is damaged.");
    }
    const onnx::ValueInfoProto* input = nullptr;
    std::size_t inputs = 0;
    for (const auto& info : graph_.input()) {
      if (!input_names_.insert(info.name()).second) fail("two graph inputs have the name '" + info.name() + "'; the file is damaged.");
      const auto constant = initialisers.find(info.name());
      if (constant == initialisers.end()) {
        ++inputs;
        if (input == nullptr) input = &info;
        if (inputs > 1) names_.emplace(info.name(), Name{});
      } else if (model_.ir_version() > first_ir_version) {
        refuse(
            info.name(), "",
            "The weight '" + info.name() + "' is also a graph input, so that a caller could replace it; remove it from the graph inputs.");
      } else {
        check_repeated_type(info, *constant->second);
      }
    }
    network_.values.emplace_back();
    if (inputs == 0) {
      refuse("model", "", "The model has no input that is not a weight; there is nothing to bound.");
    } else {
      if (inputs > 1)
        refuse(graph_.input(graph_.input_size() - 1).name(), "",
               "The model has " + std::to_string(inputs) + " inputs; a certificate speaks of one: join them in the model.");
      read_input(*input);
    }
    for (const auto& tensor : graph_.initializer()) read_initialiser(tensor);
  }

  // With IR version 3 every initialiser is listed among the inputs too: the entry must repeat what the tensor says.
  void check_repeated_type(const onnx::ValueInfoProto& info, const onnx::TensorProto& tensor) const {
    const auto mismatch = [&] {
      fail("the weight '" + info.name() + "' is listed as a graph input of another type or shape; the file is damaged.");
    };
    if (!info.type().has_tensor_type() || info.type().tensor_type().elem_type() != tensor.data_type()) mismatch();
    if (!info.type().tensor_type().has_shape()) return;
    const auto& shape = info.type().tensor_type().shape();
    if (shape.dim_size() != tensor.dims_size()) mismatch();
    for (int k = 0; k < shape.dim_size(); ++k)
      if (shape.dim(k).has_dim_value() && shape.dim(k).dim_value() != tensor.dims(k)) mismatch();
  }

  void read_input(const onnx::ValueInfoProto& info) {
    Value& value = network_.values[network_.input];
    value.kind = Value::Kind::input;
    value.name = info.name();
    names_.emplace(info.name(), Name{});
    const auto& type = info.type().tensor_type();
    bool floating = false;
    for (const ElementType candidate : {ElementType::float32, ElementType::float64, ElementType::float16, ElementType::bfloat16})
      if (info.type().has_tensor_type() && type.elem_type() == static_cast<std::int32_t>(candidate)) {
        value.type = candidate;
        floating = true;
      }
    if (!floating) {
      refuse(info.name(), "",
             "The model's input is not a tensor of FLOAT, DOUBLE, FLOAT16 or BFLOAT16; distances between other inputs are not bounded.");
      return;
    }
    if (!type.has_shape()) {
      refuse(info.name(), "", "The model's input has no shape; export the model with one (the batch dimension may be symbolic).");
      return;
    }
    value.shape = read_shape(type.shape(), info.name(), network_.symbolic);
    if (!bounded_count(value.shape)) {
      refuse(info.name(), "", "The model's input has more than 2^28 entries, which is more than this reader takes.");
      return;
    }
    names_[info.name()].value = network_.input;
  }

  void read_initialiser(const onnx::TensorProto& message) {
    Tensor tensor;
    bool typed = false;
    try {
      tensors_.read(message, message.name(), tensor, typed);
    } catch (const Unsupported& unsupported) {
      refuse(message.name(), "", unsupported.reason);
    }
    if (!typed) {
      names_[message.name()] = Name{};
      return;
    }
    Value value;
    value.kind = Value::Kind::initialiser;
    value.name = message.name();
    value.type = tensor.type;
    value.shape = tensor.shape;
    value.constant = true;
    value.initialiser = network_.initialisers.size();
    network_.initialisers.push_back(std::move(tensor));
    names_[message.name()] = Name{add_value(std::move(value))};
  }

  // The exact content of a known value (formats/onnx.md, section 5); not that of a weight whose bits were refused.
  [[nodiscard]] const Tensor* known_tensor(ValueId id) const {
    const Tensor* tensor = network_.known(id);
    return tensor == nullptr || tensor->bits.empty() ? nullptr : tensor;
  }

  void read_node(const onnx::NodeProto& message, std::size_t index) {
    std::string label = message.name();
    for (int k = 0; k < message.output_size() && label.empty(); ++k) label = message.output(k);
    if (label.empty()) label = "node " + std::to_string(index);

    // Definitions and uses are checked for every node, supported or not.
    bool unknown = false;
    std::vector<ValueId> inputs;
    for (const std::string& name : message.input()) {
      if (name.empty()) {
        inputs.push_back(no_value);
        continue;
      }
      const auto found = names_.find(name);
      if (found == names_.end())
        fail("the node '" + label + "' reads '" + name +
             "' before anything defines it; the nodes are not in order, or the name is missing: run the ONNX checker on the model.");
      unknown = unknown || !found->second.value;
      inputs.push_back(found->second.value.value_or(no_value));
    }
    std::unordered_set<std::string> attributes;
    for (const auto& attribute : message.attribute())
      if (!attributes.insert(attribute.name()).second)
        fail("the node '" + label + "' has the attribute '" + attribute.name() +
             "' twice; readers disagree on such a node, so the file is refused.");
    std::vector<std::string> outputs;
    std::unordered_set<std::string> defined_here;
    for (const std::string& name : message.output()) {
      if (!name.empty() && (names_.count(name) != 0 || input_names_.count(name) != 0 || !defined_here.insert(name).second))
        fail("the name '" + name + "' is defined twice, the second time by the node '" + label + "'; the file is damaged.");
      outputs.push_back(name);
    }
    while (!inputs.empty() && inputs.back() == no_value && message.input(static_cast<int>(inputs.size()) - 1).empty()) inputs.pop_back();
    while (!outputs.empty() && outputs.back().empty()) outputs.pop_back();

    try {
      if (!is_default_domain(message.domain()))
        throw Unsupported{"Operators of the domain '" + message.domain() +
                          "' are not supported; export the model with standard ONNX operators."};
      if (!message.overload().empty())
        throw Unsupported{"It calls a function (overload '" + message.overload() + "'); export the model with functions inlined."};
      const std::optional<Operator> op = find_operator(message.op_type());
      if (!op) {
        const std::string remedy = remedy_for(message.op_type());
        throw Unsupported{"The operator " + message.op_type() + " is not supported by this version of lipcert" +
                          (remedy.empty() ? "." : ": " + remedy)};
      }
      if (network_.opset < row_of(*op).since)
        throw Unsupported{"The operator " + message.op_type() + " does not exist in opset " + std::to_string(network_.opset) +
                          " of the file."};
      build_node(message, *op, label, std::move(inputs), outputs, unknown);
    } catch (const Unsupported& unsupported) {
      refuse(label, message.op_type(), unsupported.reason);
    }
    // Whatever could not be built stays known by name, without a value.
    for (const std::string& name : outputs)
      if (!name.empty()) names_.emplace(name, Name{});
  }

  void build_node(const onnx::NodeProto& message, Operator op, const std::string& label, std::vector<ValueId> inputs,
                  const std::vector<std::string>& outputs, bool unknown) {
    Node node;
    node.op = op;
    node.name = message.name();
    node.attributes = read_attributes(message, op, network_.opset, tensors_, label);
    if (unknown) return;

    std::vector<Operand> operands;
    bool constant = true;
    for (const ValueId id : inputs) {
      Operand operand;
      if (id != no_value) {
        const Value& value = network_.values[id];
        if (unusable_.count(id) != 0) throw Unsupported{"It reads '" + value.name + "', " + unusable_text(value) + "."};
        operand = {true, value.type, value.shape, value.constant, known_tensor(id)};
        constant = constant && value.constant;
      }
      operands.push_back(std::move(operand));
    }
    check_arity(op, network_.opset, operands, outputs.size());
    const NodeView view = {op, network_.opset, node.attributes, operands, outputs.size()};
    fill_in_from_shapes(node.attributes, view);
    const std::vector<Result> results = infer(view);
    if (outputs.front().empty()) throw Unsupported{"It leaves out its first output."};
    if (op == Operator::split && std::count(outputs.begin(), outputs.end(), std::string()) != 0)
      throw Unsupported{"It leaves out one of its outputs; name all parts."};
    std::vector<Tensor> computed = compute_known(view, results);
    for (const Tensor& tensor : computed) computed_total_ += tensor.size();
    if (computed_total_ > known_total_cap)
      throw Unsupported{
          "The integers that are computed up to this node have more than 2^24 entries; export the model with constants folded."};

    constant = constant || op == Operator::shape;  // a shape is the same whatever the input
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      if (outputs[k].empty()) {
        node.outputs.push_back(no_value);
        continue;
      }
      Value value;
      value.kind = Value::Kind::node_output;
      value.name = outputs[k];
      value.type = results[k].type;
      value.shape = results[k].shape;
      value.constant = constant;
      value.producer = network_.nodes.size();
      const ValueId id = add_value(std::move(value));
      if (k > 0 && op != Operator::split) unusable_.insert(id);
      if (k < computed.size()) network_.computed.emplace(id, std::move(computed[k]));
      names_[outputs[k]] = Name{id};
      node.outputs.push_back(id);
    }
    node.inputs = std::move(inputs);
    network_.nodes.push_back(std::move(node));
  }

  // What an output is that may be named but not used.
  [[nodiscard]] std::string unusable_text(const Value& value) const {
    return network_.nodes[value.producer].op == Operator::dropout ? "the mask of a Dropout node; export the model for inference"
                                                                  : "the indices of a TopK node; only its values are bounded";
  }

  void read_output() {
    std::unordered_set<std::string> seen;
    for (const auto& info : graph_.output())
      if (!seen.insert(info.name()).second) fail("two graph outputs have the name '" + info.name() + "'; the file is damaged.");
    for (const auto& info : graph_.output())
      if (names_.count(info.name()) == 0) fail("nothing defines the graph's output '" + info.name() + "'; the file is damaged.");
    if (graph_.output_size() != 1) {
      refuse(
          "model", "",
          "The model has " + std::to_string(graph_.output_size()) + " outputs; a certificate speaks of one: keep one output in the model.");
      return;
    }
    const auto& info = graph_.output(0);
    const Name& name = names_.at(info.name());
    if (!name.value) {
      if (network_.refusals.empty()) refuse(info.name(), "", "The model's output cannot be read.");
      return;
    }
    const Value& value = network_.values[*name.value];
    network_.output = *name.value;
    if (value.kind != Value::Kind::node_output) {
      refuse(info.name(), "", "The model's output is one of its inputs or weights; there is nothing to bound.");
      return;
    }
    if (value.constant) {
      refuse(info.name(), "", "The model's output does not depend on its input; there is nothing to bound.");
      return;
    }
    if (unusable_.count(*name.value) != 0) {
      refuse(info.name(), "", "The model's output is " + unusable_text(value) + ".");
      return;
    }
    const auto& type = info.type().tensor_type();
    if (!info.type().has_tensor_type() || type.elem_type() != static_cast<std::int32_t>(value.type)) {
      refuse(info.name(), "",
             std::string("The model declares another type for its output than the ") + name_of(value.type) + " tensor that it computes.");
      return;
    }
    if (!type.has_shape()) return;
    bool same = static_cast<std::size_t>(type.shape().dim_size()) == value.shape.size();
    for (int k = 0; k < type.shape().dim_size() && same; ++k) {
      const auto& dimension = type.shape().dim(k);
      same = !dimension.has_dim_value() ||
             (dimension.dim_value() >= 1 && static_cast<std::uint64_t>(dimension.dim_value()) == value.shape[static_cast<std::size_t>(k)]);
    }
    if (!same) {
      std::string declared;
      for (const auto& dimension : type.shape().dim())
        declared += (declared.empty() ? "" : "x") + (dimension.has_dim_value() ? std::to_string(dimension.dim_value()) : std::string("?"));
      refuse(info.name(), "",
             "The model declares the shape " + (declared.empty() ? "scalar" : declared) + " for its output, but computes " +
                 text_of(value.shape) + "; either the file is damaged or it means something else than what is read.");
    }
  }

  // A node that depends on the input but leads nowhere would have no place in a certificate.
  void refuse_idle_nodes() {
    std::vector<bool> useful(network_.nodes.size(), false);
    useful[network_.values[network_.output].producer] = true;
    for (std::size_t k = network_.nodes.size(); k-- > 0;) {
      if (!useful[k] || network_.nodes[k].op == Operator::shape) continue;  // Shape reads no data
      for (const ValueId id : network_.nodes[k].inputs)
        if (id != no_value && network_.values[id].kind == Value::Kind::node_output) useful[network_.values[id].producer] = true;
    }
    for (std::size_t k = 0; k < network_.nodes.size(); ++k)
      if (!useful[k] && !network_.values[network_.nodes[k].outputs.front()].constant)
        refuse(network_.label(k), name_of(network_.nodes[k].op),
               "It computes from the input but does not reach the model's output; remove unused nodes from the model.");
  }

  const onnx::ModelProto& model_;
  const onnx::GraphProto& graph_;
  const OnnxOptions& options_;
  TensorReader tensors_;
  Network network_;
  std::unordered_set<ValueId> unusable_;  // second outputs of Dropout and TopK
  std::uint64_t computed_total_ = 0;      // entries of network_.computed
  std::unordered_map<std::string, Name> names_;
  std::unordered_set<std::string> input_names_;
};

}  // namespace

Network read_onnx(const std::string& bytes, const OnnxOptions& options) {
  OnnxOptions known = options;
  if (known.file.empty()) known.file = "the model";
  const std::uint64_t cap = std::min<std::uint64_t>(known.size_cap, 2147483647U);
  if (bytes.size() > cap) throw input_error(known.file + ": is larger than the limit of " + std::to_string(cap) + " bytes.");
  scan_onnx(bytes, known.file);
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw input_error(known.file + ": is not a valid ONNX model; the file is damaged.");
  return GraphReader(model, known).read();
}

}  // namespace lipcert
