// The cases: each is the smallest change that breaks (or keeps) one rule of formats/onnx.md.
#include "tests/support/onnx_cases.hpp"

#include <bit>
#include <utility>

namespace onnx_cases {

std::string weights() {
  return ob::floats("W", {2, 3}, {1, -2, 3, 0.5F, 0, -1});
}
std::string bias() {
  return ob::floats("b", {3}, {0.5F, -0.25F, 0});
}

ob::Model base(std::int64_t opset) {
  ob::Model model(opset);
  model.input("x", {1, 2}).output("y", {1, 3}).initialiser(weights()).initialiser(bias());
  model.node("Gemm", {"x", "W", "b"}, {"h"}, {}, "first").node("Relu", {"h"}, {"y"}, {}, "second");
  return model;
}

std::string changed(const std::function<void(ob::Model&)>& change, std::int64_t opset) {
  ob::Model model = base(opset);
  change(model);
  return model.bytes();
}

std::string one_node(const std::string& op, const std::vector<ob::Dim>& in, const std::vector<ob::Dim>& out,
                     const std::vector<std::string>& inputs, const std::vector<ob::Attribute>& attributes,
                     const std::vector<std::string>& initialisers, std::int64_t opset, const std::vector<std::string>& outputs,
                     std::int32_t type_in, std::int32_t type_out) {
  ob::Model model(opset);
  model.input("x", in, type_in).output("y", out, type_out);
  for (const std::string& item : initialisers) model.initialiser(item);
  model.node(op, inputs, outputs, attributes);
  return model.bytes();
}

namespace {

std::string reshape(const std::vector<std::int64_t>& wanted, const std::vector<ob::Dim>& out,
                    const std::vector<ob::Attribute>& attributes = {}, std::int64_t opset = 14) {
  return one_node("Reshape", {1, 2, 3}, out, {"x", "s"}, attributes, {ob::int64s("s", {static_cast<std::int64_t>(wanted.size())}, wanted)},
                  opset);
}

std::string with_tensor(const std::string& tensor) {
  // The tensor is an initialiser that nobody uses: it is checked all the same.
  return changed([&](ob::Model& model) { model.initialiser(tensor); });
}

std::string with_attribute_bytes(const std::string& bytes) {
  return one_node("LeakyRelu", {1, 2}, {1, 2}, {"x"}, {ob::Attribute{bytes}});
}

std::string with_constant(const std::vector<ob::Attribute>& attributes, std::int64_t opset = 13) {
  ob::Model model(opset);
  model.input("x", {1, 2}).output("y", {1, 2}).node("Constant", {}, {"c"}, attributes).node("Relu", {"x"}, {"y"});
  return model.bytes();
}

void read_files(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes) { cases.push_back({name, bytes, ""}); };
  for (const std::int64_t opset : {8, 9, 10, 11, 12, 13, 14, 16, 18, 19, 20, 21, 22, 23})
    add("base, opset " + std::to_string(opset), base(opset).bytes());
  for (const std::int64_t version : {3, 4, 7, 10, 14})
    add("IR version " + std::to_string(version), changed([&](ob::Model& m) { m.ir_version = version; }));
  add("domain ai.onnx by name", changed([](ob::Model& m) {
        m.opsets = {{"ai.onnx", 13}};
        m.nodes[1] = ob::node("Relu", {"h"}, {"y"}, {}, "second", "ai.onnx");
      }));
  add("domains imported twice in one version", changed([](ob::Model& m) {
        m.opsets = {{"", 13}, {"z", 2}, {"ai.onnx", 13}, {"", 13}, {"z", 2}};
      }));
  add("unsorted nodes", changed([](ob::Model& m) { std::swap(m.nodes[0], m.nodes[1]); }));
  add("nodes in reverse, with constants among them", [] {
    ob::Model m;
    m.input("x", {1, 2}).output("y", {1, 2}).node("Add", {"b", "c2"}, {"y"}).node("Relu", {"a"}, {"b"});
    m.node("Constant", {}, {"c2"}, {ob::attribute("value_float", 2.0F)}).node("Mul", {"x", "c1"}, {"a"});
    m.node("Constant", {}, {"c1"}, {ob::attribute("value_float", 3.0F)});
    return m.bytes();
  }());
  add("other domain imported", changed([](ob::Model& m) { m.opsets.push_back({"ai.onnx.ml", 2}); }));
  add("symbolic batch", changed([](ob::Model& m) {
        m.inputs[0] = ob::value_info("x", ob::FLOAT, {"N", 2});
        m.outputs[0] = ob::value_info("y", ob::FLOAT, {"N", 3});
      }));
  add("unknown batch", changed([](ob::Model& m) { m.inputs[0] = ob::value_info("x", ob::FLOAT, {"", 2}); }));
  add("output without shape", changed([](ob::Model& m) {
        m.outputs[0] = ob::bytes_field(1, "y") + ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, ob::FLOAT)));
      }));
  add("unused initialiser", with_tensor(ob::floats("unused", {1}, {1})));
  add("unused INT64 and BOOL initialisers", changed([](ob::Model& m) {
        m.initialiser(ob::int64s("i", {2}, {-1, 5})).initialiser(ob::tensor("t", ob::BOOL, {2}, ob::raw_data(std::string("\0\1", 2))));
      }));
  add("duplicate node names", changed([](ob::Model& m) { m.nodes[1] = ob::node("Relu", {"h"}, {"y"}, {}, "first"); }));
  add("IR version 3 lists weights as inputs", changed([](ob::Model& m) {
        m.ir_version = 3;
        m.input("W", {2, 3}).input("b", {3});
      }));
  add("skipped fields", changed([](ob::Model& m) {
        m.model_extra = ob::bytes_field(2, "tool") + ob::bytes_field(3, "1") + ob::bytes_field(4, "org") + ob::varint_field(5, 7) +
                        ob::bytes_field(6, "doc") + ob::bytes_field(14, ob::key_value("a", "b")) + ob::bytes_field(14, "\xFF\xFF");
        m.graph_extra = ob::bytes_field(10, "doc") + ob::bytes_field(13, "not even a message") + ob::bytes_field(16, "");
      }));
  add("typed float data", changed([](ob::Model& m) {
        m.initialisers[1] = ob::tensor("b", ob::FLOAT, {3}, ob::float_data({0.5F, -0.25F, 0}));
      }));
  add("typed float data in pieces, packed and not", changed([](ob::Model& m) {
        m.initialisers[1] = ob::tensor("b", ob::FLOAT, {3}, ob::float_field(4, 0.5F) + ob::float_data({-0.25F}) + ob::float_field(4, 0));
      }));
  add("dims not packed", changed([](ob::Model& m) {
        m.initialisers[0] = ob::varint_field(1, 2) + ob::varint_field(1, 3) + ob::varint_field(2, ob::FLOAT) + ob::bytes_field(8, "W") +
                            ob::raw_data(ob::raw_bytes(std::vector<float>{1, -2, 3, 0.5F, 0, -1}));
      }));
  add("a varint padded with zero groups", changed([](ob::Model& m) { m.model_extra = std::string("\x28\x87\x80\x00", 4); }));
  add("data_location 0 written out", changed([](ob::Model& m) { m.initialisers[1] = bias() + ob::varint_field(14, 0); }));
  add("half typed data", with_tensor(ob::tensor("t", ob::FLOAT16, {2}, ob::int32_data({0, 65535 - 1024}))));  // 0xFBFF is finite
  add("bfloat16 raw data", with_tensor(ob::halves("t", ob::BFLOAT16, {4}, {0x3F80, 0x8000, 0x7F7F, 0xFF7F})));
  add("largest and smallest floats",
      with_tensor(ob::tensor("t", ob::FLOAT, {3}, ob::raw_data(std::string("\xFF\xFF\x7F\x7F\xFF\xFF\x7F\xFF\x01\x00\x00\x00", 12)))));
  add("largest double", with_tensor(ob::tensor("t", ob::DOUBLE, {1}, ob::raw_data(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xEF\x7F", 8)))));
  add("double typed data", with_tensor(ob::tensor("t", ob::DOUBLE, {2}, ob::double_data({1.5, -0.0}))));
  add("int32 typed data", with_tensor(ob::tensor("t", ob::INT32, {2}, ob::int32_data({-2147483647 - 1, 2147483647}))));
  add("int64 typed data", with_tensor(ob::tensor("t", ob::INT64, {2}, ob::int64_data({-1, 7}))));
  add("bool typed data", with_tensor(ob::tensor("t", ob::BOOL, {2}, ob::int32_data({0, 1}))));
  add("scalar tensor", with_tensor(ob::floats("t", {}, {2})));
  add("rank 16", with_tensor(ob::floats("t", std::vector<std::int64_t>(16, 1), {2})));
  add("name of 4096 bytes", with_tensor(ob::floats(std::string(4096, 'n'), {1}, {1})));
  add("name in Greek", with_tensor(ob::floats("\xCE\xB1\xCF\x89 \xF0\x9F\x99\x82", {1}, {1})));
  add("attribute value left out (proto3 zero)", with_attribute_bytes(ob::bytes_field(1, "alpha") + ob::varint_field(20, 1)));
  add("empty ref_attr_name", with_attribute_bytes(ob::attribute("alpha", 0.5F).bytes + ob::bytes_field(21, "")));
}

void read_nodes(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes) { cases.push_back({name, bytes, ""}); };
  add("constant value", with_constant({ob::tensor_attribute("value", ob::floats("", {2}, {1, 2}))}, 8));
  add("constant value_float", with_constant({ob::attribute("value_float", 1.5F)}));
  add("constant value_floats", with_constant({ob::floats_attribute("value_floats", {1.5F, 2})}));
  add("constant value_int", with_constant({ob::attribute("value_int", -3)}, 12));
  add("constant value_ints", with_constant({ob::ints_attribute("value_ints", {1, -1})}));
  add("gemm without bias", one_node("Gemm", {1, 2}, {1, 3}, {"x", "W"}, {}, {weights()}, 11));
  add("gemm with absent trailing bias", one_node("Gemm", {1, 2}, {1, 3}, {"x", "W", ""}, {}, {weights()}, 11));
  add("gemm attributes",
      one_node("Gemm", {2, 1}, {1, 3}, {"x", "V", "c"},
               {ob::attribute("alpha", 2.0F), ob::attribute("beta", -1.0F), ob::attribute("transA", 1), ob::attribute("transB", 1)},
               {ob::floats("V", {3, 2}, {1, 2, 3, 4, 5, 6}), ob::floats("c", {1, 1}, {1})}));
  add("gemm with scalar bias", one_node("Gemm", {1, 2}, {1, 3}, {"x", "W", "c"}, {}, {weights(), ob::floats("c", {}, {1})}));
  add("matmul, row vector", one_node("MatMul", {2}, {3}, {"x", "W"}, {}, {weights()}));
  add("matmul, column vector", one_node("MatMul", {3}, {2}, {"W", "x"}, {}, {weights()}));
  add("matmul, batch of the constant",
      one_node("MatMul", {4, 2}, {5, 4, 3}, {"x", "B"}, {}, {ob::floats("B", {5, 2, 3}, std::vector<float>(30, 0.5F))}));
  add("matmul, batches broadcast",
      one_node("MatMul", {6, 1, 4, 2}, {6, 5, 4, 3}, {"x", "B"}, {}, {ob::floats("B", {5, 2, 3}, std::vector<float>(30, 0.5F))}));
  add("add broadcasts both ways",
      one_node("Add", {3, 1}, {2, 3, 4}, {"x", "c"}, {}, {ob::floats("c", {2, 1, 4}, std::vector<float>(8, 1))}));
  add("sub, mul, div", [] {
    ob::Model m;
    m.input("x", {2}).output("y", {2}).initialiser(ob::floats("c", {}, {2}));
    m.node("Sub", {"c", "x"}, {"a"}).node("Mul", {"a", "c"}, {"b"}).node("Div", {"b", "c"}, {"y"});
    return m.bytes();
  }());
  for (const char* op : {"Relu", "LeakyRelu", "Abs", "Sigmoid", "Tanh", "Identity"}) add(op, one_node(op, {1, 2}, {1, 2}, {"x"}, {}));
  add("double data", one_node("Relu", {1, 2}, {1, 2}, {"x"}, {}, {}, 13, {"y"}, ob::DOUBLE, ob::DOUBLE));
  add("half data", one_node("Relu", {1, 2}, {1, 2}, {"x"}, {}, {}, 13, {"y"}, ob::FLOAT16, ob::FLOAT16));
  add("bfloat16 data", one_node("Relu", {1, 2}, {1, 2}, {"x"}, {}, {}, 13, {"y"}, ob::BFLOAT16, ob::BFLOAT16));
  add("flatten", one_node("Flatten", {2, 3, 4}, {2, 12}, {"x"}, {}));
  add("flatten axis 0", one_node("Flatten", {2, 3, 4}, {1, 24}, {"x"}, {ob::attribute("axis", 0)}));
  add("flatten axis r", one_node("Flatten", {2, 3, 4}, {24, 1}, {"x"}, {ob::attribute("axis", 3)}));
  add("flatten axis -1", one_node("Flatten", {2, 3, 4}, {6, 4}, {"x"}, {ob::attribute("axis", -1)}, {}, 11));
  add("reshape", reshape({3, 2}, {3, 2}));
  add("reshape -1", reshape({2, -1}, {2, 3}));
  add("reshape 0", reshape({0, 0, -1}, {1, 2, 3}));
  add("reshape 0 at its own place", reshape({2, 1, 0}, {2, 1, 3}));
  add("reshape allowzero without zeros", reshape({3, 2}, {3, 2}, {ob::attribute("allowzero", 1)}));
  add("reshape to more dimensions", reshape({1, 1, 6, 1}, {1, 1, 6, 1}));
  add("reshape, shape through Identity and Cast", [] {
    ob::Model m;
    m.input("x", {2, 3}).output("y", {6}).initialiser(ob::int64s("s", {1}, {-1}));
    m.node("Identity", {"s"}, {"t"}).node("Cast", {"t"}, {"u"}, {ob::attribute("to", ob::INT64)}).node("Reshape", {"x", "u"}, {"y"});
    return m.bytes();
  }());
  add("reshape, shape from a Constant", [] {
    ob::Model m(12);
    m.input("x", {2, 3})
        .output("y", {6})
        .node("Constant", {}, {"s"}, {ob::ints_attribute("value_ints", {6})})
        .node("Reshape", {"x", "s"}, {"y"});
    return m.bytes();
  }());
  add("dropout, opset 9, ratio and mask",
      one_node("Dropout", {1, 2}, {1, 2}, {"x"}, {ob::attribute("ratio", 0.25F)}, {}, 9, {"y", "mask"}));
  add("dropout, opset 13",
      one_node("Dropout", {1, 2}, {1, 2}, {"x", "r", "t"}, {ob::attribute("seed", 1)},
               {ob::floats("r", {}, {0.5F}), ob::tensor("t", ob::BOOL, {}, ob::raw_data(std::string(1, '\0')))}, 13, {"y", "mask"}));
  add("dropout, ratio left out",
      one_node("Dropout", {1, 2}, {1, 2}, {"x", "", "t"}, {}, {ob::tensor("t", ob::BOOL, {}, ob::int32_data({0}))}));
  add("cast to the same type", one_node("Cast", {2}, {2}, {"x"}, {ob::attribute("to", ob::FLOAT)}));
  add("cast widens", one_node("Cast", {2}, {2}, {"x"}, {ob::attribute("to", ob::DOUBLE)}, {}, 13, {"y"}, ob::FLOAT, ob::DOUBLE));
  add("cast widens half", one_node("Cast", {2}, {2}, {"x"}, {ob::attribute("to", ob::FLOAT)}, {}, 13, {"y"}, ob::FLOAT16, ob::FLOAT));
  add("constant expression", [] {
    ob::Model m;
    m.input("x", {1, 2}).output("y", {1, 3}).initialiser(weights()).initialiser(ob::floats("k", {}, {2}));
    m.node("Div", {"W", "k"}, {"V"}).node("MatMul", {"x", "V"}, {"y"});
    return m.bytes();
  }());
  add("residual sum and product of data (typed, not judged)", [] {
    ob::Model m;
    m.input("x", {1, 2}).output("y", {1, 2}).node("Relu", {"x"}, {"a"}).node("Mul", {"a", "x"}, {"b"}).node("Add", {"b", "x"}, {"y"});
    return m.bytes();
  }());
  add("scalar input", one_node("Relu", {}, {}, {"x"}, {}));
}

void refused_bytes(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes, const std::string& says) {
    cases.push_back({name, bytes, says});
  };
  const std::string good = base().bytes();
  // Bytes.
  add("empty file", "", "is empty");
  add("text", "not an ONNX model", "");
  for (const std::size_t cut : {std::size_t{1}, good.size() / 4, good.size() / 2, good.size() - 1})
    add("cut at " + std::to_string(cut), good.substr(0, cut), "");
  add("one byte too many", good + std::string(1, '\x08'), "");
  add("varint of eleven bytes", good + std::string("\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12), "64 bits");
  add("varint beyond 64 bits", good + std::string("\x28\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11), "64 bits");
  add("length of six bytes", good + std::string("\x32\x80\x80\x80\x80\x80\x00", 7), "too many bytes");
  add("field number 0", good + std::string("\x00\x00", 2), "number 0");
  add("group", good + std::string("\x33\x34", 2), "wire type");
  add("wire type 7", good + std::string("\x37", 1), "wire type");
  add("length beyond the file", good + std::string("\x32\x7F\x00", 3), "longer than what holds it");
  add("length of 2^32", good + std::string("\x32\x80\x80\x80\x80\x10", 6), "longer than what holds it");
  add("unknown field of the model", good + ob::bytes_field(9, "x"), "number 9");
  add("unknown field of the graph", changed([](ob::Model& m) { m.graph_extra = ob::varint_field(3, 1); }), "number 3");
  add("unknown field of a node", changed([](ob::Model& m) { m.nodes[0] += ob::varint_field(99, 1); }), "number 99");
  add("unknown field of an attribute", with_attribute_bytes(ob::attribute("alpha", 0.5F).bytes + ob::varint_field(12, 1)), "number 12");
  add("wrong wire type", changed([](ob::Model& m) { m.model_extra = ob::bytes_field(5, "x"); }), "wrong wire type");
}

void refused_repeated_fields(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes, const std::string& says) {
    cases.push_back({name, bytes, says});
  };
  const std::string good = base().bytes();
  // Repeated singular fields.
  add("second graph appended", good + ob::bytes_field(7, base().graph()), "graph more than once");
  add("second, empty graph", good + ob::bytes_field(7, ""), "graph more than once");
  add("ir_version twice", good + ob::varint_field(1, 8), "ir_version more than once");
  add("skipped field twice", changed([](ob::Model& m) { m.model_extra = ob::bytes_field(2, "a") + ob::bytes_field(2, "b"); }),
      "producer_name more than once");
  add("graph name twice", changed([](ob::Model& m) { m.graph_extra = ob::bytes_field(2, "h"); }), "name more than once");
  add("op_type twice", changed([](ob::Model& m) { m.nodes[1] += ob::bytes_field(4, "Abs"); }), "op_type more than once");
  add("node domain twice", changed([](ob::Model& m) { m.nodes[1] += ob::bytes_field(7, "") + ob::bytes_field(7, ""); }),
      "domain more than once");
  add("attribute float twice", with_attribute_bytes(ob::attribute("alpha", 0.5F).bytes + ob::float_field(2, 0.1F)), "f more than once");
  add("attribute tensor twice",
      with_constant(
          {ob::Attribute{ob::tensor_attribute("value", ob::floats("", {1}, {1})).bytes + ob::bytes_field(5, ob::floats("", {1}, {2}))}}),
      "t more than once");
  add("data_type twice", with_tensor(ob::floats("t", {1}, {1}) + ob::varint_field(2, ob::FLOAT)), "data_type more than once");
  add("raw_data twice", with_tensor(ob::floats("t", {1}, {1}) + ob::raw_data(ob::raw_bytes(std::vector<float>{2}))),
      "raw_data more than once");
  add("input type twice", changed([](ob::Model& m) { m.inputs[0] += ob::bytes_field(2, ""); }), "type more than once");
  add("opset version twice",
      changed([](ob::Model& m) { m.model_extra = ob::bytes_field(8, ob::opset_id("x", 1) + ob::varint_field(2, 2)); }),
      "version more than once");
  add("dim_value twice", changed([](ob::Model& m) {
        m.inputs[0] =
            ob::bytes_field(1, "x") +
            ob::bytes_field(
                2, ob::bytes_field(1, ob::varint_field(1, ob::FLOAT) +
                                          ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, 1)) +
                                                                 ob::bytes_field(1, ob::varint_field(1, 2) + ob::varint_field(1, 2)))));
      }),
      "dim_value more than once");
  add("dim_value and dim_param", changed([](ob::Model& m) {
        m.inputs[0] =
            ob::bytes_field(1, "x") +
            ob::bytes_field(2,
                            ob::bytes_field(1, ob::varint_field(1, ob::FLOAT) +
                                                   ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, 1) + ob::bytes_field(2, "N")) +
                                                                          ob::bytes_field(1, ob::varint_field(1, 2)))));
      }),
      "both a number and a name");
  add("two types", changed([](ob::Model& m) {
        m.inputs[0] =
            ob::bytes_field(1, "x") +
            ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, ob::FLOAT) + ob::bytes_field(2, "")) + ob::bytes_field(9, ""));
      }),
      "two types");
}

void refused_parts(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes, const std::string& says) {
    cases.push_back({name, bytes, says});
  };
  const std::string good = base().bytes();
  // Required and refused parts.
  add("no ir_version", changed([](ob::Model& m) { m.ir_version.reset(); }), "no ir_version");
  add("no graph", ob::varint_field(1, 8) + ob::bytes_field(8, ob::opset_id("", 13)), "no graph");
  add("node without op_type", changed([](ob::Model& m) { m.nodes[1] = ob::bytes_field(1, "h") + ob::bytes_field(2, "y"); }), "no op_type");
  add("attribute without type",
      one_node("LeakyRelu", {1, 2}, {1, 2}, {"x"}, {ob::make_attribute("alpha", 1, ob::float_field(2, 0.5F), true)}), "no known type");
  add("attribute of unknown type", one_node("LeakyRelu", {1, 2}, {1, 2}, {"x"}, {ob::make_attribute("alpha", 15, "")}), "no known type");
  add("attribute type 2^32 + 1",
      with_attribute_bytes(ob::bytes_field(1, "alpha") + ob::float_field(2, 0.5F) + ob::varint_field(20, (1ULL << 32U) + 1)), "31 bits");
  add("attribute without name", with_attribute_bytes(ob::float_field(2, 0.5F) + ob::varint_field(20, 1)), "no name");
  add("attribute with a second value", with_attribute_bytes(ob::attribute("alpha", 0.5F).bytes + ob::varint_field(3, 1)),
      "does not belong to its type");
  add("attribute with an empty list beside its value", with_attribute_bytes(ob::attribute("alpha", 0.5F).bytes + ob::bytes_field(7, "")),
      "does not belong to its type");
  add("tensor attribute without tensor", with_constant({ob::Attribute{ob::bytes_field(1, "value") + ob::varint_field(20, 4)}}),
      "without its tensor");
  add("ref_attr_name", with_attribute_bytes(ob::attribute("alpha", 0.5F).bytes + ob::bytes_field(21, "outer")), "ref_attr_name");
  add("tensor without data_type", with_tensor(ob::bytes_field(8, "t") + ob::raw_data("abcd") + ob::varint_field(1, 1)), "no data_type");
  add("input without name", changed([](ob::Model& m) { m.inputs[0] = ob::value_info("", ob::FLOAT, {1, 2}); }), "no name");
  add("training info", good + ob::bytes_field(20, ""), "training_info");
  add("functions", good + ob::bytes_field(25, ""), "functions");
  add("device configuration", good + ob::bytes_field(26, ""), "configuration");
  add("sparse initialiser", changed([](ob::Model& m) { m.graph_extra = ob::bytes_field(15, ""); }), "sparse_initializer");
  add("quantisation annotation", changed([](ob::Model& m) { m.graph_extra = ob::bytes_field(14, ""); }), "quantization_annotation");
  add("tensor segment", with_tensor(ob::floats("t", {1}, {1}) + ob::bytes_field(3, "")), "segment");
  add("name that is not UTF-8", with_tensor(ob::floats("\xC0\xAF", {1}, {1})), "UTF-8");
  add("name with a surrogate", with_tensor(ob::floats("\xED\xA0\x80", {1}, {1})), "UTF-8");
  add("name beyond Unicode", with_tensor(ob::floats("\xF4\x90\x80\x80", {1}, {1})), "UTF-8");
  add("name cut in a character", with_tensor(ob::floats("a\xE2\x82", {1}, {1})), "UTF-8");
  add("name with an escape character", with_tensor(ob::floats("a\x1B[2J", {1}, {1})), "UTF-8");
  add("name with a C1 control", with_tensor(ob::floats("a\xC2\x9B", {1}, {1})), "UTF-8");
  add("name with a zero byte", with_tensor(ob::floats(std::string("a\0b", 3), {1}, {1})), "UTF-8");
  add("name of 4097 bytes", with_tensor(ob::floats(std::string(4097, 'n'), {1}, {1})), "4096 bytes");
  add("rank 17", with_tensor(ob::floats("t", std::vector<std::int64_t>(17, 1), {2})), "16 dimensions");
  add("input of rank 17", one_node("Relu", std::vector<ob::Dim>(17, 1), {}, {"x"}, {}), "16 dimensions");
}

void refused_tensors(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes, const std::string& says) {
    cases.push_back({name, bytes, says});
  };
  // Tensors.
  add("raw and typed data", with_tensor(ob::floats("t", {1}, {1}) + ob::float_data({2})), "two places");
  add("raw data and an empty list", with_tensor(ob::floats("t", {1}, {1}) + ob::bytes_field(4, "")), "two places");
  add("empty raw data and typed data", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::raw_data("") + ob::float_data({2}))), "two places");
  add("two kinds of typed data", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::float_data({1}) + ob::double_data({2}))), "two places");
  add("typed data of another type", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::double_data({2}))), "field of another type");
  add("an empty list with data of another type", with_tensor(ob::tensor("t", ob::FLOAT, {0}, ob::double_data({2}))), "field of another type");
  add("no data", with_tensor(ob::tensor("t", ob::FLOAT, {1}, "")), "needs 1 numbers and has 0");
  add("raw data too short", with_tensor(ob::tensor("t", ob::FLOAT, {2}, ob::raw_data("1234567"))), "needs 8 bytes and has 7");
  add("raw data too long", with_tensor(ob::tensor("t", ob::FLOAT, {2}, ob::raw_data("123456789"))), "needs 8 bytes and has 9");
  add("typed data too short", with_tensor(ob::tensor("t", ob::FLOAT, {2}, ob::float_data({1}))), "needs 2 numbers and has 1");
  add("typed data too long", with_tensor(ob::tensor("t", ob::FLOAT, {2}, ob::float_data({1, 2, 3}))), "needs 2 numbers and has 3");
  add("packed list of broken length", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::bytes_field(4, "12345"))), "whole number of entries");
  add("dimension 0 beside another", with_tensor(ob::tensor("t", ob::FLOAT, {2, 0}, ob::raw_data(""))), "dimension 0");
  add("empty list with a number", with_tensor(ob::tensor("t", ob::FLOAT, {0}, ob::float_data({1}))), "needs 0 numbers");
  add("negative dimension", with_tensor(ob::tensor("t", ob::FLOAT, {-1}, ob::raw_data("abcd"))), "dimension -1");
  add("two negative dimensions", with_tensor(ob::tensor("t", ob::FLOAT, {-1, -1}, ob::raw_data("abcd"))), "dimension -1");
  add("2^32 x 2^32", with_tensor(ob::tensor("t", ob::FLOAT, {1LL << 32U, 1LL << 32U}, ob::raw_data(""))), "2^28");
  add("2^28 x 2^36, a product that wraps to 0", with_tensor(ob::tensor("t", ob::FLOAT, {1LL << 28U, 1LL << 36U}, ob::raw_data(""))),
      "2^28");
  add("a product that wraps to 2", with_tensor(ob::tensor("t", ob::FLOAT, {2, 1LL << 28U, 1LL << 36U, 1}, ob::raw_data("12345678"))),
      "2^28");
  add("2^63 - 1", with_tensor(ob::tensor("t", ob::FLOAT, {0x7FFFFFFFFFFFFFFF}, ob::raw_data(""))), "2^28");
  add("2^28 + 1", with_tensor(ob::tensor("t", ob::FLOAT, {(1LL << 28U) + 1}, ob::raw_data(""))), "2^28");
  add("data_type 0", with_tensor(ob::tensor("t", 0, {1}, ob::raw_data("abcd"))), "element type 0");
  add("UINT16", with_tensor(ob::tensor("t", 4, {1}, ob::raw_data("ab"))), "element type 4");
  add("INT8 out of range", with_tensor(ob::tensor("t", ob::INT8, {1}, ob::int32_data({128}))), "none of its type INT8");
  add("UINT8 out of range", with_tensor(ob::tensor("t", ob::UINT8, {1}, ob::int32_data({-1}))), "none of its type UINT8");
  add("INT8, two bytes for one entry", with_tensor(ob::tensor("t", ob::INT8, {1}, ob::raw_data("ab"))), "needs 1 bytes");
  add("STRING", with_tensor(ob::tensor("t", ob::STRING, {1}, ob::bytes_field(6, "a"))), "element type 8");
  add("data_type 2^32 + 1",
      with_tensor(ob::varint_field(1, 1) + ob::varint_field(2, (1ULL << 32U) + 1) + ob::bytes_field(8, "t") + ob::raw_data("abcd")),
      "31 bits");
  add("int32_data of 33 bits", with_tensor(ob::tensor("t", ob::INT32, {1}, ob::varint_field(5, 1ULL << 32U))), "32 bits");
  add("int32_data not sign-extended", with_tensor(ob::tensor("t", ob::INT32, {1}, ob::varint_field(5, 0xFFFFFFFFULL))), "32 bits");
  add("half beyond 16 bits", with_tensor(ob::tensor("t", ob::FLOAT16, {1}, ob::int32_data({65536}))), "none of its type");
  add("negative half", with_tensor(ob::tensor("t", ob::BFLOAT16, {1}, ob::int32_data({-1}))), "none of its type");
  add("bool 2, typed", with_tensor(ob::tensor("t", ob::BOOL, {1}, ob::int32_data({2}))), "none of its type");
  add("bool 2, raw", with_tensor(ob::tensor("t", ob::BOOL, {1}, ob::raw_data("\x02"))), "neither 0 nor 1");
  add("NaN", with_tensor(ob::halves("t", ob::FLOAT16, {2}, {0, 0x7E00})), "NaN or an infinity at entry 1");
  add("infinite bfloat16", with_tensor(ob::halves("t", ob::BFLOAT16, {1}, {0xFF80})), "NaN or an infinity at entry 0");
  add("infinite float", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::raw_data(std::string("\x00\x00\x80\x7F", 4)))),
      "NaN or an infinity");
  add("signalling NaN", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::raw_data(std::string("\x01\x00\x80\xFF", 4)))),
      "NaN or an infinity");
  add("NaN double", with_tensor(ob::tensor("t", ob::DOUBLE, {1}, ob::raw_data(std::string("\x00\x00\x00\x00\x00\x00\xF8\x7F", 8)))),
      "NaN or an infinity");
  add("NaN in a Constant",
      with_constant({ob::tensor_attribute("value", ob::tensor("", ob::FLOAT, {1}, ob::raw_data(std::string("\x00\x00\xC0\x7F", 4))))}),
      "NaN or an infinity");
  add("infinite value_float", with_constant({ob::attribute("value_float", std::bit_cast<float>(0x7F800000U))}), "not finite");
  add("NaN in value_floats", with_constant({ob::floats_attribute("value_floats", {1, std::bit_cast<float>(0x7FC00000U)})}), "not finite");
  add("external data", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::external_data({{"location", "w.bin"}}))), "--allow-external-data");
  add("external data beside raw data", with_tensor(ob::floats("t", {1}, {1}) + ob::external_data({{"location", "w.bin"}})),
      "inside and outside");
  add("external data without data_location",
      with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::bytes_field(13, ob::key_value("location", "w.bin")))), "without saying");
  add("data_location 2", with_tensor(ob::floats("t", {1}, {1}) + ob::varint_field(14, 2)), "data_location");
  for (const char* place : {"a/../../secret.bin", "/etc/passwd", "..", ".", "", "a\\b", "../w.bin", "./w.bin"})
    add(std::string("external data in '") + place + "'",
        with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::external_data({{"location", place}}))), "plain file name");
  add("external data without location", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::external_data({{"offset", "0"}}))),
      "does not name it");
  add("external location twice", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::external_data({{"location", "a"}, {"location", "b"}}))),
      "twice");
  add("external entry unknown", with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::external_data({{"location", "a"}, {"basepath", "/"}}))),
      "does not define");
  for (const char* number : {"-1", "01", "1.5", "", " 1", "9223372036854775808", "99999999999999999999"})
    add(std::string("external offset '") + number + "'",
        with_tensor(ob::tensor("t", ob::FLOAT, {1}, ob::external_data({{"location", "a"}, {"offset", number}}))), "plain decimal");
}

void refused_graph(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes, const std::string& says) {
    cases.push_back({name, bytes, says});
  };
  // Graph.
  for (const std::int64_t version : {0, 1, 2, 15, -1})
    add("IR version " + std::to_string(version), changed([&](ob::Model& m) { m.ir_version = version; }), "IR version");
  for (const std::int64_t version : {0, 7, 24, -1}) add("opset " + std::to_string(version), base(version).bytes(), "opset");
  add("no opset", changed([](ob::Model& m) { m.opsets.clear(); }), "which opset");
  add("only another domain's opset", changed([](ob::Model& m) { m.opsets = {{"ai.onnx.ml", 13}}; }), "which opset");
  add("opset twice", changed([](ob::Model& m) { m.opsets.push_back({"", 12}); }), "imported twice");
  add("opset twice under both names", changed([](ob::Model& m) { m.opsets.push_back({"ai.onnx", 14}); }), "imported twice");
  add("other opset twice", changed([](ob::Model& m) { m.opsets.insert(m.opsets.end(), {{"z", 1}, {"z", 2}}); }), "imported twice");
  add("two initialisers of one name", with_tensor(ob::floats("W", {1}, {1})), "two initialisers");
  add("initialiser without name", with_tensor(ob::floats("", {1}, {1})), "has no name");
  add("overridable initialiser", changed([](ob::Model& m) { m.ir_version = 4, m.input("W", {2, 3}); }), "also a graph input");
  add("IR version 3, weight listed with another shape", changed([](ob::Model& m) {
        m.ir_version = 3, m.input("W", {3, 2});
      }),
      "another type or shape");
  add("IR version 3, weight listed with another rank", changed([](ob::Model& m) { m.ir_version = 3, m.input("W", {6}); }),
      "another type or shape");
  add("IR version 3, weight listed with another type", changed([](ob::Model& m) {
        m.ir_version = 3, m.input("W", {2, 3}, ob::DOUBLE);
      }),
      "another type or shape");
  add("two inputs", changed([](ob::Model& m) { m.input("z", {1}); }), "2 inputs");
  add("two inputs of one name", changed([](ob::Model& m) { m.input("x", {1, 2}); }), "two graph inputs");
  add(
      "no input",
      [] {
        ob::Model m;
        m.output("y", {2, 3}).initialiser(weights()).node("Relu", {"W"}, {"y"});
        return m.bytes();
      }(),
      "no input");
  add("two outputs", changed([](ob::Model& m) { m.output("h", {1, 3}); }), "2 outputs");
  add("two outputs of one name", changed([](ob::Model& m) { m.output("y", {1, 3}); }), "two graph outputs");
  add("no output", changed([](ob::Model& m) { m.outputs.clear(); }), "0 outputs");
  add("undefined output", changed([](ob::Model& m) { m.outputs[0] = ob::value_info("z", ob::FLOAT, {1, 3}); }), "nothing defines");
  add("output is the input", changed([](ob::Model& m) {
        m.outputs[0] = ob::value_info("x", ob::FLOAT, {1, 2});
      }),
      "one of its inputs or weights");
  add("output is a weight", changed([](ob::Model& m) {
        m.outputs[0] = ob::value_info("W", ob::FLOAT, {2, 3});
      }),
      "one of its inputs or weights");
  add("output is constant", changed([](ob::Model& m) {
        m.node("Relu", {"W"}, {"c"});
        m.outputs[0] = ob::value_info("c", ob::FLOAT, {2, 3});
      }),
      "does not depend on its input");
  add("output of another type", changed([](ob::Model& m) { m.outputs[0] = ob::value_info("y", ob::DOUBLE, {1, 3}); }), "another type");
  add("output of another shape", changed([](ob::Model& m) {
        m.outputs[0] = ob::value_info("y", ob::FLOAT, {1, 4});
      }),
      "declares the shape 1x4");
  add("output of another rank", changed([](ob::Model& m) { m.outputs[0] = ob::value_info("y", ob::FLOAT, {3}); }), "declares the shape 3");
  add("output of dimension -1", changed([](ob::Model& m) {
        m.outputs[0] = ob::value_info("y", ob::FLOAT, {-1, 3});
      }),
      "declares the shape");
  add("input of dimension 0", changed([](ob::Model& m) { m.inputs[0] = ob::value_info("x", ob::FLOAT, {0, 2}); }), "dimension 0");
  add("input of dimension -1", changed([](ob::Model& m) { m.inputs[0] = ob::value_info("x", ob::FLOAT, {-1, 2}); }), "dimension -1");
  add("input without shape", changed([](ob::Model& m) {
        m.inputs[0] = ob::bytes_field(1, "x") + ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, ob::FLOAT)));
      }),
      "has no shape");
  add("input without type", changed([](ob::Model& m) { m.inputs[0] = ob::bytes_field(1, "x"); }), "not a tensor of FLOAT");
  add("input that is a sequence",
      changed([](ob::Model& m) { m.inputs[0] = ob::bytes_field(1, "x") + ob::bytes_field(2, ob::bytes_field(4, "")); }),
      "not a tensor of FLOAT");
  add("input of integers", one_node("Identity", {2}, {2}, {"x"}, {}, {}, 13, {"y"}, ob::INT64, ob::INT64), "not a tensor of FLOAT");
  add("input of 2^29 entries", one_node("Relu", {std::int64_t{1} << 29U}, {std::int64_t{1} << 29U}, {"x"}, {}), "2^28");
  add("input whose product wraps to 0", one_node("Relu", {std::int64_t{1} << 28U, std::int64_t{1} << 36U}, {1}, {"x"}, {}), "2^28");
  add("input of 2^64 entries", one_node("Relu", {std::int64_t{1} << 32U, std::int64_t{1} << 32U}, {1}, {"x"}, {}), "2^28");
  add("dangling name", changed([](ob::Model& m) { m.nodes[1] = ob::node("Relu", {"nowhere"}, {"y"}); }),
      "'nowhere', which nothing defines");
  add("cycle", changed([](ob::Model& m) {
        m.nodes[0] = ob::node("Add", {"x", "y"}, {"h"});
        m.nodes[1] = ob::node("Relu", {"h"}, {"y"});
      }),
      "in a circle");
  add("node that reads itself", changed([](ob::Model& m) { m.nodes[1] = ob::node("Add", {"h", "y"}, {"y"}); }), "in a circle");
  add("node output defined twice", changed([](ob::Model& m) { m.node("Abs", {"x"}, {"y"}); }), "defined twice");
  add("node output named as a weight", changed([](ob::Model& m) { m.node("Abs", {"x"}, {"W"}); }), "defined twice");
  add("node output named as the input", changed([](ob::Model& m) { m.node("Abs", {"h"}, {"x"}); }), "defined twice");
  add("one name for two outputs of a node", one_node("Dropout", {1, 2}, {1, 2}, {"x"}, {}, {}, 13, {"y", "y"}), "defined twice");
  add("idle node", changed([](ob::Model& m) { m.node("Relu", {"x"}, {"idle"}); }), "does not reach the model's output");
}

void refused_nodes(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::string& bytes, const std::string& says) {
    cases.push_back({name, bytes, says});
  };
  // Nodes.
  add("unknown operator", one_node("Acos", {2}, {2}, {"x"}, {}), "operator Acos is not supported");
  add("operator by another case", one_node("relu", {2}, {2}, {"x"}, {}), "operator relu is not supported");
  add("other domain", changed([](ob::Model& m) { m.nodes[1] = ob::node("Relu", {"h"}, {"y"}, {}, "", "com.microsoft"); }),
      "domain 'com.microsoft'");
  add("overload", changed([](ob::Model& m) { m.nodes[1] += ob::bytes_field(8, "v"); }), "overload");
  add("control flow", one_node("If", {2}, {2}, {"x"}, {ob::graph_attribute("then_branch", base().graph())}),
      "Control flow (If) is not supported");
  add("attribute that Relu does not have", one_node("Relu", {2}, {2}, {"x"}, {ob::attribute("alpha", 1.0F)}),
      "'alpha' is not one that Relu has");
  add("Add with axis (opset 6)", one_node("Add", {2}, {2}, {"x", "x"}, {ob::attribute("axis", 0)}), "'axis'");
  add("attribute of another kind", one_node("LeakyRelu", {2}, {2}, {"x"}, {ob::attribute("alpha", 1)}), "not a number");
  add("attribute twice", one_node("LeakyRelu", {2}, {2}, {"x"}, {ob::attribute("alpha", 0.5F), ob::attribute("alpha", 0.5F)}),
      "'alpha' twice");
  add("infinite alpha", one_node("LeakyRelu", {2}, {2}, {"x"}, {ob::attribute("alpha", std::bit_cast<float>(0xFF800000U))}), "not finite");
  add("NaN beta",
      one_node("Gemm", {1, 2}, {1, 3}, {"x", "W", "b"}, {ob::attribute("beta", std::bit_cast<float>(0x7FC00000U))}, {weights(), bias()}),
      "not finite");
  add("too few inputs", one_node("Add", {2}, {2}, {"x"}, {}), "takes 2 inputs");
  add("too many inputs", one_node("Relu", {2}, {2}, {"x", "x"}, {}), "takes 1 inputs");
  add("absent first input", one_node("Add", {2}, {2}, {"", "x"}, {}), "leaves one out");
  add("no outputs", changed([](ob::Model& m) { m.nodes.push_back(ob::node("Relu", {"x"}, {})); }), "0 outputs");
  add("two outputs of Relu", one_node("Relu", {2}, {2}, {"x"}, {}, {}, 13, {"y", "z"}), "2 outputs");
  add("mixed types", one_node("Add", {2}, {2}, {"x", "c"}, {}, {ob::doubles("c", {2}, {1, 2})}), "mixes FLOAT and DOUBLE");
  add("integer Relu", changed([](ob::Model& m) { m.initialiser(ob::int64s("i", {1}, {2})).node("Relu", {"i"}, {"j"}); }), "INT64");
  add("no broadcast", one_node("Add", {2}, {2}, {"x", "c"}, {}, {ob::floats("c", {3}, {1, 2, 3})}), "do not broadcast");
  add("broadcast beyond 2^28",
      one_node("Add", {1 << 15, 1}, {1}, {"x", "c"}, {}, {ob::floats("c", {1, 1 << 14}, std::vector<float>(1 << 14, 1))}), "2^28");
  add("matmul mismatch", one_node("MatMul", {1, 3}, {1, 3}, {"x", "W"}, {}, {weights()}), "cannot be multiplied");
  add("matmul with a scalar", one_node("MatMul", {1, 2}, {1, 2}, {"x", "c"}, {}, {ob::floats("c", {}, {1})}), "cannot be multiplied");
  add("matmul batches mismatch",
      one_node("MatMul", {3, 1, 2}, {3, 1, 3}, {"x", "B"}, {}, {ob::floats("B", {2, 2, 3}, std::vector<float>(12, 1))}),
      "cannot be multiplied");
  add("gemm mismatch", one_node("Gemm", {1, 2}, {1, 2}, {"x", "W"}, {ob::attribute("transB", 1)}, {weights()}), "do not fit together");
  add("gemm of rank 1", one_node("Gemm", {2}, {3}, {"x", "W"}, {}, {weights()}), "Gemm multiplies matrices");
  add("gemm of rank 3", one_node("Gemm", {1, 1, 2}, {1, 1, 3}, {"x", "W"}, {}, {weights()}), "Gemm multiplies matrices");
  add("gemm transA 2", one_node("Gemm", {2, 1}, {1, 3}, {"x", "W"}, {ob::attribute("transA", 2)}, {weights()}), "0 or 1");
  add("gemm bias too large",
      one_node("Gemm", {1, 2}, {1, 3}, {"x", "W", "c"}, {}, {weights(), ob::floats("c", {2, 3}, std::vector<float>(6, 1))}),
      "cannot be added");
  add("gemm bias of rank 3", one_node("Gemm", {1, 2}, {1, 3}, {"x", "W", "c"}, {}, {weights(), ob::floats("c", {1, 1, 3}, {1, 2, 3})}),
      "cannot be added");
  add("gemm without bias, opset 10", one_node("Gemm", {1, 2}, {1, 3}, {"x", "W"}, {}, {weights()}, 10), "takes 3 inputs");
  add("flatten axis beyond", one_node("Flatten", {2, 3}, {6, 1}, {"x"}, {ob::attribute("axis", 3)}), "axis 3");
  add("flatten axis -3", one_node("Flatten", {2, 3}, {1, 6}, {"x"}, {ob::attribute("axis", -3)}), "axis -3");
  add("flatten axis -1, opset 10", one_node("Flatten", {2, 3}, {2, 3}, {"x"}, {ob::attribute("axis", -1)}, {}, 10), "axis -1");
  add("reshape, wrong number of entries", reshape({4, 2}, {4, 2}), "cannot bring 6 entries");
  add("reshape, -1 does not divide", reshape({4, -1}, {4, 1}), "cannot bring 6 entries");
  add("reshape, two open dimensions", reshape({-1, -1}, {2, 3}), "two dimensions open");
  add("reshape, dimension -2", reshape({-2, 3}, {2, 3}), "dimension -2");
  add("reshape, 0 beyond the rank", reshape({1, 2, 3, 0}, {1, 2, 3, 1}), "does not have");
  add("reshape, 0 with allowzero", reshape({0, 2, 3}, {1, 2, 3}, {ob::attribute("allowzero", 1)}), "allowzero");
  add("reshape, allowzero 2", reshape({3, 2}, {3, 2}, {ob::attribute("allowzero", 2)}), "0 or 1");
  add("reshape, allowzero before opset 14", reshape({3, 2}, {3, 2}, {ob::attribute("allowzero", 0)}, 13), "'allowzero'");
  add("reshape to 2^63", reshape({1LL << 62U, 2, -1}, {3, 2}), "cannot bring");
  add("reshape, overflowing product", reshape({1LL << 32U, 1LL << 32U, 6}, {6}), "cannot bring");
  add("reshape to rank 17", reshape({6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {}), "16 dimensions");
  add("reshape, INT32 shape",
      one_node("Reshape", {6}, {2, 3}, {"x", "s"}, {},
               {ob::tensor("s", ob::INT32, {2}, ob::raw_data(ob::raw_bytes(std::vector<std::int32_t>{2, 3})))}),
      "INT64");
  add("reshape, shape of rank 0", one_node("Reshape", {6}, {6}, {"x", "s"}, {}, {ob::int64s("s", {}, {6})}), "INT64");
  add("reshape, shape of rank 2", one_node("Reshape", {6}, {2, 3}, {"x", "s"}, {}, {ob::int64s("s", {1, 2}, {2, 3})}), "INT64");
  add("dropout, ratio attribute in opset 12", one_node("Dropout", {2}, {2}, {"x"}, {ob::attribute("ratio", 0.5F)}, {}, 12), "'ratio'");
  add("dropout, seed in opset 11", one_node("Dropout", {2}, {2}, {"x"}, {ob::attribute("seed", 1)}, {}, 11), "'seed'");
  add("dropout, two inputs in opset 11", one_node("Dropout", {2}, {2}, {"x", "r"}, {}, {ob::floats("r", {}, {0.5F})}, 11),
      "takes 1 inputs");
  const std::string on = ob::tensor("t", ob::BOOL, {}, ob::raw_data("\x01"));
  add("dropout in training", one_node("Dropout", {2}, {2}, {"x", "", "t"}, {}, {on}), "training mode");
  add("dropout, training_mode of type INT64", one_node("Dropout", {2}, {2}, {"x", "", "t"}, {}, {ob::int64s("t", {}, {0})}),
      "training_mode");
  add("dropout, training_mode of two entries",
      one_node("Dropout", {2}, {2}, {"x", "", "t"}, {}, {ob::tensor("t", ob::BOOL, {2}, ob::int32_data({0, 0}))}), "training_mode");
  add("dropout, ratio from the data", one_node("Dropout", {1}, {1}, {"x", "x"}, {}), "ratio");
  add("dropout, ratio of two entries", one_node("Dropout", {2}, {2}, {"x", "r"}, {}, {ob::floats("r", {2}, {0.5F, 0.5F})}), "ratio");
  add("dropout, only the mask", one_node("Dropout", {2}, {2}, {"x"}, {}, {}, 13, {"", "y"}, ob::FLOAT, ob::BOOL),
      "leaves out its first output");
  add(
      "mask of dropout used",
      [] {
        ob::Model m(9);
        m.input("x", {2}).output("y", {2}).node("Dropout", {"x"}, {"d", "mask"}).node("Mul", {"d", "mask"}, {"y"});
        return m.bytes();
      }(),
      "mask");
  add("mask of dropout is the output", one_node("Dropout", {2}, {2}, {"x"}, {}, {}, 9, {"d", "y"}), "mask");
  add("cast narrows", one_node("Cast", {2}, {2}, {"x"}, {ob::attribute("to", ob::FLOAT16)}, {}, 13, {"y"}, ob::FLOAT, ob::FLOAT16),
      "casts FLOAT");
  add("cast between halves",
      one_node("Cast", {2}, {2}, {"x"}, {ob::attribute("to", ob::BFLOAT16)}, {}, 13, {"y"}, ob::FLOAT16, ob::BFLOAT16), "casts FLOAT16");
  add("cast without to", one_node("Cast", {2}, {2}, {"x"}, {}), "lacks the attribute 'to'");
  add("cast to 2^32 + 1", one_node("Cast", {2}, {2}, {"x"}, {ob::attribute("to", std::int64_t{(1LL << 32U) + 1})}), "casts FLOAT");
  add("constant without value", with_constant({}), "no constant");
  add("constant with two values", with_constant({ob::attribute("value_float", 1.0F), ob::attribute("value_int", 1)}), "twice");
  add("constant value_float in opset 11", with_constant({ob::attribute("value_float", 1.0F)}, 11), "'value_float'");
  add("constant string", with_constant({ob::string_attribute("value_string", "a")}), "'value_string'");
  add("constant with an input", changed([](ob::Model& m) { m.node("Constant", {"W"}, {"c"}, {ob::attribute("value_float", 1.0F)}); }),
      "takes 0 inputs");
}

}  // namespace

std::vector<Case> read() {
  std::vector<Case> cases;
  read_files(cases);
  read_nodes(cases);
  read_graph_nodes(cases);
  return cases;
}

std::vector<Case> refused() {
  std::vector<Case> cases;
  refused_bytes(cases);
  refused_repeated_fields(cases);
  refused_parts(cases);
  refused_tensors(cases);
  refused_graph(cases);
  refused_nodes(cases);
  refused_graph_nodes(cases);
  return cases;
}

}  // namespace onnx_cases
