// The ONNX reader: wire-level scan, protobuf, then the rules of formats/onnx.md, sections 3 to 5.
//
// Nodes are read in an order in which every name is defined before it is read (formats/onnx/order.hpp), so cycles and dangling names cannot
// occur afterwards. A node that is not supported is put on the list of refusals and its outputs become unknown; what reads an unknown value
// is left out silently, because its own cause is already on the list.
#include "formats/onnx/reader.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "formats/encoding/error.hpp"
#include "formats/network/operators.hpp"
#include "formats/onnx/attributes.hpp"
#include "formats/onnx/order.hpp"
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
    const std::vector<int> order = node_order(graph_, options_.file);
    const onnx::ValueInfoProto* const output = choose_output();
    if (network_.other_outputs) kept_ = names_before(graph_, order, output->name());
    read_constants_and_input();
    for (const int k : order) {
      const auto& names = graph_.node(k).output();
      if (std::any_of(names.begin(), names.end(), [this](const std::string& name) { return keeps(name); }) || !kept_)
        read_node(graph_.node(k), k);
      else
        leave_out(graph_.node(k), k);
    }
    if (output != nullptr) read_output(*output);
    if (output != nullptr && network_.refusals.empty()) refuse_idle_nodes();
    network_.external_files = tensors_.files();
    return std::move(network_);
  }

 private:
  // What a name stands for. `value` is absent when it was refused.
  struct Name {
    std::optional<ValueId> value;
  };
  // Whether a name leads to the chosen output; all do where none is chosen.
  [[nodiscard]] bool keeps(const std::string& name) const { return !kept_ || (!name.empty() && kept_->count(name) != 0); }

  [[noreturn]] void fail(const std::string& sentence) const { throw input_error(options_.file + ": " + sentence); }
  /// A choice of the caller that the file contradicts.
  [[noreturn]] void misfit(const std::string& sentence) const { throw Error(ExitCode::usage, options_.file + ": " + sentence); }

  void refuse(const std::string& node, const std::string& op, const std::string& reason) {
    network_.refusals.push_back({node, op, reason});
  }

  void read_versions() {
    const std::int64_t version = model_.ir_version();
    if (version < first_ir_version || version > last_ir_version)
      fail("the IR version is " + std::to_string(version) + "; versions 3 to 14 are read: export the model with a current tool.");
    bool found = false;
    std::unordered_map<std::string, std::int64_t> domains;
    for (const auto& opset : model_.opset_import()) {
      const bool standard = is_default_domain(opset.domain());
      const auto [before, first] = domains.emplace(standard ? "" : opset.domain(), opset.version());
      if (!first && before->second != opset.version())
        fail("the operator domain '" + opset.domain() + "' is imported twice, in the versions " + std::to_string(before->second) + " and " +
             std::to_string(opset.version()) + "; readers disagree on which holds, so the file is refused.");
      if (!standard) continue;
      found = true;
      if (opset.version() < static_cast<std::int64_t>(first_opset) || opset.version() > static_cast<std::int64_t>(last_opset))
        fail("the model uses opset " + std::to_string(opset.version()) + "; opsets 8 to 23 are read: export it again with one of these.");
      network_.opset = static_cast<std::uint64_t>(opset.version());
    }
    if (!found) fail("the model does not say which opset of the ONNX operators it uses; the file is damaged.");
  }

  static std::string symbol_of(const onnx::TensorShapeProto::Dimension& dimension, std::size_t position) {
    return std::to_string(position) + (dimension.dim_param().empty() ? " (without a name)" : " '" + dimension.dim_param() + "'");
  }

  // The shape of the input: fixed dimensions from the file; a symbolic first one of several is 1, the sizes of others are the caller's.
  // False when one of these is open.
  bool read_shape(const onnx::TensorShapeProto& shape, const std::string& name, Shape& result) {
    const auto& chosen = options_.function.input_shape;
    const auto rank = static_cast<std::size_t>(shape.dim_size());
    if (chosen && chosen->size() != rank)
      misfit("the input shape that is given has " + std::to_string(chosen->size()) + " dimensions, but the model's input '" + name +
             "' has " + std::to_string(rank) + "; give as many.");
    std::string open;
    std::unordered_map<std::string, std::uint64_t> sizes;  // of named dimensions
    for (std::size_t k = 0; k < rank; ++k) {
      const auto& dimension = shape.dim(static_cast<int>(k));
      const bool batch = k == 0 && rank > 1;
      if (dimension.has_dim_value()) {
        if (dimension.dim_value() < 1)
          fail("'" + name + "' has the dimension " + std::to_string(dimension.dim_value()) +
               "; a fixed dimension is at least 1, an open one is symbolic.");
        result.push_back(static_cast<std::uint64_t>(dimension.dim_value()));
      } else {
        network_.symbolic.push_back(k);
        network_.symbols.push_back(dimension.dim_param());
        result.push_back(batch || !chosen ? 1 : (*chosen)[k]);
        if (!batch && chosen) network_.given.push_back(k);
        if (!batch && !chosen) open += (open.empty() ? "" : ", ") + symbol_of(dimension, k);
      }
      if (chosen && (*chosen)[k] != result[k])
        misfit("the input shape that is given says " + std::to_string((*chosen)[k]) + " for dimension " + std::to_string(k) +
               (dimension.has_dim_value() ? ", but the model fixes it to " + std::to_string(result[k]) + "; give that."
                                          : ", which counts inputs: a certificate speaks of one; give 1."));
      if (result[k] < 1) misfit("the input shape that is given has a dimension 0; sizes are at least 1.");
      if (dimension.has_dim_value() || dimension.dim_param().empty() || (!chosen && !batch)) continue;
      const auto [before, first] = sizes.emplace(dimension.dim_param(), result[k]);
      if (!first && before->second != result[k])
        misfit("the input shape that is given has the sizes " + std::to_string(before->second) + " and " + std::to_string(result[k]) +
               " for dimensions that the model gives one name, '" + dimension.dim_param() + "'; give one size.");
    }
    if (!open.empty())
      refuse(name, "",
             "The size of the input is open in dimension " + open +
                 ", and the constant depends on it; give the shape that is meant with --input-shape, every dimension, like 1,3,32,32 (a "
                 "symbolic first one is 1).");
    return open.empty();
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
    std::string inputs;  // their names, when there are several
    std::size_t count = 0;
    std::size_t overridable = 0;  // weights
    std::string weight;           // the first of them
    for (const auto& info : graph_.input()) {
      if (!input_names_.insert(info.name()).second) fail("two graph inputs have the name '" + info.name() + "'; the file is damaged.");
      const auto constant = initialisers.find(info.name());
      if (constant == initialisers.end()) {
        if (!keeps(info.name())) continue;
        inputs += (count++ == 0 ? "'" : ", '") + info.name() + "'";
        if (input == nullptr) input = &info;
        if (count > 1) names_.emplace(info.name(), Name{});
        continue;
      }
      if (model_.ir_version() > first_ir_version) {
        if (overridable++ == 0) weight = info.name();
        if (options_.function.fixed_inputs) network_.fixed_inputs.push_back(info.name());
      }
      check_repeated_type(info, *constant->second);
    }
    if (overridable != 0 && !options_.function.fixed_inputs)
      refuse(weight, "",
             (overridable == 1 ? "The weight '" + weight + "' is also a graph input, so that a caller could replace it"
                               : std::to_string(overridable) + " weights, '" + weight +
                                     "' the first of them, are also graph inputs, so that a caller could replace them") +
                 "; if nobody does, say so with --fixed-inputs: the certificate is then about the values in the file, and says so.");
    network_.values.emplace_back();
    if (count == 0) {
      refuse("model", "", "The model has no input that is not a weight; there is nothing to bound.");
    } else {
      if (count > 1)
        refuse(graph_.input(graph_.input_size() - 1).name(), "",
               "The model has " + std::to_string(count) + " inputs (" + inputs +
                   "); a certificate speaks of one: before the export, wrap the model so that it takes one tensor and splits it "
                   "(torch.split), "
                   "or so that the other inputs are constants.");
      read_input(*input);
    }
    for (const auto& tensor : graph_.initializer()) read_initialiser(tensor);
  }

  // Where an initialiser is listed among the inputs too, the entry must repeat what the tensor says.
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
    if (!read_shape(type.shape(), info.name(), value.shape)) return;
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

  void check_attribute_names(const onnx::NodeProto& message, const std::string& label) const {
    std::unordered_set<std::string> attributes;
    for (const auto& attribute : message.attribute())
      if (!attributes.insert(attribute.name()).second)
        fail("the node '" + label + "' has the attribute '" + attribute.name() +
             "' twice; readers disagree on such a node, so the file is refused.");
  }

  // A node that does not lead to the chosen output: no operator is looked at, but what its attributes hold is (formats/onnx.md, section 4).
  void leave_out(const onnx::NodeProto& message, int place) {
    const std::string label = label_of(message, place);
    check_attribute_names(message, label);
    try {
      for (const auto& attribute : message.attribute()) check_content(attribute, tensors_, label);
    } catch (const Unsupported& unsupported) {
      refuse(label, message.op_type(), unsupported.reason);
    }
  }

  void read_node(const onnx::NodeProto& message, int place) {
    const std::string label = label_of(message, place);
    bool unknown = false;
    std::vector<ValueId> inputs;
    for (const std::string& name : message.input()) {
      const std::optional<ValueId> value = name.empty() ? no_value : names_.at(name).value;
      unknown = unknown || !value;
      inputs.push_back(value.value_or(no_value));
    }
    check_attribute_names(message, label);
    std::vector<std::string> outputs(message.output().begin(), message.output().end());
    while (!inputs.empty() && inputs.back() == no_value && message.input(static_cast<int>(inputs.size()) - 1).empty()) inputs.pop_back();
    while (!outputs.empty() && outputs.back().empty()) outputs.pop_back();

    try {
      if (!is_default_domain(message.domain()))
        throw Unsupported{"Operators of the domain '" + message.domain() +
                          "' are not supported; export the model with standard ONNX operators."};
      if (!message.overload().empty())
        throw Unsupported{"It calls a function (overload '" + message.overload() + "'); export the model with functions inlined."};
      const std::optional<Operator> op = find_operator(message.op_type());
      if (message.op_type() == "If" || message.op_type() == "Loop" || message.op_type() == "Scan")
        throw Unsupported{
            "Control flow (" + message.op_type() +
            ") is not supported: the function must be one graph whatever the input; export the model traced instead of scripted "
            "(torch.jit.trace, or torch.onnx.export of the eager model), with Python's branches decided and its loops unrolled."};
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

  // The output that is bounded; nullptr when the file leaves it open. Notes the others when the caller has chosen it.
  const onnx::ValueInfoProto* choose_output() {
    std::string names;
    for (const auto& info : graph_.output()) names += (names.empty() ? "'" : ", '") + info.name() + "'";
    if (const auto& chosen = options_.function.output) {
      const onnx::ValueInfoProto* output = nullptr;
      network_.other_outputs.emplace();
      for (const auto& info : graph_.output())
        if (info.name() == *chosen)
          output = &info;
        else
          network_.other_outputs->push_back(info.name());
      if (output == nullptr) misfit("the model has no output '" + *chosen + "'; choose one of " + (names.empty() ? "none" : names) + ".");
      return output;
    }
    if (graph_.output_size() == 1) return &graph_.output(0);
    refuse("model", "",
           graph_.output_size() == 0 ? "The model has 0 outputs; there is nothing to bound."
                                     : "The model has " + std::to_string(graph_.output_size()) + " outputs (" + names +
                                           "); a certificate speaks of one: choose it with --output NAME.");
    return nullptr;
  }

  void read_output(const onnx::ValueInfoProto& info) {
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
        refuse(
            network_.label(k), name_of(network_.nodes[k].op),
            "It computes from the input but does not reach the model's output; remove unused nodes from the model, or name the output with "
            "--output: what does not lead to it is then left out.");
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
  std::optional<std::unordered_set<std::string>> kept_;  // names that lead to the chosen output
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
