#include "examples/trainer/network.hpp"

#include <cctype>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "examples/trainer/graph_writer.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace liptrain {

std::string Shape::text() const {
  std::string result = std::to_string(channels);
  if (image) {
    result += " x " + std::to_string(rows) + " x " + std::to_string(columns);
  }
  return result;
}

namespace {

constexpr const char* magic = "liptrain model 1\n";
constexpr std::uint64_t largest_model = std::uint64_t{1} << 32;

lipcert::Error usage(const std::string& sentence) {
  return lipcert::Error(lipcert::ExitCode::usage, sentence);
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// Pieces between commas that stand outside of parentheses.
std::vector<std::string> split_layers(const std::string& text) {
  std::vector<std::string> pieces(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth < 0) {
      throw usage("The network '" + text + "' closes a parenthesis that it has not opened.");
    }
    if (c == ',' && depth == 0) {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  if (depth != 0) {
    throw usage("The network '" + text + "' leaves a parenthesis open.");
  }
  return pieces;
}

/// The words of one layer, taken one after the other.
class Words {
 public:
  explicit Words(const std::string& layer) : layer_(layer), stream_(layer) { stream_ >> name_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  Index number(const char* what) {
    std::string word;
    if (!(stream_ >> word) || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos) {
      throw usage("Layer '" + layer_ + "' needs a whole number for its " + what + "; see `liptrain train --help` for the layers.");
    }
    return std::stoll(word);
  }
  bool next(std::string& word) { return static_cast<bool>(stream_ >> word); }
  void finish() {
    std::string word;
    if (next(word)) {
      refuse(word);
    }
  }
  [[noreturn]] void refuse(const std::string& word) const {
    throw usage("Layer '" + layer_ + "' has the word '" + word +
                "', which means nothing there; see `liptrain train --help` for the layers.");
  }

 private:
  std::string layer_;
  std::istringstream stream_;
  std::string name_;
};

template <class S>
Chain<S> parse_chain(const Shape& in, const std::string& text, const WeightOptions& weight, bool inside);

template <class S>
LayerPointer<S> parse_layer(const Shape& in, const std::string& text, const WeightOptions& weight, bool last) {
  if (text.rfind("residual", 0) == 0) {
    const auto open = text.find('('), close = text.rfind(')');
    if (open == std::string::npos || close + 1 != text.size() || !trimmed(text.substr(8, open - 8)).empty()) {
      throw usage("'" + text + "' is not a residual block; write residual(LAYER, ...).");
    }
    return make_residual<S>(in, parse_chain<S>(in, text.substr(open + 1, close - open - 1), weight, true));
  }
  Words words(text);
  const std::string& name = words.name();
  WeightOptions own = weight;
  std::string word;
  if (name == "dense") {
    const Index outputs = words.number("outputs");
    while (words.next(word)) {
      if (word == "frobenius") {
        own.constraint = Constraint::frobenius;
      } else if (word == "unit-rows" && last) {
        own.constraint = Constraint::unit_rows;
      } else if (word == "unit-rows") {
        throw usage("Layer '" + text + "' bounds each output alone; only the last layer may be 'unit-rows'.");
      } else {
        words.refuse(word);
      }
    }
    if (outputs < 1) {
      throw usage("Layer '" + text + "' needs at least one output.");
    }
    return make_dense<S>(in, outputs, own);
  }
  if (name == "conv") {
    ConvolutionOptions options;
    options.channels = words.number("channels");
    options.kernel = words.number("kernel");
    options.padding = options.kernel / 2;
    while (words.next(word)) {
      if (word == "stride") {
        options.stride = words.number("stride");
      } else if (word == "padding") {
        options.padding = words.number("padding");
      } else if (word == "frobenius") {
        own.constraint = Constraint::frobenius;
      } else {
        words.refuse(word);
      }
    }
    if (options.channels < 1 || options.kernel < 1 || options.stride < 1 || options.padding >= options.kernel) {
      throw usage("Layer '" + text + "' needs channels, kernel and stride of at least 1, and a padding below the kernel.");
    }
    return make_convolution<S>(in, options, own);
  }
  if (name == "avgpool" || name == "l2pool" || name == "downsample") {
    const Index window = words.number("window");
    words.finish();
    if (window < 1) {
      throw usage("Layer '" + text + "' needs a window of at least 1.");
    }
    return name == "avgpool"  ? make_average_pooling<S>(in, window)
           : name == "l2pool" ? make_l2_pooling<S>(in, window)
                              : make_downsampling<S>(in, window);
  }
  words.finish();
  if (name == "global-avgpool") {
    return make_average_pooling<S>(in, 0);
  }
  if (name == "flatten") {
    return make_flatten<S>(in);
  }
  if (name == "groupsort2") {
    return make_group_sort<S>(in);
  }
  if (name == "maxmin") {
    return make_max_min<S>(in);
  }
  if (name == "fullsort") {
    return make_full_sort<S>(in);
  }
  if (name == "householder") {
    return make_householder<S>(in);
  }
  if (name == "relu") {
    return make_relu<S>(in);
  }
  throw usage("'" + text +
              "' is not a layer; choose dense, conv, groupsort2, maxmin, fullsort, householder, relu, avgpool, global-avgpool, l2pool, "
              "downsample, flatten or residual(...).");
}

template <class S>
Chain<S> parse_chain(const Shape& in, const std::string& text, const WeightOptions& weight, bool inside) {
  Chain<S> chain;
  Shape shape = in;
  const auto pieces = split_layers(text);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    chain.layers.push_back(parse_layer<S>(shape, trimmed(pieces[i]), weight, !inside && i + 1 == pieces.size()));
    shape = chain.layers.back()->out();
  }
  return chain;
}

template <class S>
void collect_layer(Layer<S>& layer, const std::vector<Memory<S>>& pieces, std::size_t index) {
  const auto parameters = layer.parameters();
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    parameters[k]->gradient = pieces[0].layers[index].gradients[k];
    for (std::size_t p = 1; p < pieces.size(); ++p) {
      parameters[k]->gradient += pieces[p].layers[index].gradients[k];
    }
  }
  layer.pull_back();
}

}  // namespace

template <class S>
Network<S>::Network(const Shape& in, const std::string& text, const WeightOptions& weight)
    : in_(in), weight_(weight), chain_(parse_chain<S>(in, text, weight, false)) {
  if (out().image) {
    throw usage("The network ends in images of " + out().text() + "; end it with 'flatten' or a dense layer.");
  }
}

template <class S>
std::string Network<S>::text() const {
  std::string list;
  for (const auto& layer : chain_.layers) {
    list += (list.empty() ? "" : ", ") + layer->text();
  }
  return list;
}

template <class S>
Index Network<S>::parameter_count() const {
  Index count = 0;
  for (const auto* parameter : parameters()) {
    count += parameter->value.size();
  }
  return count;
}

template <class S>
void Network<S>::start(std::uint64_t seed) {
  Random random(seed);
  for (auto& layer : chain_.layers) {
    layer->start(random);
  }
  for (auto* parameter : parameters()) {
    parameter->first.setZero(parameter->value.rows(), parameter->value.cols());
    parameter->second = parameter->first;
  }
  compute();
}

template <class S>
void Network<S>::compute() {
  for (auto& layer : chain_.layers) {
    layer->compute();
  }
}

template <class S>
void Network<S>::collect(const std::vector<Memory<S>>& pieces) {
  for (std::size_t i = 0; i < chain_.layers.size(); ++i) {
    collect_layer(*chain_.layers[i], pieces, i);
  }
}

template <class S>
void Network<S>::project(bool thorough) {
  for (auto& layer : chain_.layers) {
    layer->project(thorough);
  }
}

template <class S>
std::vector<FinishedLayer> Network<S>::finish() {
  compute();
  std::vector<FinishedLayer> report;
  double scale = 1;
  // A residual block's branches share one scale, so gains may come before, between and after blocks alike.
  for (auto& layer : chain_.layers) {
    layer->finish(scale, true, report);
  }
  freeze();
  return report;
}

template <class S>
void Network<S>::freeze() {
  for (auto& layer : chain_.layers) {
    layer->freeze();
  }
  finished_ = true;
}

template <class S>
std::string Network<S>::write_onnx(std::int64_t batch, const std::vector<std::pair<std::string, std::string>>& metadata) const {
  GraphWriter graph;
  std::string x = "input";
  for (const auto& layer : chain_.layers) {
    x = layer->write(graph, x);
  }
  return graph.model(in_, out(), x, batch, metadata);
}

template <class S>
Matrix<double> Network<S>::pair_constants() const {
  const Matrix<S>* last = chain_.layers.back()->matrix();
  const Index n = out().channels;
  if (n == 1) {
    Matrix<double> one(1, 1);
    one(0, 0) = last == nullptr ? 1 : last->template cast<double>().norm();
    return one;
  }
  Matrix<double> constants = Matrix<double>::Constant(n, n, std::sqrt(2.0));
  for (Index i = 0; i < n && last != nullptr; ++i) {
    for (Index j = 0; j < n; ++j) {
      constants(i, j) = (last->row(i).template cast<double>() - last->row(j).template cast<double>()).norm();
    }
  }
  return constants;
}

template class Network<float>;
template class Network<double>;

void save_network(const std::string& path, const Network<float>& network, const SavedState& state, bool moments) {
  const auto& weight = network.weight();
  const Shape& in = network.in();
  nlohmann::json header = {{"network", network.text()}, {"input", {in.channels, in.rows, in.columns}},
                           {"image", in.image},         {"mode", weight.mode == Mode::project ? "project" : "differentiate"},
                           {"bjorck", weight.bjorck},   {"finished", network.finished()},
                           {"moments", moments},        {"settings", state.settings},
                           {"epoch", state.epoch},      {"step", state.step},
                           {"scale", state.scale_text}};
  if (moments) {
    header["history"] = state.history;
  }
  std::string bytes = magic + header.dump() + "\n";
  const auto append = [&bytes](const auto& m) {
    bytes.append(reinterpret_cast<const char*>(m.data()), static_cast<std::size_t>(m.size()) * sizeof(float));
  };
  for (const auto* parameter : network.parameters()) {
    append(parameter->value);
    append(parameter->left);
    if (moments) {
      append(parameter->first);
      append(parameter->second);
    }
  }
  lipcert::write_file(path, bytes, lipcert::Overwrite::yes);
}

Network<float> load_network(const std::string& path, SavedState& state) {
  const std::string bytes = lipcert::read_file(path, largest_model);
  const auto damaged = [&path](const std::string& what) {
    return lipcert::input_error(path + ": " + what + "; take a file that `liptrain train` has written.");
  };
  const std::size_t start = std::strlen(magic);
  if (bytes.compare(0, start, magic) != 0) {
    throw damaged("this is not a liptrain model");
  }
  const std::size_t end = bytes.find('\n', start);
  if (end == std::string::npos) {
    throw damaged("the header is cut off");
  }
  try {
    const auto header = nlohmann::json::parse(bytes.substr(start, end - start));
    Shape in;
    in.channels = header.at("input").at(0);
    in.rows = header.at("input").at(1);
    in.columns = header.at("input").at(2);
    in.image = header.at("image");
    if (in.channels < 1 || in.rows < 1 || in.columns < 1 || in.channels > (1 << 24) || in.rows > (1 << 16) || in.columns > (1 << 16)) {
      throw damaged("the input's shape is wrong");
    }
    WeightOptions weight;
    weight.mode = header.at("mode") == "project" ? Mode::project : Mode::differentiate;
    weight.bjorck = header.at("bjorck");
    Network<float> network(in, header.at("network"), weight);
    state.settings = header.at("settings");
    state.epoch = header.at("epoch");
    state.step = header.at("step");
    state.scale_text = header.at("scale");
    state.scale = parse_scale(state.scale_text);
    const bool moments = header.at("moments");
    if (moments) {
      header.at("history").get_to(state.history);
    }
    network.start(0);  // gives the parameters their sizes
    std::size_t at = end + 1;
    const auto take = [&](auto& m) {
      const std::size_t size = static_cast<std::size_t>(m.size()) * sizeof(float);
      if (bytes.size() - at < size) {
        throw damaged("the weights are cut off");
      }
      if (size > 0) {  // an empty matrix has no address
        std::memcpy(m.data(), bytes.data() + at, size);
      }
      at += size;
      if (!m.allFinite()) {
        throw damaged("a weight is not a number");
      }
    };
    for (auto* parameter : network.parameters()) {
      take(parameter->value);
      take(parameter->left);
      if (moments) {
        take(parameter->first);
        take(parameter->second);
      }
    }
    if (at != bytes.size()) {
      throw damaged("it is longer than its header says");
    }
    network.compute();
    if (header.at("finished")) {
      network.freeze();
    }
    return network;
  } catch (const nlohmann::json::exception& error) {
    throw damaged(std::string("the header cannot be read (") + error.what() + ")");
  } catch (const lipcert::Error& error) {
    if (error.code() == lipcert::ExitCode::usage) {
      throw damaged(error.what());
    }
    throw;
  }
}

double parse_scale(const std::string& text) {
  try {
    std::size_t used = 0;
    const double top = std::stod(text, &used);
    double value = top;
    if (used < text.size() && text[used] == '/') {
      std::size_t more = 0;
      value = top / std::stod(text.substr(used + 1), &more);
      used += more + 1;
    }
    if (used == text.size() && std::isfinite(value) && value != 0) {
      return value;
    }
  } catch (const std::exception&) {  // no number: said below
  }
  throw usage("'" + text + "' is not a scale; write a number or a fraction such as 1/255.");
}

}  // namespace liptrain
