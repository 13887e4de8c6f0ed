// Public networks that nobody here wrote: the norm of every dense layer against float64 reference values, and each block's two ends against
// each other. Needs LIPCERT_CORPUS; skipped (exit code 77) without.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "formats/onnx/reader.hpp"

using namespace lipcert;
namespace fs = std::filesystem;

namespace {

fs::path corpus() {
  const char* folder = std::getenv("LIPCERT_CORPUS");
  return folder == nullptr ? fs::path() : fs::path(folder);
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Network network_of(const fs::path& path) { return read_onnx(contents(path), {path.filename().string()}); }

AnalysisOptions bounds_only() {
  AnalysisOptions options;
  options.region_samples = 0;  // no lower end for the network: the blocks are what is compared
  return options;
}

std::vector<Block> dense_blocks(const Analysis& analysis) {
  std::vector<Block> dense;
  for (const Block& block : analysis.partition.blocks) {
    // Both ends of each block, as tight as the theorem says: 2^-38 and n^2 2^-52 on either side.
    CHECK(block.lower <= block.upper);
    if (block.op == BlockOperator::dense && block.upper > 0) {
      dense.push_back(block);
      const auto n = static_cast<double>(std::min(block.rows, block.columns));
      CHECK(block.lower >= block.upper * (1 - 1e-11 - 2e-15 * n * n));
    }
  }
  return dense;
}

/// The references are right to about 1e-12, our bounds are above the truth by at most 5e-12 + 4e-16 n^2.
void compare(const Block& block, double reference) {
  const auto n = static_cast<double>(std::min(block.rows, block.columns));
  CAPTURE(block.id);
  CHECK(block.upper >= reference * (1 - 2e-12));
  CHECK(block.upper <= reference * (1 + 7e-12 + 4e-16 * n * n));
  CHECK(block.lower <= reference * (1 + 2e-12));
}

}  // namespace

TEST_CASE("corpus: every dense layer of the public networks against its reference norm") {
  const auto files = nlohmann::json::parse(contents(corpus() / "public" / "REFERENCE.json")).at("files");
  std::size_t networks = 0;
  std::size_t layers = 0;
  for (const auto& [name, entry] : files.items()) {
    const fs::path path = corpus() / "public" / name;
    if (path.extension() != ".onnx" || !entry.contains("product_l2") || !fs::exists(path)) {
      continue;
    }
    std::vector<double> norms;
    bool only_dense = true;
    for (const auto& layer : entry.at("layers")) {
      const std::string op = layer.at("op");
      if (op == "Gemm" || op == "MatMul") {
        norms.push_back(layer.at("l2"));
      } else if (op != "Sigmoid") {
        only_dense = false;  // scales are folded into their neighbours
      }
    }
    Network network;
    try {
      network = network_of(path);
    } catch (const std::exception&) {
      continue;
    }
    const Partition p = partition(network);
    if (!p.refusals.empty() || !only_dense) {
      continue;
    }
    const std::vector<Block> dense = dense_blocks(analyse(network, bounds_only()));
    if (dense.size() != norms.size()) {
      continue;  // folded
    }
    CAPTURE(name);
    for (std::size_t k = 0; k < norms.size(); ++k) {
      compare(dense[k], norms[k]);
    }
    ++networks;
    layers += norms.size();
  }
  CHECK(networks >= 15);
  CHECK(layers >= 60);
}

TEST_CASE("corpus: text networks converted to ONNX") {
  const auto files = nlohmann::json::parse(contents(corpus() / "public" / "REFERENCE.json")).at("files");
  std::size_t networks = 0;
  const auto check = [&](const std::string& model, const std::string& reference) {
    const std::vector<Block> dense = dense_blocks(analyse(network_of(corpus() / "converted" / model), bounds_only()));
    const auto& norms = files.at(reference).at("layer_l2");
    REQUIRE(dense.size() == norms.size());
    CAPTURE(model);
    for (std::size_t k = 0; k < dense.size(); ++k) {
      compare(dense[k], norms[k]);
    }
    ++networks;
  };
  check("gloro_mnist_8x128.f64.onnx", "gloro_mnist_8x128.txt");
  check("vcr_neural_network_3.f64.onnx", "vcr_neural_network_3.txt");
  check("lipsdp_random_2_10_30_20_2.f64.onnx", "random_weights.mat");
  for (const auto& [name, entry] : files.items()) {
    const std::string suffix = "_weights.mat";
    if (name.rfind("fnn", 0) == 0 && name.size() > suffix.size()) {
      const std::string model = name.substr(0, name.size() - suffix.size()) + ".onnx";
      if (fs::exists(corpus() / "converted" / model)) {
        check(model, name);
      }
    }
  }
  CHECK(networks >= 15);
}

TEST_CASE("corpus: the nine layers of the Dafny-verified network") {
  // The figure: the product of the true norms is 125.24819064788096.
  const Network network = network_of(corpus() / "converted" / "gloro_mnist_8x128.f64.onnx");
  const Analysis analysis = analyse(network, {});
  CHECK(analysis.upper <= 125.248190648 * (1 + 1e-9));
  CHECK(analysis.upper >= 125.24819064788096);
  CHECK(analysis.lower >= 25);  // random points alone give about 28
  CHECK(analysis.pairs_by_rows);
}

TEST_CASE("corpus: layers of 1-Lipschitz libraries") {
  std::size_t networks = 0;
  for (const char* kind : {"vanilla", "vanilla_static", "param"}) {
    const auto reference = nlohmann::json::parse(contents(corpus() / "lipschitz" / "mlp_toy_relu.json"));
    const std::vector<Block> dense =
        dense_blocks(analyse(network_of(corpus() / "lipschitz" / (std::string("mlp_toy_relu.") + kind + ".onnx")), bounds_only()));
    std::vector<double> norms;
    for (const auto& layer : reference.at("layers")) {
      if (layer.at("type") == "Linear") {
        norms.push_back(layer.at("sigma_max"));
      }
    }
    REQUIRE(dense.size() == norms.size());
    for (std::size_t k = 0; k < norms.size(); ++k) {
      compare(dense[k], norms[k]);
    }
    ++networks;
  }
  CHECK(networks == 3);
  // MOSEK's optimum of LipSDP-Neuron for this network is 36.482: our lower end reaches it, so that nobody can do better.
  const Analysis random = analyse(network_of(corpus() / "converted" / "lipsdp_random_2_10_30_20_2.f64.onnx"), {});
  CHECK(random.lower >= 36.48);
  CHECK(random.upper >= 43.305);
  CHECK(random.upper <= 43.306);
}

TEST_CASE("corpus: 1-Lipschitz networks in all exports reach the product of their exact norms") {
  std::size_t networks = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / "lipschitz")) {
    const std::string name = entry.path().filename().string();
    const std::string suffix = ".param.onnx";
    if (name.size() <= suffix.size() || name.substr(name.size() - suffix.size()) != suffix) {
      continue;
    }
    const std::string net = name.substr(0, name.size() - suffix.size());
    const auto reference = nlohmann::json::parse(contents(corpus() / "lipschitz" / (net + ".json")));
    const double product =
        reference.contains("L2_product_bound_of_onnx_graph") ? reference.at("L2_product_bound_of_onnx_graph") : reference.at("L2_product_bound_float64");
    CAPTURE(net);
    for (const char* kind : {"vanilla", "vanilla_static", "param"}) {
      CAPTURE(kind);
      const Analysis analysis = analyse(network_of(corpus() / "lipschitz" / (net + "." + kind + ".onnx")), bounds_only());
      CHECK(analysis.upper <= product * (1 + 1e-6));
      CHECK(analysis.upper >= product * (1 - 1e-6));
      for (const Block& block : analysis.partition.blocks) {
        CHECK(block.lower >= block.upper * (1 - 1e-6));  // no joins here: every block is tight
      }
    }
    ++networks;
  }
  CHECK(networks >= 8);
}

TEST_CASE("corpus: single layers of 1-Lipschitz libraries") {
  // Sorts, centring, pooling with its scale and downsampling are exactly 1-Lipschitz; others are what their weights make them.
  const std::vector<std::string> exactly_one{"BatchCentering", "FullSort_2d",   "FullSort_4d", "GroupSort2_2d",
                                             "GroupSort2_4d",  "InvertibleDownSampling", "LPReLU", "MaxMin_2d"};
  std::size_t layers = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / "lipschitz" / "layers")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const Analysis analysis = analyse(network_of(entry.path()), bounds_only());
    const std::string layer = name.substr(0, name.find('.'));
    if (std::find(exactly_one.begin(), exactly_one.end(), layer) != exactly_one.end()) {
      CHECK(analysis.upper == 1);
      ++layers;
    } else {
      CHECK(analysis.upper <= 1 + 1e-6);
      CHECK(analysis.upper >= 0.69);
    }
  }
  CHECK(layers >= 20);
}

TEST_CASE("corpus: convolutions of public networks against their reference norms") {
  const auto files = nlohmann::json::parse(contents(corpus() / "public" / "REFERENCE.json")).at("files");
  for (const char* name : {"cifar_base_kw.onnx", "cifar_base_kw.torch04.onnx", "resnet_2b.onnx", "Convnet_maxpool.onnx"}) {
    CAPTURE(name);
    std::vector<double> norms;
    for (const auto& layer : files.at(name).at("layers")) {
      const std::string op = layer.at("op");
      if (op == "Conv" || op == "Gemm" || op == "MatMul") {
        norms.push_back(layer.at("l2"));
      }
    }
    std::vector<double> uppers;
    for (const Block& block : analyse(network_of(corpus() / "public" / name), bounds_only()).partition.blocks) {
      if (block.op == BlockOperator::dense || block.op == BlockOperator::convolution || block.op == BlockOperator::linear) {
        uppers.push_back(block.upper);
        CHECK(block.lower >= block.upper * (1 - 1e-6));
      }
    }
    REQUIRE(uppers.size() == norms.size());
    for (std::size_t k = 0; k < norms.size(); ++k) {
      CHECK(uppers[k] >= norms[k] * (1 - 1e-10));
      CHECK(uppers[k] <= norms[k] * (1 + 1e-6));
    }
  }
  const double one = analyse(network_of(corpus() / "public" / "cifar_base_kw.onnx"), bounds_only()).upper;
  CHECK(one == analyse(network_of(corpus() / "public" / "cifar_base_kw.torch04.onnx"), bounds_only()).upper);
}

int main(int argc, char** argv) {
  if (corpus().empty()) {
    std::puts("LIPCERT_CORPUS is not set: skipped");
    return 77;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
