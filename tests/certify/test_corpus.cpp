// Public networks that nobody here wrote: the norm of every dense layer against float64 reference values, and each block's two ends against
// each other. Needs LIPCERT_CORPUS; skipped (exit code 77) without.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "certify/analysis.hpp"
#include "formats/onnx_reader.hpp"

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

int main(int argc, char** argv) {
  if (corpus().empty()) {
    std::puts("LIPCERT_CORPUS is not set: skipped");
    return 77;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
