#include "examples/trainer/graph_writer.hpp"

#include <protozero/pbf_writer.hpp>

namespace liptrain {
namespace {

void value_info(protozero::pbf_writer& graph, protozero::pbf_tag_type field, const std::string& name, const Shape& shape,
                std::int64_t batch) {
  protozero::pbf_writer info(graph, field);
  info.add_string(1, name);
  protozero::pbf_writer type(info, 2);
  protozero::pbf_writer tensor(type, 1);
  tensor.add_int32(1, 1);  // FLOAT
  protozero::pbf_writer dimensions(tensor, 2);
  const auto add = [&](std::int64_t size) {
    protozero::pbf_writer dimension(dimensions, 1);
    if (size == 0) {
      dimension.add_string(2, "batch");
    } else {
      dimension.add_int64(1, size);
    }
  };
  add(batch);
  add(shape.channels);
  if (shape.image) {
    add(shape.rows);
    add(shape.columns);
  }
}

}  // namespace

std::string GraphWriter::fresh(const std::string& name) {
  return name + "_" + std::to_string(++count_);
}

std::string GraphWriter::floats(const std::string& name, const std::vector<std::int64_t>& dimensions, const float* data) {
  static_assert(sizeof(float) == 4 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data is little-endian float32");
  std::size_t count = 1;
  for (const auto d : dimensions) {
    count *= static_cast<std::size_t>(d);
  }
  std::string result = fresh(name);
  protozero::pbf_writer graph(initializers_);
  protozero::pbf_writer tensor(graph, 5);
  tensor.add_packed_int64(1, dimensions.begin(), dimensions.end());
  tensor.add_int32(2, 1);
  tensor.add_string(8, result);
  tensor.add_bytes(9, reinterpret_cast<const char*>(data), 4 * count);
  return result;
}

std::string GraphWriter::integers(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string result = fresh(name);
  const std::int64_t size[] = {static_cast<std::int64_t>(values.size())};
  protozero::pbf_writer graph(initializers_);
  protozero::pbf_writer tensor(graph, 5);
  tensor.add_packed_int64(1, size, size + 1);
  tensor.add_int32(2, 7);
  tensor.add_string(8, result);
  tensor.add_bytes(9, reinterpret_cast<const char*>(values.data()), 8 * values.size());
  return result;
}

std::string GraphWriter::node(const std::string& op, const std::vector<std::string>& inputs, const std::vector<Attribute>& attributes) {
  return nodes(op, inputs, 1, attributes)[0];
}

std::vector<std::string> GraphWriter::nodes(const std::string& op, const std::vector<std::string>& inputs, int outputs,
                                            const std::vector<Attribute>& attributes) {
  std::vector<std::string> results;
  protozero::pbf_writer graph(nodes_);
  protozero::pbf_writer node(graph, 1);
  for (const auto& input : inputs) {
    node.add_string(1, input);
  }
  for (int i = 0; i < outputs; ++i) {
    results.push_back(fresh(op));
    node.add_string(2, results.back());
  }
  node.add_string(3, "/" + results[0]);
  node.add_string(4, op);
  for (const auto& attribute : attributes) {
    protozero::pbf_writer to(node, 5);
    to.add_string(1, attribute.name);
    if (attribute.list) {
      for (const auto value : attribute.values) {
        to.add_int64(8, value);
      }
      to.add_int32(20, 7);
    } else {
      to.add_int64(3, attribute.values[0]);
      to.add_int32(20, 2);
    }
  }
  return results;
}

std::string GraphWriter::model(const Shape& in, const Shape& out, const std::string& result, std::int64_t batch,
                               const std::vector<std::pair<std::string, std::string>>& metadata) {
  {
    protozero::pbf_writer graph(nodes_);
    protozero::pbf_writer last(graph, 1);
    last.add_string(1, result);
    last.add_string(2, "logits");
    last.add_string(3, "/logits");
    last.add_string(4, "Identity");
  }
  std::string file;
  protozero::pbf_writer model(file);
  model.add_int64(1, 7);
  model.add_string(2, "liptrain");
  {
    std::string body = nodes_;
    protozero::pbf_writer graph(body);
    graph.add_string(2, "liptrain");
    body += initializers_;
    value_info(graph, 11, "input", in, batch);
    value_info(graph, 12, "logits", out, batch);
    model.add_message(7, body);
  }
  {
    protozero::pbf_writer opset(model, 8);
    opset.add_string(1, "");
    opset.add_int64(2, 13);
  }
  for (const auto& [key, value] : metadata) {
    protozero::pbf_writer entry(model, 14);
    entry.add_string(1, key);
    entry.add_string(2, value);
  }
  return file;
}

}  // namespace liptrain
