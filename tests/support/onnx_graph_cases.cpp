// Cases for the operators of graphs: convolutions, pools, reductions, entries that move, integers that follow from shapes. The declared
// shape of the output is written by hand, and both readers compare it with the one that they infer: a file that is read has been inferred
// rightly.
#include <bit>
#include <cstdint>

#include "tests/support/onnx_cases.hpp"

namespace onnx_cases {

namespace {

using Dims = std::vector<ob::Dim>;
using Attributes = std::vector<ob::Attribute>;
using Integers = std::vector<std::int64_t>;

/// An input beside x: an initialiser, or absent.
struct Input {
  std::string name;
  std::string tensor;
};

Input real(const std::string& name, const Integers& dims, float value = 0.5F) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  return {name, ob::floats(name, dims, std::vector<float>(static_cast<std::size_t>(count), value))};
}
Input list(const std::string& name, const Integers& values) {
  return {name, ob::int64s(name, {static_cast<std::int64_t>(values.size())}, values)};
}
Input number(const std::string& name, std::int64_t value) {
  return {name, ob::int64s(name, {}, {value})};
}
Input int32s(const std::string& name, const std::vector<std::int32_t>& values) {
  return {name, ob::tensor(name, ob::INT32, {static_cast<std::int64_t>(values.size())}, ob::raw_data(ob::raw_bytes(values)))};
}
Input absent() {
  return {"", ""};
}
Input data() {
  return {"x", ""};
}

ob::Attribute ints(const std::string& name, const Integers& values) {
  return ob::ints_attribute(name, values);
}
ob::Attribute text(const std::string& name, const std::string& value) {
  return ob::string_attribute(name, value);
}
ob::Attribute num(const std::string& name, std::int64_t value) {
  return ob::attribute(name, value);
}

/// x -> op(x, further inputs) -> y
std::string graph(const std::string& op, const Dims& in, const Dims& out, const Attributes& attributes = {},
                  const std::vector<Input>& further = {}, std::int64_t opset = 13, const std::vector<std::string>& outputs = {"y"}) {
  std::vector<std::string> inputs = {"x"};
  std::vector<std::string> initialisers;
  for (const Input& input : further) {
    inputs.push_back(input.name);
    if (!input.tensor.empty()) initialisers.push_back(input.tensor);
  }
  return one_node(op, in, out, inputs, attributes, initialisers, opset, outputs);
}

/// x of shape 2x3x4 -> Reshape by the integers `s` that the nodes compute -> y.
std::string reshaped(const Dims& out, const std::vector<Input>& constants, const std::vector<std::string>& nodes, std::int64_t opset = 13) {
  ob::Model model(opset);
  model.input("x", {2, 3, 4}).output("y", out);
  for (const Input& constant : constants) model.initialiser(constant.tensor);
  model.nodes = nodes;
  model.node("Reshape", {"x", "s"}, {"y"});
  return model.bytes();
}

/// The base model and one node of constants whose result nobody reads.
std::string beside(const std::string& op, const std::vector<Input>& inputs, const Attributes& attributes = {}, std::int64_t opset = 13,
                   const std::vector<std::string>& outputs = {"c"}) {
  return changed(
      [&](ob::Model& m) {
        std::vector<std::string> names;
        for (const Input& input : inputs) {
          names.push_back(input.name);
          if (!input.tensor.empty()) m.initialiser(input.tensor);
        }
        m.node(op, names, outputs, attributes);
      },
      opset);
}

class Cases {
 public:
  explicit Cases(std::vector<Case>& cases) : cases_(cases) {}
  void read(const std::string& name, const std::string& bytes) const { cases_.push_back({name, bytes, ""}); }
  void refused(const std::string& name, const std::string& bytes, const std::string& says) const { cases_.push_back({name, bytes, says}); }

 private:
  std::vector<Case>& cases_;
};

constexpr std::int64_t huge = std::int64_t{1} << 31U;
constexpr std::int64_t most = 0x7FFFFFFFFFFFFFFF;

void read_convolutions(const Cases& add) {
  const Input w = real("w", {6, 4, 3, 3});
  add.read("conv", graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 7}, {}, {w}));
  add.read("conv with bias and kernel_shape",
           graph("Conv", {2, 4, 8, 9}, {2, 6, 6, 7}, {ints("kernel_shape", {3, 3})}, {w, real("b", {6})}, 8));
  add.read("conv with absent bias", graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 7}, {}, {w, absent()}));
  add.read("conv, everything",
           graph("Conv", {1, 4, 8, 9}, {1, 6, 4, 2},
                 {ints("strides", {2, 3}), ints("dilations", {2, 3}), ints("pads", {1, 0, 3, 2}), num("group", 1)}, {w}));
  add.read("conv in groups", graph("Conv", {1, 8, 8, 9}, {1, 6, 6, 7}, {num("group", 2)}, {w}));
  add.read("conv depthwise, three axes", graph("Conv", {1, 2, 5, 5, 5}, {1, 4, 5, 4, 3}, {num("group", 2)}, {real("w", {4, 1, 1, 2, 3})}));
  add.read("conv, one axis", graph("Conv", {1, 4, 8}, {1, 2, 1}, {}, {real("w", {2, 4, 8})}));
  add.read("conv auto_pad empty", graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 7}, {text("auto_pad", "")}, {w}));
  add.read("conv VALID", graph("Conv", {1, 4, 8, 9}, {1, 6, 3, 4}, {text("auto_pad", "VALID"), ints("strides", {2, 2})}, {w}));
  add.read("conv SAME_UPPER", graph("Conv", {1, 4, 8, 9}, {1, 6, 4, 5}, {text("auto_pad", "SAME_UPPER"), ints("strides", {2, 2})}, {w}));
  add.read("conv SAME_LOWER", graph("Conv", {1, 4, 8, 9}, {1, 6, 8, 9}, {text("auto_pad", "SAME_LOWER"), ints("pads", {0, 0, 0, 0})}, {w}));
  add.read("conv SAME, kernel smaller than the stride",
           graph("Conv", {1, 4, 9}, {1, 2, 3}, {text("auto_pad", "SAME_UPPER"), ints("strides", {4})}, {real("w", {2, 4, 1})}));
  add.read("conv SAME, one entry left out",
           graph("Conv", {1, 4, 8}, {1, 2, 4}, {text("auto_pad", "SAME_LOWER"), ints("strides", {2})}, {real("w", {2, 4, 1})}));
  add.read("conv of data with data", graph("Conv", {2, 2, 2}, {2, 2, 1}, {}, {data()}));
  add.read("conv, largest stride", graph("Conv", {1, 4, 8, 9}, {1, 6, 1, 1}, {ints("strides", {huge - 1, huge - 1})}, {w}));
  const Input t = real("t", {4, 3, 3, 3});
  add.read("conv transpose, output_shape", graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 7, 6}, {ints("output_shape", {7, 6})}, {t}));
  add.read("conv transpose, output_shape and SAME",
           graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 9, 13}, {ints("output_shape", {9, 13}), text("auto_pad", "SAME_LOWER"), ints("strides", {2, 2})}, {t}));
  add.read("conv transpose, SAME", graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 5, 6}, {text("auto_pad", "SAME_UPPER")}, {t}));
  add.read("conv transpose", graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 7, 8}, {}, {t}));
  add.read("conv transpose, everything",
           graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 9, 19},
                 {ints("strides", {2, 3}), ints("pads", {1, 0, 2, 1}), ints("dilations", {1, 2}), ints("output_padding", {1, 0})},
                 {t, real("b", {3})}));
  add.read("conv transpose in groups",
           graph("ConvTranspose", {1, 4, 5, 6}, {1, 6, 7, 8}, {num("group", 2), text("auto_pad", "VALID")}, {t}));
  const std::vector<Input> norm = {real("s", {3}), real("o", {3}), real("m", {3}), real("v", {3})};
  add.read("batch normalisation", graph("BatchNormalization", {2, 3, 4}, {2, 3, 4}, {ob::attribute("epsilon", 0.001F)}, norm));
  add.read("batch normalisation, opset 8", graph("BatchNormalization", {1, 3}, {1, 3}, {num("spatial", 1)}, norm, 8));
  add.read("batch normalisation, opset 15", graph("BatchNormalization", {1, 3}, {1, 3}, {num("training_mode", 0)}, norm, 15));
}

void refuse_convolutions(const Cases& add) {
  const Input w = real("w", {6, 4, 3, 3});
  const auto conv = [&](const std::string& name, const Attributes& attributes, const std::string& says) {
    add.refused("conv, " + name, graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 7}, attributes, {w}), says);
  };
  add.refused("conv of another shape", graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 6}, {}, {w}), "declares the shape");
  add.refused("conv, rank 2", graph("Conv", {4, 8}, {6, 6}, {}, {real("w", {6, 4})}), "spatial axes");
  add.refused("conv, rank 6", graph("Conv", {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, {}, {real("w", {1, 1, 1, 1, 1, 1})}), "spatial axes");
  add.refused("conv, weight of another rank", graph("Conv", {1, 4, 8}, {1, 6, 6}, {}, {w}), "as many axes");
  add.refused("conv, channels do not fit", graph("Conv", {1, 3, 8, 9}, {1, 6, 6, 7}, {}, {w}), "does not fit");
  conv("group 0", {num("group", 0)}, "0 groups");
  conv("group -1", {num("group", -1)}, "-1 groups");
  add.refused("conv, outputs not a multiple of the groups", graph("Conv", {1, 16, 8, 9}, {1, 6, 6, 7}, {num("group", 4)}, {w}), "4 groups");
  add.refused("conv, bias of another length", graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 7}, {}, {w, real("b", {5})}), "vector of length 6");
  add.refused("conv, bias of rank 2", graph("Conv", {1, 4, 8, 9}, {1, 6, 6, 7}, {}, {w, real("b", {1, 6})}), "vector of length 6");
  add.refused("conv, weight of another type", graph("Conv", {1, 4, 8}, {1, 6, 6}, {}, {{"w", ob::doubles("w", {1, 4, 1}, {1, 2, 3, 4})}}),
              "mixes");
  conv("kernel_shape of another kernel", {ints("kernel_shape", {3, 2})}, "not that of its weight");
  conv("kernel_shape too short", {ints("kernel_shape", {3})}, "has 1 entries");
  conv("strides too long", {ints("strides", {1, 1, 1})}, "has 3 entries");
  conv("strides empty", {ints("strides", {})}, "has 0 entries");
  conv("stride 0", {ints("strides", {0, 1})}, "the entry 0");
  conv("stride 2^31", {ints("strides", {1, huge})}, "2^31 - 1");
  conv("dilation 0", {ints("dilations", {1, 0})}, "the entry 0");
  conv("dilation too wide", {ints("dilations", {1, 5})}, "reaches over");
  conv("pads too short", {ints("pads", {1, 1})}, "has 2 entries");
  conv("pad -1", {ints("pads", {0, 0, -1, 0})}, "the entry -1");
  conv("pad 2^31", {ints("pads", {0, 0, huge, 0})}, "2^31 - 1");
  conv("auto_pad of another name", {text("auto_pad", "SAME")}, "auto_pad");
  conv("auto_pad a number", {num("auto_pad", 0)}, "not a text");
  conv("VALID and pads", {text("auto_pad", "VALID"), ints("pads", {1, 1, 1, 1})}, "both");
  add.refused("conv SAME, two entries left out",
              graph("Conv", {1, 4, 9}, {1, 2, 3}, {text("auto_pad", "SAME_UPPER"), ints("strides", {3})}, {real("w", {2, 4, 1})}),
              "leave out the end");
  add.refused("max pool SAME, one entry left out",
              graph("MaxPool", {1, 4, 8}, {1, 4, 4}, {text("auto_pad", "SAME_UPPER"), ints("strides", {2}), ints("kernel_shape", {1})}),
              "leave out the end");
  conv("SAME_UPPER and dilations", {text("auto_pad", "SAME_UPPER"), ints("dilations", {1, 2})}, "with dilations");
  conv("SAME_LOWER and dilations", {text("auto_pad", "SAME_LOWER"), ints("dilations", {2, 1})}, "with dilations");
  conv("SAME and pads", {text("auto_pad", "SAME_UPPER"), ints("pads", {0, 0, 0, 1})}, "both");
  conv("output_padding", {ints("output_padding", {0, 0})}, "'output_padding'");
  const Input t = real("t", {4, 3, 3, 3});
  const auto transpose = [&](const std::string& name, const Attributes& attributes, const std::string& says) {
    add.refused("conv transpose, " + name, graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 7, 8}, attributes, {t}), says);
  };
  transpose("output_shape that leaves an odd padding", {ints("output_shape", {7, 7})}, "agree where it is even");
  transpose("output_shape beyond the kernel's reach", {ints("output_shape", {7, 10})}, "agree where it is even");
  transpose("output_shape and pads", {ints("output_shape", {7, 8}), ints("pads", {1, 0, 0, 0})}, "both");
  transpose("output_shape and VALID", {ints("output_shape", {7, 8}), text("auto_pad", "VALID")}, "both");
  transpose("output_shape with batch and channels", {ints("output_shape", {1, 3, 7, 8})}, "has 4 entries");
  transpose("output_shape and output_padding", {ints("output_shape", {10, 13}), ints("strides", {2, 2}), ints("output_padding", {1, 0})},
            "beside an output_padding");
  transpose("SAME that leaves an odd padding", {text("auto_pad", "SAME_UPPER"), ints("strides", {2, 2})}, "agree where it is even");
  transpose("output_padding as long as the stride", {ints("output_padding", {1, 0})}, "output_padding 1");
  transpose("output_padding -1", {ints("output_padding", {-1, 0})}, "the entry -1");
  transpose("nothing left", {ints("pads", {3, 0, 4, 0})}, "leave nothing");
  transpose("wider than 2^31", {ints("dilations", {(huge >> 1U) + 1, 1}), ints("pads", {huge - 1, 0, 0, 0})}, "2^31 positions");
  add.refused("conv transpose, channels do not fit", graph("ConvTranspose", {1, 3, 5, 6}, {1, 3, 7, 8}, {}, {t}), "does not fit");
  add.refused("conv transpose, groups do not divide", graph("ConvTranspose", {1, 4, 5, 6}, {1, 9, 7, 8}, {num("group", 3)}, {t}),
              "3 groups");
  add.refused("conv transpose, bias of another length", graph("ConvTranspose", {1, 4, 5, 6}, {1, 3, 7, 8}, {}, {t, real("b", {4})}),
              "length 3");
  const auto norm = [&](const std::string& name, const Dims& shape, const std::vector<Input>& further, const Attributes& attributes,
                        std::int64_t opset, const std::string& says) {
    add.refused("batch normalisation, " + name, graph("BatchNormalization", shape, shape, attributes, further, opset), says);
  };
  const std::vector<Input> right = {real("s", {3}), real("o", {3}), real("m", {3}), real("v", {3})};
  norm("rank 1", {3}, right, {}, 13, "no axis of channels");
  norm("scale of another length", {1, 3}, {real("s", {1}), right[1], right[2], right[3]}, {}, 13, "vectors of length 3");
  norm("variance of rank 2", {1, 3}, {right[0], right[1], right[2], real("v", {1, 3})}, {}, 13, "vectors of length 3");
  norm("offset from the data", {3, 3}, {right[0], data(), right[2], right[3]}, {}, 13, "constant vectors");
  norm("spatial 0", {1, 3}, right, {num("spatial", 0)}, 8, "spatial 0");
  norm("spatial in opset 9", {1, 3}, right, {num("spatial", 1)}, 9, "'spatial'");
  norm("training", {1, 3}, right, {num("training_mode", 1)}, 14, "training mode");
  norm("training_mode in opset 13", {1, 3}, right, {num("training_mode", 0)}, 13, "'training_mode'");
  norm("too few inputs", {1, 3}, {right[0], right[1], right[2]}, {}, 13, "takes 5 inputs");
  add.refused("batch normalisation, second output", graph("BatchNormalization", {1, 3}, {1, 3}, {}, right, 13, {"y", "m2"}), "2 outputs");
}

void read_pools(const Cases& add) {
  const ob::Attribute k2 = ints("kernel_shape", {2});
  add.read("max pool", graph("MaxPool", {1, 3, 7, 8}, {1, 3, 3, 4}, {ints("kernel_shape", {2, 2}), ints("strides", {2, 2})}, {}, 8));
  add.read("max pool, everything", graph("MaxPool", {1, 3, 7, 8}, {1, 3, 4, 4},
                                         {ints("kernel_shape", {2, 3}), ints("strides", {2, 2}), ints("pads", {1, 2, 1, 2}),
                                          ints("dilations", {2, 2}), num("ceil_mode", 0), num("storage_order", 1)}));
  add.read("max pool, ceil_mode",
           graph("MaxPool", {1, 1, 6}, {1, 1, 3}, {k2, ints("strides", {3}), num("ceil_mode", 1), ints("pads", {1, 0})}));
  add.read("max pool, ceil_mode, last window cut", graph("MaxPool", {1, 1, 5}, {1, 1, 3}, {k2, ints("strides", {2}), num("ceil_mode", 1)}));
  add.read("max pool SAME", graph("MaxPool", {1, 1, 5}, {1, 1, 3}, {k2, ints("strides", {2}), text("auto_pad", "SAME_LOWER")}));
  add.read("average pool", graph("AveragePool", {1, 3, 7, 8}, {1, 3, 6, 6}, {ints("kernel_shape", {2, 3})}, {}, 8));
  add.read("average pool, counted pads",
           graph("AveragePool", {1, 1, 5}, {1, 1, 3}, {k2, ints("strides", {2}), ints("pads", {1, 0}), num("count_include_pad", 1)}));
  add.read("average pool, ceil_mode", graph("AveragePool", {1, 1, 5}, {1, 1, 3}, {k2, ints("strides", {2}), num("ceil_mode", 1)}));
  add.read("average pool, ceil_mode and counted pads that come out even",
           graph("AveragePool", {1, 1, 5}, {1, 1, 3},
                 {k2, ints("strides", {2}), num("ceil_mode", 1), ints("pads", {1, 0}), num("count_include_pad", 1)}));
  add.read("average pool, dilations", graph("AveragePool", {1, 1, 5}, {1, 1, 3}, {k2, ints("dilations", {2})}, {}, 19));
  add.read("average pool, windows over the gap of a dilation",
           graph("AveragePool", {1, 1, 2}, {1, 1, 1}, {k2, ints("dilations", {2}), ints("pads", {1, 1}), ints("strides", {2})}, {}, 19));
  add.read("norm pool", graph("LpPool", {1, 3, 7, 8}, {1, 3, 3, 4}, {ints("kernel_shape", {2, 2}), ints("strides", {2, 2}), num("p", 2)}));
  add.read("norm pool, everything", graph("LpPool", {1, 1, 5}, {1, 1, 3},
                                          {k2, ints("strides", {2}), ints("pads", {1, 0}), ints("dilations", {2}), num("ceil_mode", 1)}, {}, 18));
  add.read("global average pool", graph("GlobalAveragePool", {2, 3, 4, 5}, {2, 3, 1, 1}));
  add.read("global max pool, rank 6", graph("GlobalMaxPool", {2, 3, 4, 5, 1, 2}, {2, 3, 1, 1, 1, 1}));
}

void refuse_pools(const Cases& add) {
  const ob::Attribute k2 = ints("kernel_shape", {2});
  const auto pool = [&](const std::string& name, const std::string& op, const Attributes& attributes, std::int64_t length,
                        std::int64_t opset, const std::string& says) {
    add.refused(name, graph(op, {1, 1, 5}, {1, 1, length}, attributes, {}, opset), says);
  };
  pool("norm pool, p 1", "LpPool", {k2, num("p", 1)}, 4, 13, "norm of order 1");
  pool("norm pool, ceil_mode in opset 13", "LpPool", {k2, num("ceil_mode", 0)}, 4, 13, "'ceil_mode'");
  pool("norm pool, window of padding alone", "LpPool", {ints("kernel_shape", {2}), ints("dilations", {7}), ints("pads", {6, 6})}, 10, 18, "as long as its kernel");
  pool("max pool without kernel_shape", "MaxPool", {}, 5, 13, "'kernel_shape'");
  pool("max pool, kernel 0", "MaxPool", {ints("kernel_shape", {0})}, 5, 13, "the entry 0");
  pool("max pool, kernel too long", "MaxPool", {ints("kernel_shape", {6})}, 1, 13, "reaches over");
  pool("max pool, kernel of two axes", "MaxPool", {ints("kernel_shape", {2, 2})}, 4, 13, "has 2 entries");
  pool("max pool, ceil_mode 2", "MaxPool", {k2, num("ceil_mode", 2)}, 4, 13, "0 or 1");
  pool("max pool, ceil_mode in opset 9", "MaxPool", {k2, num("ceil_mode", 0)}, 4, 9, "'ceil_mode'");
  pool("max pool, dilations in opset 9", "MaxPool", {k2, ints("dilations", {1})}, 4, 9, "'dilations'");
  pool("max pool, storage_order 2", "MaxPool", {k2, num("storage_order", 2)}, 4, 13, "0 or 1");
  pool("max pool, pad as long as the kernel", "MaxPool", {k2, ints("pads", {2, 0})}, 6, 13, "as long as its kernel");
  pool("max pool, end pad as long as the kernel", "MaxPool", {k2, ints("pads", {0, 2})}, 6, 13, "as long as its kernel");
  pool("max pool, VALID and ceil_mode", "MaxPool", {k2, text("auto_pad", "VALID"), num("ceil_mode", 1)}, 4, 13, "both");
  pool("max pool, SAME and ceil_mode", "MaxPool", {k2, text("auto_pad", "SAME_UPPER"), num("ceil_mode", 1)}, 5, 13, "both");
  pool("max pool, VALID and pads", "MaxPool", {k2, text("auto_pad", "VALID"), ints("pads", {1, 1})}, 4, 13, "both");
  pool("max pool, window behind the data", "MaxPool", {k2, ints("strides", {3}), ints("pads", {1, 1}), num("ceil_mode", 1)}, 3, 13,
       "behind the data");
  pool("max pool, window of padding alone", "MaxPool",
       {ints("kernel_shape", {2}), ints("dilations", {6}), ints("pads", {1, 1}), ints("strides", {9})}, 1, 13, "no data");
  pool("max pool, dilated, pad as long as the kernel", "MaxPool", {k2, ints("dilations", {2}), ints("pads", {2, 0})}, 5, 13,
       "as long as its kernel");
  pool("max pool, SAME and dilations", "MaxPool", {k2, text("auto_pad", "SAME_UPPER"), ints("dilations", {2})}, 5, 13, "with dilations");
  pool("average pool, SAME and dilations", "AveragePool", {k2, text("auto_pad", "SAME_LOWER"), ints("dilations", {2})}, 5, 19,
       "with dilations");
  pool("max pool, count_include_pad", "MaxPool", {k2, num("count_include_pad", 0)}, 4, 13, "'count_include_pad'");
  pool("average pool, ceil_mode and counted pads", "AveragePool",
       {k2, ints("strides", {2}), num("ceil_mode", 1), num("count_include_pad", 1)}, 3, 13, "beyond the padding");
  pool("average pool, dilations and counted pads", "AveragePool", {k2, ints("dilations", {2}), num("count_include_pad", 1)}, 3, 19,
       "dilations");
  pool("average pool, dilations in opset 18", "AveragePool", {k2, ints("dilations", {1})}, 4, 18, "'dilations'");
  pool("average pool, storage_order", "AveragePool", {k2, num("storage_order", 0)}, 4, 13, "'storage_order'");
  add.refused("max pool, rank 2", graph("MaxPool", {2, 5}, {2, 4}, {ints("kernel_shape", {})}), "spatial axes");
  add.refused("max pool, rank 6", graph("MaxPool", {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, {ints("kernel_shape", {1, 1, 1, 1})}),
              "spatial axes");
  add.refused("max pool, indices", graph("MaxPool", {1, 1, 5}, {1, 1, 4}, {k2}, {}, 13, {"y", "i"}), "2 outputs");
  add.refused("global average pool, rank 2", graph("GlobalAveragePool", {2, 5}, {2, 5}), "no spatial axes");
  add.refused("max pool of integers", beside("MaxPool", {{"i", ob::int64s("i", {1, 1, 2}, {1, 2})}}, {k2}), "INT64");
}

void read_reductions(const Cases& add) {
  for (const char* op : {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSum"}) {
    const std::string name = op;
    add.read(name + ", all axes", graph(op, {2, 3, 4}, {1, 1, 1}, {}, {}, 8));
    add.read(name + ", axes, not kept", graph(op, {2, 3, 4}, {3}, {ints("axes", {2, 0}), num("keepdims", 0)}, {}, 12));
    add.read(name + ", negative axis", graph(op, {2, 3, 4}, {2, 1, 4}, {ints("axes", {-2})}, {}, 11));
    add.read(name + ", empty axes", graph(op, {2, 3}, {1, 1}, {ints("axes", {})}, {}, 11));
    add.read(name + ", axes as an input", graph(op, {2, 3, 4}, {2, 4}, {num("keepdims", 0)}, {list("a", {-2})}, 18));
    add.read(name + ", axes left out", graph(op, {2, 3, 4}, {1, 1, 1}, {num("noop_with_empty_axes", 0)}, {}, 18));
    add.read(name + ", of a scalar", graph(op, {}, {}, {}, {}, 18));
  }
  add.read("ReduceSum, axes as an input in opset 13", graph("ReduceSum", {2, 3}, {2, 1}, {}, {list("a", {1})}, 13));
  for (const char* op : {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"})
    add.read(std::string(op) + ", no axes", graph(op, {2, 3}, {2, 3}, {num("noop_with_empty_axes", 1)}, {}, 18));
  add.read("softmax", graph("Softmax", {2, 3}, {2, 3}));
  add.read("softmax, axis 0", graph("Softmax", {2, 3}, {2, 3}, {num("axis", 0)}, {}, 8));
  add.read("softmax, axis -1, opset 11", graph("Softmax", {2, 3}, {2, 3}, {num("axis", -1)}, {}, 11));
  add.read("top k, opset 9", graph("TopK", {2, 5}, {2, 3}, {num("k", 3)}, {}, 9));
  add.read("top k, opset 10, indices named", graph("TopK", {2, 5}, {2, 2}, {num("axis", 1)}, {list("k", {2})}, 10, {"y", "i"}));
  add.read("top k, smallest along the first axis", graph("TopK", {2, 5}, {1, 5}, {num("axis", -2), num("largest", 0)}, {list("k", {1})}));
  add.read("self-attention (typed, not judged)", [] {
    ob::Model m;
    m.input("x", {4, 4}).output("y", {4, 4});
    m.node("MatMul", {"x", "x"}, {"s"}).node("Softmax", {"s"}, {"p"}).node("MatMul", {"p", "x"}, {"y"});
    return m.bytes();
  }());
}

void refuse_reductions(const Cases& add) {
  for (const char* op : {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSum"}) {
    const std::string name = op;
    add.refused(name + ", axis -1 in opset 10", graph(op, {2, 3}, {2, 1}, {ints("axes", {-1})}, {}, 10), "axis -1");
    add.refused(name + ", axis beyond", graph(op, {2, 3}, {2, 1}, {ints("axes", {2})}, {}, 11), "axis 2");
    add.refused(name + ", axis twice", graph(op, {2, 3}, {2, 1}, {ints("axes", {1, -1})}, {}, 11), "named twice");
    add.refused(name + ", keepdims 2", graph(op, {2, 3}, {1, 1}, {num("keepdims", 2)}, {}, 11), "0 or 1");
    add.refused(name + ", noop_with_empty_axes 2", graph(op, {2, 3}, {1, 1}, {num("noop_with_empty_axes", 2)}, {}, 18), "0 or 1");
    add.refused(name + ", noop_with_empty_axes in opset 12", graph(op, {2, 3}, {1, 1}, {num("noop_with_empty_axes", 0)}, {}, 12), "'noop");
    add.refused(name + ", axes as an input in opset 12", graph(op, {2, 3}, {2, 1}, {}, {list("a", {1})}, 12), "takes 1 inputs");
    add.refused(name + ", axes as an attribute in opset 18", graph(op, {2, 3}, {2, 1}, {ints("axes", {1})}, {}, 18), "'axes'");
    add.refused(name + ", axes of rank 0", graph(op, {2, 3}, {2, 1}, {}, {number("a", 1)}, 18), "list of integers");
    add.refused(name + ", axes of INT32", graph(op, {2, 3}, {2, 1}, {}, {int32s("a", {1})}, 18), "list of integers");
    add.refused(name + ", axes from the data", graph(op, {2}, {1}, {}, {data()}, 18), "list of integers");
  }
  add.refused("ReduceMean, axes as an input in opset 13", graph("ReduceMean", {2, 3}, {2, 1}, {}, {list("a", {1})}, 13), "takes 1 inputs");
  add.refused("ReduceL2, no axes", graph("ReduceL2", {2, 3}, {2, 3}, {num("noop_with_empty_axes", 1)}, {}, 18), "disagree");
  add.refused("softmax of a scalar", graph("Softmax", {}, {}), "axis -1");
  add.refused("softmax of a vector before opset 13", graph("Softmax", {3}, {3}, {}, {}, 12), "axis 1");
  add.refused("softmax, axis -1, opset 10", graph("Softmax", {2, 3}, {2, 3}, {num("axis", -1)}, {}, 10), "axis -1");
  add.refused("softmax, axis beyond", graph("Softmax", {2, 3}, {2, 3}, {num("axis", 2)}), "axis 2");
  const auto top = [&](const std::string& name, const Attributes& attributes, const Input& k, const std::string& says) {
    add.refused("top k, " + name, graph("TopK", {2, 5}, {2, 3}, attributes, {k}), says);
  };
  top("0", {}, list("k", {0}), "takes 0 entries");
  top("more than there are", {}, list("k", {6}), "takes 6 entries");
  top("two numbers", {}, list("k", {3, 3}), "not one INT64");
  top("INT32", {}, int32s("k", {3}), "not one INT64");
  top("of rank 0", {}, number("k", 3), "not one INT64");
  top("from the data", {}, data(), "not one INT64");
  top("axis beyond", {num("axis", 2)}, list("k", {3}), "axis 2");
  top("unsorted", {num("sorted", 0)}, list("k", {3}), "sorted");
  top("largest 2", {num("largest", 2)}, list("k", {3}), "0 or 1");
  add.refused("top k without k, opset 9", graph("TopK", {2, 5}, {2, 3}, {}, {}, 9), "'k'");
  add.refused("top k, largest in opset 10", graph("TopK", {2, 5}, {2, 3}, {num("largest", 1)}, {list("k", {3})}, 10), "'largest'");
  add.refused("top k, indices are the output", graph("TopK", {2, 5}, {2, 3}, {}, {list("k", {3})}, 13, {"v", "y"}), "indices of a TopK");
  add.refused("top k, only the indices", graph("TopK", {2, 5}, {2, 3}, {}, {list("k", {3})}, 13, {"", "y"}), "leaves out its first output");
  add.refused("top k, three outputs", graph("TopK", {2, 5}, {2, 3}, {}, {list("k", {3})}, 13, {"y", "i", "j"}), "3 outputs");
  const auto indices = [](const std::string& op) {
    ob::Model m;
    m.input("x", {2, 5}).output("y", {2, 3}).initialiser(ob::int64s("k", {1}, {3}));
    m.node("TopK", {"x", "k"}, {"v", "i"}).node(op, {"i"}, {"s"}).node("Relu", {"v"}, {"y"});
    return m.bytes();
  };
  add.refused("top k, indices read", indices("Identity"), "indices of a TopK");
  add.refused("top k, shape of the indices", indices("Shape"), "indices of a TopK");
}

Input scales(const std::vector<float>& values) {
  return {"s", ob::floats("s", {static_cast<std::int64_t>(values.size())}, values)};
}
Input nothing(const std::string& name) {
  return {name, ob::tensor(name, ob::FLOAT, {0}, ob::raw_data(""))};
}
Input nowhere(const std::string& name) {
  return {name, ob::tensor(name, ob::FLOAT, {0}, "")};
}

void read_resampling(const Cases& add) {
  const ob::Attribute asymmetric = text("coordinate_transformation_mode", "asymmetric");
  const ob::Attribute floor = text("nearest_mode", "floor");
  const ob::Attribute linear = text("mode", "linear");
  add.read("resize", graph("Resize", {1, 2, 3, 4}, {1, 2, 6, 12}, {}, {absent(), scales({1, 1, 2, 3})}));
  add.read("resize in opset 10", graph("Resize", {3, 4}, {6, 5}, {}, {scales({2, 1.25F})}, 10));
  add.read("resize, an empty region", graph("Resize", {3}, {6}, {}, {nothing("r"), scales({2})}, 11));
  add.read("resize by sizes", graph("Resize", {3, 4}, {6, 6}, {asymmetric, floor}, {absent(), absent(), list("l", {6, 6})}, 11));
  add.read("resize by sizes, empty lists", graph("Resize", {3, 4}, {6, 6}, {linear}, {nothing("r"), nowhere("s"), list("l", {6, 6})}, 12));
  add.read("resize of some axes", graph("Resize", {3, 4}, {3, 6}, {ints("axes", {-1}), num("antialias", 0)}, {absent(), scales({1.5F})}, 18));
  add.read("resize, aligned corners", graph("Resize", {3, 4}, {5, 7}, {text("coordinate_transformation_mode", "align_corners"), linear},
                                            {absent(), absent(), list("l", {5, 7})}));
  add.read("resize, pytorch", graph("Resize", {3}, {1}, {text("coordinate_transformation_mode", "pytorch_half_pixel"), linear},
                                    {absent(), absent(), list("l", {1})}));
  add.read("resize, positions between entries", graph("Resize", {4}, {2}, {text("nearest_mode", "round_prefer_ceil")}, {absent(), scales({0.5F})}));
  add.read("resize, tensorflow", graph("Resize", {3}, {6}, {text("coordinate_transformation_mode", "tf_half_pixel_for_nn"), floor},
                                       {absent(), scales({2})}, 12));
  add.read("resize by a factor that is a whole number", graph("Resize", {9}, {3}, {}, {absent(), absent(), list("l", {3})}));
  add.read("resize to the same length", graph("Resize", {7}, {7}, {text("nearest_mode", "ceil")}, {absent(), absent(), list("l", {7})}));
  add.read("upsample", graph("Upsample", {1, 2, 3, 4}, {1, 2, 6, 4}, {linear}, {scales({1, 1, 2, 1})}, 9));
  add.read("upsample in opset 8", graph("Upsample", {3, 4}, {6, 4}, {ob::floats_attribute("scales", {2, 1})}, {}, 8));
  add.read("an empty list that nobody reads", changed([](ob::Model& m) { m.initialiser(nothing("e").tensor); }));
  add.read("an empty list as a Constant", changed([](ob::Model& m) { m.node("Constant", {}, {"c"}, {ob::ints_attribute("value_ints", {})}); }));
}

void refuse_resampling(const Cases& add) {
  const auto resize = [&](const std::string& name, std::int64_t out, const Attributes& attributes, const std::vector<Input>& further,
                          std::int64_t opset, const std::string& says) {
    add.refused("resize, " + name, graph("Resize", {9}, {out}, attributes, further, opset), says);
  };
  const Input twice = scales({2});
  resize("opset 9", 18, {}, {twice}, 9, "does not exist in opset 9");
  resize("neither scales nor sizes", 9, {}, {}, 13, "neither");
  resize("empty scales and no sizes", 9, {}, {absent(), nothing("s")}, 13, "neither");
  resize("scales and sizes", 18, {}, {absent(), twice, list("l", {18})}, 13, "both");
  resize("two scales for one axis", 18, {}, {absent(), scales({2, 1})}, 13, "2 scales or sizes for 1 axes");
  resize("scale 0", 9, {}, {absent(), scales({0})}, 13, "scale");
  resize("scale -1", 9, {}, {absent(), scales({-1})}, 13, "scale");
  resize("nothing left", 1, {}, {absent(), scales({0.0625F})}, 13, "leave nothing");
  resize("longer than 2^20", (1 << 20) + 1, {}, {absent(), absent(), list("l", {(1 << 20) + 1})}, 13, "2^20");
  resize("sizes of type INT32", 18, {}, {absent(), absent(), int32s("l", {18})}, 13, "INT64");
  resize("scales from the data", 9, {}, {absent(), data()}, 13, "FLOAT");
  resize("region from the data", 18, {}, {data(), twice}, 13, "region of interest");
  resize("cubic", 18, {text("mode", "cubic")}, {absent(), twice}, 13, "cubic");
  resize("cropping", 18, {text("coordinate_transformation_mode", "tf_crop_and_resize")}, {absent(), twice}, 13, "tf_crop_and_resize");
  resize("symmetric", 18, {text("coordinate_transformation_mode", "half_pixel_symmetric")}, {absent(), twice}, 19, "half_pixel_symmetric");
  resize("tensorflow in opset 13", 18, {text("coordinate_transformation_mode", "tf_half_pixel_for_nn"), text("nearest_mode", "floor")},
         {absent(), twice}, 13, "tf_half_pixel_for_nn");
  resize("tensorflow, rounded up", 18, {text("coordinate_transformation_mode", "tf_half_pixel_for_nn"), text("nearest_mode", "ceil")},
         {absent(), twice}, 11, "rounds up");
  resize("rounding of another name", 18, {text("nearest_mode", "round")}, {absent(), twice}, 13, "nearest_mode");
  resize("exclude_outside", 18, {num("exclude_outside", 1)}, {absent(), twice}, 13, "exclude_outside");
  resize("antialias", 18, {num("antialias", 1)}, {absent(), twice}, 18, "antialias");
  resize("aspect ratio", 18, {text("keep_aspect_ratio_policy", "not_larger")}, {absent(), absent(), list("l", {18})}, 18, "aspect ratio");
  resize("axes in opset 13", 18, {ints("axes", {0})}, {absent(), twice}, 13, "'axes'");
  resize("an axis twice", 18, {ints("axes", {0, -1})}, {absent(), scales({2, 2})}, 18, "twice");
  resize("smaller in opset 10", 4, {}, {scales({0.5F})}, 10, "smaller");
  resize("a length that depends on rounding", 6, {}, {absent(), scales({0.77777773F})}, 13, "where runtimes round");
  resize("an entry that depends on rounding", 3, {text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")},
         {absent(), absent(), list("l", {3})}, 13, "depends on how the runtime rounds");
  add.refused("upsample in opset 10", graph("Upsample", {3}, {6}, {}, {scales({2})}, 10), "no Upsample from opset 10 on");
  add.refused("upsample, smaller", graph("Upsample", {4}, {2}, {}, {scales({0.5F})}, 9), "smaller");
  add.refused("upsample without scales", graph("Upsample", {4}, {4}, {}, {}, 8), "'scales'");
  add.refused("an empty list in a sum", graph("Add", {2}, {2}, {}, {nothing("e")}), "without entries");
  add.refused("an empty list of axes", graph("ReduceSum", {2}, {2}, {}, {{"e", ob::int64s("e", {0}, {})}}), "without entries");
}

void read_moves(const Cases& add) {
  add.read("transpose", graph("Transpose", {2, 3, 4}, {4, 3, 2}));
  add.read("transpose, perm", graph("Transpose", {2, 3, 4}, {3, 4, 2}, {ints("perm", {1, 2, 0})}));
  add.read("transpose of a scalar", graph("Transpose", {}, {}));
  add.read("squeeze", graph("Squeeze", {1, 2, 1, 3}, {2, 3}, {}, {}, 11));
  add.read("squeeze, axes", graph("Squeeze", {1, 2, 1, 3}, {1, 2, 3}, {ints("axes", {-2})}, {}, 11));
  add.read("squeeze, axes as an input", graph("Squeeze", {1, 2, 1, 3}, {2, 1, 3}, {}, {list("a", {0})}));
  add.read("squeeze without axes, opset 13", graph("Squeeze", {1, 2, 1, 3}, {2, 3}));
  add.read("squeeze of nothing", graph("Squeeze", {2, 3}, {2, 3}, {}, {}, 8));
  add.read("unsqueeze", graph("Unsqueeze", {2, 3}, {1, 2, 3, 1}, {ints("axes", {0, 3})}, {}, 8));
  add.read("unsqueeze, axes as an input", graph("Unsqueeze", {2, 3}, {2, 1, 3, 1}, {}, {list("a", {-1, 1})}));
  add.read("unsqueeze, no axes", graph("Unsqueeze", {2, 3}, {2, 3}, {ints("axes", {})}, {}, 11));
  add.read("concat", graph("Concat", {2, 3}, {2, 8}, {num("axis", 1)}, {data(), real("c", {2, 2})}));
  add.read("concat, one input, negative axis", graph("Concat", {2, 3}, {2, 3}, {num("axis", -2)}, {}, 8));
  add.read("split, equal parts", [] {
    ob::Model m(11);
    m.input("x", {6, 2}).output("y", {2, 2}).node("Split", {"x"}, {"a", "b", "c"});
    m.node("Add", {"a", "b"}, {"d"}).node("Add", {"d", "c"}, {"y"});
    return m.bytes();
  }());
  const auto halves = [](const std::string& name, const std::vector<std::string>& inputs, const Attributes& attributes, std::int64_t opset,
                         std::int64_t first) {
    ob::Model m(opset);
    m.input("x", {2, 5}).output("y", {first, 1}).initialiser(ob::int64s("l", {2}, {2, 3})).initialiser(ob::floats("c", {3, 1}, {1, 2, 3}));
    m.node("Split", inputs, {"a", name}, attributes)
        .node("ReduceSum", {"a"}, {"s"}, {num("keepdims", 1)})
        .node("MatMul", {name, "c"}, {"t"});
    m.node("Add", {"s", "t"}, {"y"});
    return m.bytes();
  };
  add.read("split, lengths as an attribute", halves("b", {"x"}, {num("axis", 1), ints("split", {2, 3})}, 12, 2));
  add.read("split, lengths as an input", halves("b", {"x", "l"}, {num("axis", -1)}, 13, 2));
  add.read("split, lengths in opset 18", halves("b", {"x", "l"}, {num("axis", -1), num("num_outputs", 0)}, 18, 2));
  add.read("split, num_outputs", [] {
    ob::Model m(18);
    m.input("x", {7}).output("y", {3}).initialiser(ob::floats("c", {}, {1}));
    m.node("Split", {"x"}, {"a", "b", "c1"}, {num("num_outputs", 3)}).node("Add", {"a", "b"}, {"d"}).node("Add", {"d", "c1"}, {"y"});
    return m.bytes();
  }());
  add.read("slice, opset 9", graph("Slice", {4, 5}, {2, 4}, {ints("starts", {1, -9}), ints("ends", {-1, 4})}, {}, 9));
  add.read("slice, opset 9, axes", graph("Slice", {4, 5}, {4, 2}, {ints("starts", {3}), ints("ends", {most}), ints("axes", {-1})}, {}, 9));
  add.read("slice", graph("Slice", {4, 5}, {4, 5}, {}, {list("s", {0}), list("e", {most})}, 10));
  add.read("slice, steps", graph("Slice", {4, 9}, {4, 3}, {}, {list("s", {1}), list("e", {8}), list("a", {1}), list("t", {3})}));
  add.read("slice backwards",
           graph("Slice", {4, 9}, {4, 9}, {}, {list("s", {-1}), list("e", {-most - 1}), list("a", {-1}), list("t", {-1})}));
  add.read("slice, steps without axes, INT32",
           graph("Slice", {4, 9}, {2, 9}, {}, {int32s("s", {3, 0}), int32s("e", {-5, 9}), absent(), int32s("t", {-3, 1})}));
  add.read("slice, longest steps",
           graph("Slice", {4, 9}, {1, 1}, {}, {list("s", {0, 8}), list("e", {4, -10}), list("a", {0, 1}), list("t", {most, -most - 1})}));
  add.read("gather", graph("Gather", {4, 5}, {2, 3, 5}, {}, {{"i", ob::int64s("i", {2, 3}, {0, 1, 2, 3, -1, -4})}}));
  add.read("gather a scalar index", graph("Gather", {4, 5}, {4}, {num("axis", -1)}, {number("i", 4)}, 8));
  add.read("gather, INT32", graph("Gather", {4, 5}, {1, 5}, {}, {int32s("i", {3})}, 10));
  add.read("pad, opset 10", graph("Pad", {2, 3}, {4, 6}, {ints("pads", {1, 0, 1, 3}), ob::attribute("value", 1.5F)}, {}, 10));
  add.read("pad", graph("Pad", {2, 3}, {4, 6}, {}, {list("p", {1, 0, 1, 3})}, 11));
  add.read("pad with a constant", graph("Pad", {2, 3}, {4, 6}, {text("mode", "constant")}, {list("p", {1, 0, 1, 3}), real("c", {})}));
  add.read("pad, constant of one entry", graph("Pad", {2, 3}, {2, 3}, {}, {list("p", {0, 0, 0, 0}), real("c", {1})}));
  add.read("pad, axes", graph("Pad", {2, 3}, {2, 6}, {}, {list("p", {1, 2}), absent(), list("a", {-1})}, 18));
  add.read("pad, reflect", graph("Pad", {2, 3}, {4, 7}, {text("mode", "reflect")}, {list("p", {1, 2, 1, 2})}));
  add.read("pad, edge", graph("Pad", {2, 3}, {13, 3}, {text("mode", "edge")}, {list("p", {5, 0, 6, 0})}));
  add.read("pad, wrap", graph("Pad", {2, 3}, {6, 9}, {text("mode", "wrap")}, {list("p", {2, 3, 2, 3})}, 19));
  add.read("depth to space", graph("DepthToSpace", {1, 8, 2, 3}, {1, 2, 4, 6}, {num("blocksize", 2)}, {}, 8));
  add.read("depth to space, CRD", graph("DepthToSpace", {1, 8, 2, 3}, {1, 2, 4, 6}, {num("blocksize", 2), text("mode", "CRD")}));
  add.read("space to depth", graph("SpaceToDepth", {1, 2, 4, 6}, {1, 8, 2, 3}, {num("blocksize", 2)}));
}

void refuse_moves(const Cases& add) {
  int number_of_perm = 0;
  for (const Integers& perm : std::vector<Integers>{{0, 1}, {0, 1, 1}, {0, 1, 3}, {-1, 0, 1}, {0, 1, 2, 3}, {}})
    add.refused("transpose, broken perm " + std::to_string(++number_of_perm),
                graph("Transpose", {2, 3, 4}, {2, 3, 4}, {ints("perm", perm)}), "no permutation");
  add.refused("squeeze, axis not of length 1", graph("Squeeze", {1, 2}, {1}, {ints("axes", {1})}, {}, 11), "not of length 1");
  add.refused("squeeze, axis -1 in opset 10", graph("Squeeze", {2, 1}, {2}, {ints("axes", {-1})}, {}, 10), "axis -1");
  add.refused("squeeze, axis twice", graph("Squeeze", {1, 2, 1}, {2, 1}, {ints("axes", {0, 0})}, {}, 11), "named twice");
  add.refused("squeeze, empty axes", graph("Squeeze", {1, 2}, {1, 2}, {ints("axes", {})}, {}, 11), "empty list");
  add.refused("squeeze, empty axes and nothing of length 1", graph("Squeeze", {3, 2}, {3, 2}, {ints("axes", {})}, {}, 11), "empty list");
  add.refused("squeeze, attribute in opset 13", graph("Squeeze", {1, 2}, {2}, {ints("axes", {0})}), "'axes'");
  add.refused("squeeze, input in opset 12", graph("Squeeze", {1, 2}, {2}, {}, {list("a", {0})}, 12), "takes 1 inputs");
  add.refused("unsqueeze without axes", graph("Unsqueeze", {2}, {2, 1}, {}, {}, 12), "'axes'");
  add.refused("unsqueeze without axes, opset 13", graph("Unsqueeze", {2}, {2, 1}), "takes 2 inputs");
  add.refused("unsqueeze, axis beyond", graph("Unsqueeze", {2}, {2, 1}, {}, {list("a", {2})}), "axis 2");
  add.refused("unsqueeze, axis -1 in opset 10", graph("Unsqueeze", {2}, {2, 1}, {ints("axes", {-1})}, {}, 10), "axis -1");
  add.refused("unsqueeze, axis twice", graph("Unsqueeze", {2}, {2, 1, 1}, {}, {list("a", {2, -1})}), "named twice");
  add.refused("unsqueeze to rank 17", graph("Unsqueeze", Dims(16, 1), {}, {}, {list("a", {0})}), "16 dimensions");
  add.refused("concat without axis", graph("Concat", {2, 3}, {2, 3}), "'axis'");
  add.refused("concat, axis beyond", graph("Concat", {2, 3}, {2, 3}, {num("axis", 2)}), "axis 2");
  add.refused("concat of a scalar", graph("Concat", {}, {}, {num("axis", 0)}), "axis 0");
  add.refused("concat, other dimensions differ", graph("Concat", {2, 3}, {2, 5}, {num("axis", 1)}, {real("c", {1, 2})}),
              "do not fit together");
  add.refused("concat, ranks differ", graph("Concat", {2, 3}, {2, 5}, {num("axis", 1)}, {real("c", {2})}), "do not fit together");
  add.refused("concat, types differ", graph("Concat", {1}, {2}, {num("axis", 0)}, {{"c", ob::doubles("c", {1}, {1})}}), "mixes");
  add.refused("concat, absent input", graph("Concat", {1}, {2}, {num("axis", 0)}, {absent(), data()}), "leaves one out");
  add.refused("concat, 1025 inputs", graph("Concat", {1}, {1025}, {num("axis", 0)}, std::vector<Input>(1024, data())), "1 to 1024");
  const auto split = [&](const std::string& name, const Attributes& attributes, const std::vector<Input>& further, std::int64_t opset,
                         const std::vector<std::string>& parts, const std::string& says) {
    add.refused("split, " + name, graph("Split", {6}, {2}, attributes, further, opset, parts), says);
  };
  split("not even", {}, {}, 13, {"y", "a", "b", "c"}, "equal parts");
  split("not even, opset 8", {}, {}, 8, {"y", "a", "b", "c"}, "equal parts");
  split("more parts than entries", {}, {}, 13, {"y", "a", "b", "c", "d", "e", "f"}, "equal parts");
  split("wrong sum", {ints("split", {2, 3})}, {}, 12, {"y", "a"}, "with the sum 6");
  split("length 0", {ints("split", {6, 0})}, {}, 12, {"y", "a"}, "positive numbers");
  split("length -2", {}, {list("l", {8, -2})}, 13, {"y", "a"}, "positive numbers");
  split("lengths that wrap", {}, {list("l", {most, most, 8})}, 13, {"y", "a", "b"}, "positive numbers");
  split("too few lengths", {}, {list("l", {6})}, 13, {"y", "a"}, "are not 2 positive numbers");
  split("empty lengths", {ints("split", {})}, {}, 12, {"y", "a"}, "are not 2 positive numbers");
  split("lengths from the data", {}, {data()}, 13, {"y", "a"}, "list of integers");
  split("attribute in opset 13", {ints("split", {2, 4})}, {}, 13, {"y", "a"}, "'split'");
  split("num_outputs in opset 17", {num("num_outputs", 3)}, {}, 17, {"y", "a", "b"}, "'num_outputs'");
  split("num_outputs left out", {}, {}, 18, {"y", "a", "b"}, "num_outputs");
  split("num_outputs of another number", {num("num_outputs", 2)}, {}, 18, {"y", "a", "b"}, "num_outputs");
  split("num_outputs and lengths", {num("num_outputs", 2)}, {list("l", {2, 4})}, 18, {"y", "a"}, "both");
  split("num_outputs that leave nothing for the last", {num("num_outputs", 4)}, {}, 18, {"y", "a", "b", "c"}, "");
  split("axis beyond", {num("axis", 1)}, {}, 13, {"y", "a", "b"}, "axis 1");
  split("a part left out", {}, {}, 13, {"y", "", "b"}, "leaves out one of its outputs");
  const auto slice = [&](const std::string& name, const std::vector<Input>& further, const std::string& says) {
    add.refused("slice, " + name, graph("Slice", {4, 5}, {4, 5}, {}, further), says);
  };
  slice("empty", {list("s", {2}), list("e", {2})}, "leaves nothing");
  slice("empty backwards", {list("s", {2}), list("e", {3}), list("a", {0}), list("t", {-1})}, "leaves nothing");
  slice("beyond the end", {list("s", {4}), list("e", {9})}, "leaves nothing");
  slice("step 0", {list("s", {0}), list("e", {4}), list("a", {0}), list("t", {0})}, "steps is 0");
  slice("axis twice", {list("s", {0, 0}), list("e", {4, 4}), list("a", {0, -2})}, "named twice");
  slice("axis beyond", {list("s", {0}), list("e", {4}), list("a", {2})}, "axis 2");
  slice("more starts than axes", {list("s", {0, 0, 0}), list("e", {4, 4, 4})}, "axis 2");
  slice("lists of two lengths", {list("s", {0, 0}), list("e", {4}), list("a", {0, 1})}, "one length");
  slice("steps of another length", {list("s", {0}), list("e", {4}), list("a", {0}), list("t", {1, 1})}, "one length");
  slice("two integer types", {list("s", {0}), int32s("e", {4})}, "one type");
  slice("starts of rank 0", {number("s", 0), number("e", 4)}, "list of integers");
  slice("starts from the data", {data(), list("e", {4})}, "list of integers");
  slice("no ends", {list("s", {0})}, "takes 3 to 5 inputs");
  add.refused("slice, opset 9, no starts", graph("Slice", {4}, {4}, {ints("ends", {4})}, {}, 9), "'starts'");
  add.refused("slice, opset 9, lists of two lengths", graph("Slice", {4}, {4}, {ints("starts", {0}), ints("ends", {4, 4})}, {}, 9),
              "one length");
  add.refused("slice, attributes in opset 10", graph("Slice", {4}, {4}, {ints("starts", {0})}, {list("s", {0}), list("e", {4})}, 10),
              "'starts'");
  const auto gather = [&](const std::string& name, const Input& index, const Attributes& attributes, std::int64_t opset,
                          const std::string& says) {
    add.refused("gather, " + name, graph("Gather", {4, 5}, {5}, attributes, {index}, opset), says);
  };
  gather("index 4", number("i", 4), {}, 13, "index 4");
  gather("index -5", number("i", -5), {}, 13, "index -5");
  gather("index -1 in opset 10", number("i", -1), {}, 10, "index -1");
  gather("axis beyond", number("i", 0), {num("axis", 2)}, 13, "axis 2");
  gather("indices from the data", data(), {}, 13, "indices");
  gather("indices of reals", real("i", {}), {}, 13, "indices");
  add.refused("gather from a scalar", graph("Gather", {}, {}, {}, {number("i", 0)}), "axis 0");
  const auto pad = [&](const std::string& name, const std::vector<Input>& further, const Attributes& attributes, std::int64_t opset,
                       const std::string& says) {
    add.refused("pad, " + name, graph("Pad", {2, 3}, {4, 6}, attributes, further, opset), says);
  };
  const Input p = list("p", {1, 0, 1, 3});
  pad("negative", {list("p", {-1, 0, 3, 3})}, {}, 13, "negative pad");
  pad("too few", {list("p", {1, 1})}, {}, 13, "where 4 are meant");
  pad("longer than 2^28", {list("p", {most, 0, most, 3})}, {}, 13, "2^28");
  pad("axes of INT32", {list("p", {1, 2}), real("c", {}), int32s("a", {0})}, {}, 18, "list of integers");
  pad("INT32", {int32s("p", {1, 0, 1, 3})}, {}, 13, "list of integers");
  pad("wrap in opset 18", {list("p", {1, 0, 1, 3})}, {text("mode", "wrap")}, 18, "mode");
  pad("mode of another name", {p}, {text("mode", "symmetric")}, 13, "mode");
  pad("reflect too far", {p}, {text("mode", "reflect")}, 13, "reflect");
  pad("wrap too far", {list("p", {0, 0, 2, 4})}, {text("mode", "wrap")}, 19, "wrap");
  pad("constant of another type", {p, {"c", ob::doubles("c", {}, {1})}}, {}, 13, "constant_value");
  pad("constant of two entries", {p, real("c", {2})}, {}, 13, "constant_value");
  pad("constant from the data", {p, data()}, {}, 13, "constant_value");
  pad("axes in opset 17", {p, real("c", {}), list("a", {0, 1})}, {}, 17, "takes 2 to 3 inputs");
  pad("axis twice", {p, absent(), list("a", {1, -1})}, {}, 18, "named twice");
  pad("pads for one axis of two", {list("p", {1, 1}), absent(), list("a", {0, 1})}, {}, 18, "where 4 are meant");
  pad("attribute in opset 11", {p}, {ints("pads", {1, 0, 1, 3})}, 11, "'pads'");
  pad("infinite value", {}, {ints("pads", {1, 0, 1, 3}), ob::attribute("value", std::bit_cast<float>(0x7F800000U))}, 10, "not finite");
  pad("none, opset 10", {}, {}, 10, "'pads'");
  const auto blocks = [&](const std::string& op, const Dims& in, const Attributes& attributes, std::int64_t opset,
                          const std::string& says) {
    add.refused(op + ", " + says + ", opset " + std::to_string(opset), graph(op, in, {1, 2, 4, 6}, attributes, {}, opset), says);
  };
  blocks("DepthToSpace", {1, 6, 2, 3}, {num("blocksize", 2)}, 13, "blocksize 2");
  blocks("DepthToSpace", {1, 8, 2, 3}, {num("blocksize", 0)}, 13, "blocksize 0");
  blocks("DepthToSpace", {1, 8, 2, 3}, {num("blocksize", -2)}, 13, "blocksize -2");
  blocks("DepthToSpace", {8, 2, 3}, {num("blocksize", 2)}, 13, "four axes");
  blocks("DepthToSpace", {1, 8, 2, 3}, {num("blocksize", 2), text("mode", "RCD")}, 13, "mode");
  blocks("DepthToSpace", {1, 8, 2, 3}, {num("blocksize", 2), text("mode", "DCR")}, 10, "'mode'");
  blocks("DepthToSpace", {1, 8, 2, 3}, {}, 13, "'blocksize'");
  blocks("SpaceToDepth", {1, 2, 5, 6}, {num("blocksize", 2)}, 13, "blocksize 2");
  blocks("SpaceToDepth", {1, 2, 4, 5}, {num("blocksize", 2)}, 12, "blocksize 2");
  blocks("SpaceToDepth", {1, 2, 4, 6}, {num("blocksize", std::int64_t{1} << 32U)}, 13, "blocksize 4294967296");
  blocks("SpaceToDepth", {1, 2, 4, 6}, {num("blocksize", 2), text("mode", "DCR")}, 13, "'mode'");
}

void read_entrywise(const Cases& add) {
  for (const char* op : {"Neg", "Elu", "Selu", "Softplus", "HardSigmoid", "Sign", "Sqrt", "Reciprocal"})
    add.read(op, graph(op, {2, 3}, {2, 3}, {}, {}, 9));
  add.read("Elu, alpha", graph("Elu", {2}, {2}, {ob::attribute("alpha", 2.0F)}));
  add.read("Selu, alpha and gamma", graph("Selu", {2}, {2}, {ob::attribute("alpha", 2.0F), ob::attribute("gamma", 1.0F)}));
  add.read("HardSigmoid, alpha and beta", graph("HardSigmoid", {2}, {2}, {ob::attribute("alpha", 2.0F), ob::attribute("beta", 1.0F)}));
  add.read("HardSwish, opset 14", graph("HardSwish", {2}, {2}, {}, {}, 14));
  add.read("Mish, opset 18", graph("Mish", {2}, {2}, {}, {}, 18));
  add.read("Gelu, opset 20", graph("Gelu", {2}, {2}, {}, {}, 20));
  add.read("Gelu, tanh", graph("Gelu", {2}, {2}, {text("approximate", "tanh")}, {}, 20));
  add.read("Softsign", graph("Softsign", {2, 3}, {2, 3}, {}, {}, 9));
  add.read("Celu, opset 12", graph("Celu", {2}, {2}, {ob::attribute("alpha", 0.5F)}, {}, 12));
  add.read("Sin", graph("Sin", {2, 3}, {2, 3}, {}, {}, 9));
  add.read("Cos", graph("Cos", {2, 3}, {2, 3}, {}, {}, 9));
  add.read("Erf, opset 9", graph("Erf", {2, 3}, {2, 3}, {}, {}, 9));
  add.read("PRelu", graph("PRelu", {2, 3}, {2, 3}, {}, {real("s", {3})}));
  add.read("PRelu, one slope", graph("PRelu", {2, 3}, {2, 3}, {}, {real("s", {1, 1})}));
  add.read("Pow", graph("Pow", {2, 3}, {2, 3}, {}, {real("e", {})}));
  add.read("Pow, integer exponent", graph("Pow", {2, 3}, {2, 3}, {}, {list("e", {2})}));
  add.read("Pow, INT32 exponent", graph("Pow", {2, 3}, {2, 3}, {}, {int32s("e", {2})}));
  add.read("Clip, opset 10", graph("Clip", {2}, {2}, {ob::attribute("min", 0.0F)}, {}, 10));
  add.read("Clip", graph("Clip", {2}, {2}, {}, {real("a", {}), real("b", {})}, 11));
  add.read("Clip, only the upper limit", graph("Clip", {2}, {2}, {}, {absent(), real("b", {})}));
  add.read("Clip without limits", graph("Clip", {2}, {2}));
  add.read("Max of data and constants", graph("Max", {2, 1}, {2, 3}, {}, {real("a", {3}), data()}, 8));
  add.read("Min, one input", graph("Min", {2, 1}, {2, 1}));
  add.read("Max, 64 inputs", graph("Max", {2}, {2}, {}, std::vector<Input>(63, data())));
}

void refuse_entrywise(const Cases& add) {
  add.refused("HardSwish, opset 13", graph("HardSwish", {2}, {2}, {}, {}, 13), "does not exist in opset 13");
  add.refused("Mish, opset 17", graph("Mish", {2}, {2}, {}, {}, 17), "does not exist in opset 17");
  add.refused("Gelu, opset 19", graph("Gelu", {2}, {2}, {}, {}, 19), "does not exist in opset 19");
  add.refused("Gelu, another approximation", graph("Gelu", {2}, {2}, {text("approximate", "erf")}, {}, 20), "approximate");
  add.refused("Elu, NaN", graph("Elu", {2}, {2}, {ob::attribute("alpha", std::bit_cast<float>(0x7FC00000U))}), "not finite");
  add.refused("Softplus with alpha", graph("Softplus", {2}, {2}, {ob::attribute("alpha", 1.0F)}), "'alpha'");
  add.refused("Softsign with alpha", graph("Softsign", {2}, {2}, {ob::attribute("alpha", 1.0F)}), "'alpha'");
  add.refused("Celu, opset 11", graph("Celu", {2}, {2}, {}, {}, 11), "does not exist in opset 11");
  add.refused("Celu, alpha 0", graph("Celu", {2}, {2}, {ob::attribute("alpha", 0.0F)}, {}, 12), "alpha");
  add.refused("Celu, alpha below 0", graph("Celu", {2}, {2}, {ob::attribute("alpha", -1.0F)}, {}, 12), "alpha");
  add.refused("Sin with alpha", graph("Sin", {2}, {2}, {ob::attribute("alpha", 1.0F)}), "'alpha'");
  add.refused("Cos with alpha", graph("Cos", {2}, {2}, {ob::attribute("alpha", 1.0F)}), "'alpha'");
  add.refused("Erf, opset 8", graph("Erf", {2}, {2}, {}, {}, 8), "does not exist in opset 8");
  add.refused("PRelu, slope from the data", graph("PRelu", {2}, {2}, {}, {data()}), "constant slopes");
  add.refused("PRelu, slope larger than the data", graph("PRelu", {1, 3}, {2, 3}, {}, {real("s", {2, 3})}), "does not broadcast");
  add.refused("PRelu, slope of another type", graph("PRelu", {2}, {2}, {}, {{"s", ob::doubles("s", {1}, {1})}}), "mixes");
  add.refused("Pow, exponent from the data", graph("Pow", {1}, {1}, {}, {data()}), "exponent");
  add.refused("Pow, two exponents", graph("Pow", {2}, {2}, {}, {real("e", {2})}), "exponent");
  add.refused("Pow, exponent of higher rank", graph("Pow", {2}, {1, 2}, {}, {real("e", {1, 1})}), "exponent");
  add.refused("Pow, exponent of BOOL", graph("Pow", {2}, {2}, {}, {{"e", ob::tensor("e", ob::BOOL, {}, ob::int32_data({1}))}}), "exponent");
  add.refused("Clip, min above max in opset 10", graph("Clip", {2}, {2}, {ob::attribute("min", 1.0F), ob::attribute("max", 0.5F)}, {}, 10),
              "above 'max'");
  add.refused("Clip, limits in opset 10", graph("Clip", {2}, {2}, {}, {real("a", {})}, 10), "takes 1 inputs");
  add.refused("Clip, attribute in opset 11", graph("Clip", {2}, {2}, {ob::attribute("min", 0.0F)}, {}, 11), "'min'");
  add.refused("Clip, limit of rank 1", graph("Clip", {2}, {2}, {}, {real("a", {1})}), "limits");
  add.refused("Clip, limit from the data", graph("Clip", {}, {}, {}, {data()}), "limits");
  add.refused("Clip, limit of another type", graph("Clip", {2}, {2}, {}, {{"a", ob::doubles("a", {}, {1})}}), "mixes");
  add.refused("Max, no broadcast", graph("Max", {2}, {2}, {}, {real("a", {3})}), "do not broadcast");
  add.refused("Max, absent input", graph("Max", {2}, {2}, {}, {absent(), data()}), "leaves one out");
  add.refused("Min, 65 inputs", graph("Min", {2}, {2}, {}, std::vector<Input>(64, data())), "1 to 64");
  add.refused("Max of integers", beside("Max", {list("i", {1})}), "INT64");
  add.refused("Neg of integers", beside("Neg", {list("i", {1})}), "INT64");
}

// Known integers. `s` is the shape that Reshape takes; x has the shape 2x3x4.
void read_known(const Cases& add) {
  using ob::node;
  const Input one = list("one", {1});
  const Input rest = list("rest", {-1});
  const auto concat = node("Concat", {"d", "rest"}, {"s"}, {num("axis", 0)});
  const auto chain = [&](const std::string& op, const std::vector<Input>& constants, const Dims& out) {
    std::vector<Input> all = constants;
    all.push_back(rest);
    std::vector<std::string> inputs = {"h"};
    for (const Input& constant : constants) inputs.push_back(constant.name);
    add.read("known: Shape, " + op, reshaped(out, all, {node("Shape", {"x"}, {"h"}), node(op, inputs, {"d"}), concat}));
  };
  add.read("known: Shape", reshaped({2, 3, 4}, {}, {node("Shape", {"x"}, {"s"})}, 8));
  add.read("known: Shape from 1 to -1",
           reshaped({3, 8}, {rest}, {node("Shape", {"x"}, {"d"}, {num("start", 1), num("end", -1)}), concat}, 15));
  add.read("known: Shape, clamped", reshaped({2, 3, 4}, {}, {node("Shape", {"x"}, {"s"}, {num("start", -most), num("end", most)})}, 15));
  chain("Gather", {list("i", {1})}, {3, 8});
  chain("Slice", {list("a", {2}), list("b", {3})}, {4, 6});
  add.read("known: the classic export", [&] {
    ob::Model m(11);
    m.input("x", {"N", 3, 4}).output("y", {1, 12}).initialiser(number("i", 0).tensor).initialiser(rest.tensor);
    m.node("Shape", {"x"}, {"h"}).node("Gather", {"h", "i"}, {"g"}).node("Unsqueeze", {"g"}, {"d"}, {ints("axes", {0})});
    m.node("Concat", {"d", "rest"}, {"s"}, {num("axis", 0)}).node("Reshape", {"x", "s"}, {"y"});
    return m.bytes();
  }());
  add.read("known: ((3 - 1) * 4 + 3) / 2 is 5", [&] {
    ob::Model m;
    m.input("x", {5}).output("y", {5, 1}).initialiser(list("three", {3}).tensor).initialiser(list("two", {2}).tensor);
    m.initialiser(list("four", {4}).tensor).initialiser(one.tensor).initialiser(rest.tensor);
    m.node("Sub", {"three", "one"}, {"a"}).node("Mul", {"a", "four"}, {"b"}).node("Add", {"b", "three"}, {"c"});
    m.node("Div", {"c", "two"}, {"d"}).node("Concat", {"d", "one"}, {"s"}, {num("axis", 0)}).node("Reshape", {"x", "s"}, {"y"});
    return m.bytes();
  }());
  add.read("known: Div truncates towards zero",
           reshaped({24, 1}, {list("a", {-3}), list("two", {2}), one},
                    {node("Div", {"a", "two"}, {"d"}), node("Concat", {"d", "one"}, {"s"}, {num("axis", 0)})}));
  add.read("known: broadcasting, Flatten, Transpose, Squeeze, Split, ConstantOfShape, Cast", [&] {
    ob::Model m;
    m.input("x", {2, 3, 4}).output("y", {4, 3, 2});
    m.initialiser(ob::int64s("column", {2, 1}, {1, 3})).initialiser(ob::int64s("row", {2}, {1, 0}));
    m.node("Add", {"column", "row"}, {"m"});                                            // [[2, 1], [4, 3]]
    m.node("Transpose", {"m"}, {"t"}).node("Flatten", {"t"}, {"f"}, {num("axis", 0)});  // [[2, 4, 1, 3]]
    m.node("Squeeze", {"f"}, {"q"})
        .node("Split", {"q"}, {"p0", "p1"})
        .node("Split", {"p0"}, {"e2", "e4"})
        .node("Split", {"p1"}, {"e1", "e3"});
    m.node("ConstantOfShape", {"e1"}, {"c"}, {ob::tensor_attribute("value", ob::tensor("", ob::INT32, {1}, ob::int32_data({2})))});
    m.node("Cast", {"c"}, {"c64"}, {num("to", ob::INT64)});
    m.node("Concat", {"e4", "e3", "c64"}, {"s"}, {num("axis", 0)}).node("Reshape", {"x", "s"}, {"y"});
    return m.bytes();
  }());
  add.read("known: reals from integers", [&] {
    ob::Model m;
    m.input("x", {2}).output("y", {2}).initialiser(list("i", {16777216, -3}).tensor);
    m.node("Cast", {"i"}, {"c"}, {num("to", ob::FLOAT)}).node("Mul", {"x", "c"}, {"y"});
    return m.bytes();
  }());
  add.read("known: Cast of BOOL to FLOAT16", changed([](ob::Model& m) {
             m.initialiser(ob::tensor("t", ob::BOOL, {2}, ob::int32_data({0, 1}))).node("Cast", {"t"}, {"c"}, {num("to", ob::FLOAT16)});
           }));
  add.read("known: largest exact half, 65504", beside("Cast", {list("i", {65504, -65504, 2048})}, {num("to", ob::FLOAT16)}));
  add.read("known: -2^63 in BFLOAT16", beside("Cast", {list("i", {-most - 1})}, {num("to", ob::BFLOAT16)}));
  add.read("known: integer arithmetic", beside("Add", {list("i", {most - 1}), list("j", {1})}));
  add.read("known: INT32 arithmetic", beside("Mul", {int32s("i", {-65536}), int32s("j", {32768})}));
  add.read("known: INT32 limits", beside("Cast", {list("i", {2147483647, -2147483648LL})}, {num("to", ob::INT32)}));
  add.read("constants narrowed by Cast", changed([](ob::Model& m) { m.node("Cast", {"W"}, {"c"}, {num("to", ob::FLOAT16)}); }));
  add.read("cast with saturate", graph("Cast", {2}, {2}, {num("to", ob::FLOAT), num("saturate", 1)}, {}, 19));
  add.read("constant of shape, reals", [&] {
    ob::Model m(9);
    m.input("x", {2, 3})
        .output("y", {2, 3})
        .node("Shape", {"x"}, {"h"})
        .node("ConstantOfShape", {"h"}, {"c"})
        .node("Add", {"x", "c"}, {"y"});
    return m.bytes();
  }());
  add.read("constant of 2^20 entries", beside("ConstantOfShape", {list("n", {1 << 10, 1 << 10})}));
  add.read("shape of a weight, unused", beside("Shape", {{"W", ""}}));
}

void refuse_known(const Cases& add) {
  using ob::node;
  const Input rest = list("rest", {-1});
  add.refused("known: shape of data that leads nowhere",
              changed([](ob::Model& m) { m.node("Abs", {"x"}, {"a"}).node("Shape", {"a"}, {"n"}); }), "does not reach the model's output");
  add.refused(
      "known: data that only a Shape on the way to the output reads",
      [] {
        ob::Model m;
        m.input("x", {2, 3}).output("y", {2, 3}).node("Abs", {"x"}, {"a"}).node("Shape", {"a"}, {"n"}).node("Reshape", {"x", "n"}, {"y"});
        return m.bytes();
      }(),
      "does not reach the model's output");
  add.refused("known: shape of no dimension", reshaped({2, 3, 4}, {}, {node("Shape", {"x"}, {"s"}, {num("start", 3)})}, 15),
              "no dimension");
  add.refused("known: shape of a scalar", graph("Shape", {}, {1}), "no dimension");
  add.refused("known: start in opset 14", reshaped({2, 3, 4}, {}, {node("Shape", {"x"}, {"s"}, {num("start", 0)})}, 14), "'start'");
  add.refused("known: the output is a shape", one_node("Shape", {2}, {1}, {"x"}, {}, {}, 13, {"y"}, ob::FLOAT, ob::INT64),
              "does not depend");
  add.refused("known: division by 0", beside("Div", {list("i", {1}), list("j", {0})}), "by 0");
  add.refused("known: -2^63 / -1", beside("Div", {list("i", {-most - 1}), list("j", {-1})}), "does not fit");
  add.refused("known: sum beyond INT64", beside("Add", {list("i", {most}), list("j", {1})}), "does not fit");
  add.refused("known: difference beyond INT64", beside("Sub", {list("i", {-most - 1}), list("j", {1})}), "does not fit");
  add.refused("known: product beyond INT64", beside("Mul", {list("i", {most}), list("j", {2})}), "does not fit");
  add.refused("known: product beyond INT32", beside("Mul", {int32s("i", {65536}), int32s("j", {32768})}), "does not fit");
  add.refused("known: -2^31 / -1 in INT32", beside("Div", {int32s("i", {-2147483647 - 1}), int32s("j", {-1})}), "does not fit");
  add.refused("known: two integer types", beside("Add", {list("i", {1}), int32s("j", {1})}), "INT64");
  add.refused("known: sum of BOOL", beside("Add", {{"i", ob::tensor("i", ob::BOOL, {1}, ob::int32_data({1}))}, {"i", ""}}), "BOOL");
  add.refused("known: integers times data", graph("Mul", {2}, {2}, {}, {list("i", {1, 2})}), "INT64");
  add.refused(
      "known: data cast to integers",
      [] {
        ob::Model m;
        m.input("x", {2}).output("y", {2}).node("Cast", {"x"}, {"y"}, {num("to", ob::INT64)});
        m.outputs[0] = ob::value_info("y", ob::INT64, {2});
        return m.bytes();
      }(),
      "casts FLOAT");
  add.refused("known: reals cast to integers", changed([](ob::Model& m) { m.node("Cast", {"b"}, {"c"}, {num("to", ob::INT64)}); }),
              "casts FLOAT");
  add.refused("known: integers cast to BOOL", beside("Cast", {list("i", {1})}, {num("to", ob::BOOL)}), "casts INT64");
  add.refused("known: 2^31 cast to INT32", beside("Cast", {list("i", {huge})}, {num("to", ob::INT32)}), "does not fit");
  add.refused("known: 2^24 + 1 cast to FLOAT", beside("Cast", {list("i", {16777217})}, {num("to", ob::FLOAT)}), "rounded");
  add.refused("known: 2^53 + 1 cast to DOUBLE", beside("Cast", {list("i", {9007199254740993})}, {num("to", ob::DOUBLE)}), "rounded");
  add.refused("known: 2049 cast to FLOAT16", beside("Cast", {list("i", {2049})}, {num("to", ob::FLOAT16)}), "rounded");
  add.refused("known: 65536 cast to FLOAT16", beside("Cast", {list("i", {65536})}, {num("to", ob::FLOAT16)}), "rounded");
  add.refused("known: 257 cast to BFLOAT16", beside("Cast", {list("i", {257})}, {num("to", ob::BFLOAT16)}), "rounded");
  add.refused("cast, saturate 2", graph("Cast", {2}, {2}, {num("to", ob::FLOAT), num("saturate", 2)}, {}, 19), "0 or 1");
  add.refused("cast, saturate in opset 18", graph("Cast", {2}, {2}, {num("to", ob::FLOAT), num("saturate", 1)}, {}, 18), "'saturate'");
  add.refused(
      "constant of shape before opset 9",
      [] {
        ob::Model m(8);
        m.input("x", {2})
            .output("y", {2})
            .initialiser(ob::int64s("n", {1}, {2}))
            .node("ConstantOfShape", {"n"}, {"c"})
            .node("Relu", {"x"}, {"y"});
        return m.bytes();
      }(),
      "does not exist in opset 8");
  add.refused("Sign before opset 9", graph("Sign", {2}, {2}, {}, {}, 8), "does not exist in opset 8");
  add.refused("constant of shape, dimension 0", beside("ConstantOfShape", {list("n", {2, 0})}), "dimension 0");
  add.refused("constant of shape, dimension -1", beside("ConstantOfShape", {list("n", {-1})}), "dimension -1");
  add.refused("constant of shape, two values",
              beside("ConstantOfShape", {list("n", {2})}, {ob::tensor_attribute("value", ob::floats("", {2}, {1, 2}))}), "not one number");
  add.refused("constant of shape, INT32 shape", beside("ConstantOfShape", {int32s("n", {2})}), "INT64");
  add.refused("constant of shape, scalar shape", beside("ConstantOfShape", {number("n", 2)}), "INT64");
  add.refused("constant of shape from the data", graph("ConstantOfShape", {2}, {2}), "INT64");
  add.refused("constant of shape, rank 17", beside("ConstantOfShape", {list("n", Integers(17, 1))}), "16 dimensions");
  add.refused("constant of 2^20 + 1 entries", beside("ConstantOfShape", {list("n", {(1 << 20) + 1})}), "2^20");
  add.refused("constants of more than 2^24 entries together", changed([](ob::Model& m) {
                m.initialiser(list("n", {1 << 20}).tensor);
                for (int k = 0; k < 17; ++k) m.node("ConstantOfShape", {"n"}, {"c" + std::to_string(k)});
              }),
              "2^24");
  add.refused("too many integers in a Concat", changed([](ob::Model& m) {
                m.initialiser(list("n", {1 << 10, 1 << 10}).tensor);
                m.node("ConstantOfShape", {"n"}, {"a"}, {ob::tensor_attribute("value", number("", 3).tensor)});
                m.node("Concat", {"a", "a"}, {"c"}, {num("axis", 0)});
              }),
              "2^20");
  add.refused(
      "reshape to an unknown shape",
      [] {
        ob::Model m;
        m.input("x", {2, 3}).output("y", {6}).node("Reshape", {"x", "x"}, {"y"});
        return m.bytes();
      }(),
      "INT64");
}

// What is done to constants alone: the result stands where a wrong one would not fit, or beside the data.

Input int8s(const std::string& name, const Integers& dims, const std::vector<std::int32_t>& values, std::int32_t type = ob::INT8) {
  return {name, ob::tensor(name, type, dims, ob::int32_data(values))};
}
Input truths(const std::string& name, const Integers& dims, const std::vector<std::int32_t>& values) {
  return int8s(name, dims, values, ob::BOOL);
}

/// A node of constants beside `base`, which reads none of it.
std::string of_constants(const std::string& op, const std::vector<Input>& inputs, const Attributes& attributes = {}, std::int64_t opset = 13) {
  return changed(
      [&](ob::Model& m) {
        std::vector<std::string> names;
        for (const Input& input : inputs) {
          names.push_back(input.name);
          if (!input.tensor.empty()) m.initialiser(input.tensor);
        }
        m.node(op, names, {"c"}, attributes);
      },
      opset);
}

void read_conditions(const Cases& add) {
  const Input pair = list("a", {2, -3});
  // Reshape to what comes out: {2, 12}.
  const auto shaped = [&](const std::string& name, const std::vector<Input>& inputs, const std::vector<std::string>& nodes, std::int64_t opset = 13) {
    ob::Model m(opset);
    m.input("x", {24}).output("y", {2, 12});
    for (const Input& input : inputs) m.initialiser(input.tensor);
    for (const std::string& node : nodes) m.nodes.push_back(node);
    add.read("of constants: " + name, m.node("Reshape", {"x", "s"}, {"y"}).bytes());
  };
  const Input two = list("two", {2, 7});
  const Input other = list("other", {9, 12});
  shaped("Where by Equal, as torch.expand is exported", {two, other, list("minus", {2, 8})},
         {ob::node("Equal", {"two", "minus"}, {"e"}, {}), ob::node("Where", {"e", "two", "other"}, {"s"}, {})});
  shaped("Where by Less, Not", {two, other, list("limit", {5})},
         {ob::node("Less", {"two", "limit"}, {"l"}, {}), ob::node("Not", {"l"}, {"n"}, {}), ob::node("Where", {"n", "other", "two"}, {"s"}, {})});
  shaped("Where by Greater and LessOrEqual, And, Or", {two, other, list("limit", {2})},
         {ob::node("Greater", {"two", "limit"}, {"g"}, {}), ob::node("LessOrEqual", {"two", "limit"}, {"e"}, {}), ob::node("GreaterOrEqual", {"limit", "two"}, {"f"}, {}),
          ob::node("And", {"e", "f"}, {"a"}, {}), ob::node("Or", {"a", "a"}, {"o"}, {}), ob::node("Equal", {"o", "g"}, {"never"}, {}),
          ob::node("Or", {"never", "g"}, {"h"}, {}), ob::node("Where", {"h", "other", "two"}, {"s"}, {})});
  shaped("Range upwards", {number("start", 2), number("limit", 13), number("step", 10)}, {ob::node("Range", {"start", "limit", "step"}, {"s"}, {})}, 11);
  add.read("of constants: Range downwards", [&] {
    ob::Model m;
    m.input("x", {6}).output("y", {3, 2}).initialiser(number("start", 3).tensor).initialiser(number("limit", 1).tensor).initialiser(number("step", -1).tensor);
    return m.node("Range", {"start", "limit", "step"}, {"s"}).node("Reshape", {"x", "s"}, {"y"}).bytes();
  }());
  add.read("of constants: Expand of integers", [&] {
    ob::Model m;
    m.input("x", {4}).output("y", {2, 2}).initialiser(list("one", {2}).tensor).initialiser(list("to", {2}).tensor);
    return m.node("Expand", {"one", "to"}, {"s"}).node("Reshape", {"x", "s"}, {"y"}).bytes();
  }());
  add.read("of constants: integers cast from INT8", [&] {
    ob::Model m;
    m.input("x", {4}).output("y", {2, 2}).initialiser(int8s("i", {2}, {2, -1}).tensor);
    return m.node("Cast", {"i"}, {"s"}, {num("to", ob::INT64)}).node("Reshape", {"x", "s"}, {"y"}).bytes();
  }());
  add.read("Expand of data", graph("Expand", {2, 1}, {3, 2, 4}, {}, {list("s", {3, 1, 4})}));
  add.read("Expand to fewer dimensions", graph("Expand", {2, 1}, {2, 4}, {}, {list("s", {4})}, 8));
  for (const char* op : {"Exp", "Log"}) add.read(std::string(op) + " of weights", of_constants(op, {{"W", ""}}));
  add.read("comparison of reals", of_constants("Less", {{"W", ""}, real("r", {})}));
  add.read("Equal of booleans", of_constants("Equal", {truths("p", {2}, {0, 1}), truths("q", {1}, {1})}));
  add.read("Where of reals", of_constants("Where", {truths("p", {2, 1}, {0, 1}), {"W", ""}, real("r", {3})}, {}, 9));
  add.read("Cast of a comparison", changed([](ob::Model& m) { m.node("Less", {"W", "b"}, {"l"}).node("Cast", {"l"}, {"c"}, {num("to", ob::FLOAT)}); }));
  add.read("DequantizeLinear", of_constants("DequantizeLinear", {int8s("q", {2, 3}, {1, 2, -128, 127, 0, 5}), real("s", {}), int8s("z", {}, {-3})}, {}, 10));
  add.read("DequantizeLinear of UINT8 by axis",
           of_constants("DequantizeLinear", {int8s("q", {2, 3}, {1, 2, 255, 127, 0, 5}, ob::UINT8), real("s", {2}), int8s("z", {2}, {3, 255}, ob::UINT8)}, {num("axis", -2)}));
  add.read("DequantizeLinear of INT32, no zero point", of_constants("DequantizeLinear", {int32s("q", {7, -9}), real("s", {1})}, {}, 10));
  add.read("DequantizeLinear of raw bytes in DOUBLE", of_constants("DequantizeLinear", {{"q", ob::tensor("q", ob::INT8, {2}, ob::raw_data("a\xFF"))}, {"s", ob::doubles("s", {2}, {0.5, 0.25})}},
                                                                   {num("axis", 0)}, 19));
}

void refuse_conditions(const Cases& add) {
  add.refused("Where on data", graph("Where", {2}, {2}, {}, {data(), data()}), "depends on the model's input");
  add.refused("Where, data chosen by a constant", changed([](ob::Model& m) {
                m.initialiser(truths("p", {1}, {1}).tensor).node("Where", {"p", "x", "x"}, {"c"});
              }),
              "torch.where");
  add.refused("Equal on data", changed([](ob::Model& m) { m.node("Equal", {"x", "x"}, {"c"}); }), "comparisons of data");
  add.refused("Less of two types", of_constants("Less", {{"W", ""}, list("i", {1})}), "one element type");
  add.refused("Less of booleans", of_constants("Less", {truths("p", {1}, {1}), truths("q", {1}, {1})}), "BOOL");
  add.refused("LessOrEqual, opset 11", of_constants("LessOrEqual", {{"W", ""}, real("r", {})}, {}, 11), "does not exist in opset 11");
  add.refused("Where, opset 8", of_constants("Where", {truths("p", {1}, {1}), {"W", ""}, {"W", ""}}, {}, 8), "does not exist in opset 8");
  add.refused("Where by numbers", of_constants("Where", {{"W", ""}, {"W", ""}, {"W", ""}}), "not BOOL");
  add.refused("Not of a number", of_constants("Not", {{"W", ""}}), "not BOOL");
  add.refused("And of two shapes", of_constants("And", {truths("p", {2}, {0, 1}), truths("q", {3}, {1, 1, 1})}), "do not broadcast");
  add.refused("integers chosen by a comparison of reals", changed([](ob::Model& m) {
                m.initialiser(list("i", {1}).tensor).node("Less", {"W", "b"}, {"l"}).node("Where", {"l", "i", "i"}, {"c"});
              }),
              "does not follow");
  add.refused("a comparison of reals moved", changed([](ob::Model& m) { m.node("Less", {"W", "b"}, {"l"}).node("Transpose", {"l"}, {"c"}); }), "moves BOOL");
  add.refused("Range of step 0", of_constants("Range", {number("a", 0), number("b0", 3), number("c0", 0)}), "step is 0");
  add.refused("Range that is empty", of_constants("Range", {number("a", 3), number("b0", 3), number("c0", 1)}), "empty");
  add.refused("Range of reals", of_constants("Range", {real("a", {}), real("b0", {}), real("c0", {})}), "INT64 or INT32 scalars");
  add.refused("Range of vectors", of_constants("Range", {list("a", {0}), list("b0", {3}), list("c0", {1})}), "INT64 or INT32 scalars");
  add.refused("Range of 2^20 + 1 entries", of_constants("Range", {number("a", 0), number("b0", (1 << 20) + 1), number("c0", 1)}), "2^20");
  add.refused("Range over all of INT64", of_constants("Range", {number("a", -9223372036854775807LL - 1), number("b0", 9223372036854775807LL), number("c0", 1)}), "2^2");
  add.refused("Expand to a dimension 0", graph("Expand", {2, 1}, {2, 1}, {}, {list("s", {0})}), "dimension 0");
  add.refused("Expand that does not fit", graph("Expand", {2, 3}, {2, 3}, {}, {list("s", {2, 2})}), "cannot repeat");
  add.refused("Expand by INT32", graph("Expand", {2, 1}, {2, 2}, {}, {int32s("s", {2, 2})}), "list of integers");
  add.refused("DequantizeLinear of data", graph("DequantizeLinear", {2}, {2}, {}, {real("s", {})}), "before quantisation");
  add.refused("DequantizeLinear of weights in FLOAT", of_constants("DequantizeLinear", {{"W", ""}, real("s", {})}), "first input");
  add.refused("DequantizeLinear, scale of another length", of_constants("DequantizeLinear", {int8s("q", {2, 3}, {1, 2, 3, 4, 5, 6}), real("s", {2})}), "along its axis");
  add.refused("DequantizeLinear by axis, opset 12", of_constants("DequantizeLinear", {int8s("q", {2}, {1, 2}), real("s", {2})}, {}, 12), "along its axis");
  add.refused("DequantizeLinear, zero point of another type", of_constants("DequantizeLinear", {int8s("q", {2}, {1, 2}), real("s", {}), int8s("z", {}, {1}, ob::UINT8)}), "zero point");
  add.refused("DequantizeLinear, zero point of another shape", of_constants("DequantizeLinear", {int8s("q", {2}, {1, 2}), real("s", {}), int8s("z", {1}, {1})}), "another shape");
  add.refused("DequantizeLinear, scale in DOUBLE, opset 18", of_constants("DequantizeLinear", {int8s("q", {2}, {1, 2}), {"s", ob::doubles("s", {}, {0.5})}}, {}, 18), "type FLOAT");
  add.refused("LogSoftmax", graph("LogSoftmax", {2}, {2}), "export the logits");
  add.refused("ArgMax", graph("ArgMax", {2}, {1}), "export the logits");
  add.refused("QuantizeLinear", graph("QuantizeLinear", {2}, {2}, {}, {real("s", {})}), "before quantisation");
  add.refused("data cast to FLOAT16", graph("Cast", {2}, {2}, {num("to", ob::FLOAT16)}), "half()");
}

}  // namespace

void read_graph_nodes(std::vector<Case>& cases) {
  const Cases add(cases);
  read_convolutions(add);
  read_pools(add);
  read_reductions(add);
  read_resampling(add);
  read_moves(add);
  read_entrywise(add);
  read_known(add);
  read_conditions(add);
}

void refused_graph_nodes(std::vector<Case>& cases) {
  const Cases add(cases);
  refuse_convolutions(add);
  refuse_pools(add);
  refuse_reductions(add);
  refuse_resampling(add);
  refuse_moves(add);
  refuse_entrywise(add);
  refuse_known(add);
  refuse_conditions(add);
}

}  // namespace onnx_cases
