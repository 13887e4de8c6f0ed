// Writes an ONNX graph (opset 13, IR version 7) with protozero. Field numbers are those of onnx.proto.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "examples/trainer/matrix.hpp"

namespace liptrain {

class GraphWriter {
 public:
  struct Attribute {
    std::string name;
    std::vector<std::int64_t> values;
    bool list;
    Attribute(std::string n, std::int64_t value) : name(std::move(n)), values{value}, list(false) {}
    Attribute(std::string n, std::initializer_list<std::int64_t> list_of) : name(std::move(n)), values(list_of), list(true) {}
  };

  /// A float32 initialiser with these dimensions (none: a scalar); returns its name.
  std::string floats(const std::string& name, const std::vector<std::int64_t>& dimensions, const float* data);
  std::string integers(const std::string& name, const std::vector<std::int64_t>& values);
  std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::vector<Attribute>& attributes = {});
  std::vector<std::string> nodes(const std::string& op, const std::vector<std::string>& inputs, int outputs,
                                 const std::vector<Attribute>& attributes = {});
  /// The whole file. A batch of 0 is symbolic ("batch"). `result` is renamed to "logits" by an Identity node.
  [[nodiscard]] std::string model(const Shape& in, const Shape& out, const std::string& result, std::int64_t batch,
                                  const std::vector<std::pair<std::string, std::string>>& metadata);

 private:
  std::string fresh(const std::string& name);

  std::string nodes_, initializers_;  // encoded repeated fields of GraphProto
  int count_ = 0;
};

}  // namespace liptrain
