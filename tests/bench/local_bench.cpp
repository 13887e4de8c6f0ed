// Certified samples at a radius: by the global constant, by the theorem layer-dual with its fixed rule, and with the search; seconds for a
// sample.
//
//   bench_local MODEL IMAGES.npy LABELS.npy RADIUS [steps N] [range LOW HIGH] [bisect] [first N]
//
// IMAGES: float32 or float64 in the units of the graph's input; LABELS: int64; little-endian NPY. One thread. "decided" are images whose
// class is decided.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/evaluate.hpp"
#include "certify/graph/model.hpp"
#include "certify/graph/steps.hpp"
#include "certify/local/local_radii.hpp"

namespace {

using namespace lipcert;

std::vector<double> read_npy(const std::string& path, std::size_t& rows) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() < 12) {
    throw std::runtime_error(path + " is no NPY file.");
  }
  std::uint16_t length = 0;
  std::memcpy(&length, &bytes[8], 2);
  const std::string header = bytes.substr(10, length);
  const char* const data = bytes.data() + 10 + length;
  const std::size_t size = bytes.size() - 10 - length;
  rows = std::stoul(header.substr(header.find("'shape': (") + 10));
  std::vector<double> result;
  const auto read = [&](auto number) {
    for (std::size_t i = 0; i + sizeof number <= size; i += sizeof number) {
      std::memcpy(&number, data + i, sizeof number);
      result.push_back(static_cast<double>(number));
    }
  };
  if (header.find("<f4") != std::string::npos) {
    read(float{});
  } else if (header.find("<f8") != std::string::npos) {
    read(double{});
  } else if (header.find("<i8") != std::string::npos) {
    read(std::int64_t{});
  } else {
    read(std::uint8_t{});
  }
  return result;
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int run(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: bench_local MODEL IMAGES.npy LABELS.npy RADIUS [steps N] [range LOW HIGH] [bisect] [first N]\n", stderr);
    return 2;
  }
  const Model model = read_model(argv[1]);
  std::size_t count = 0;
  std::size_t labels_count = 0;
  const std::vector<double> images = read_npy(argv[2], count);
  const std::vector<double> labels = read_npy(argv[3], labels_count);
  const double radius = std::atof(argv[4]);
  LocalSettings settings;
  bool bisect = false;
  const std::size_t n = images.size() / count;
  for (int a = 5; a < argc; ++a) {
    const std::string word = argv[a];
    if (word == "steps") {
      settings.steps = static_cast<unsigned>(std::atoi(argv[++a]));
    } else if (word == "range") {
      settings.range.low.assign(n, std::atof(argv[++a]));
      settings.range.high.assign(n, std::atof(argv[++a]));
    } else if (word == "first") {
      count = static_cast<std::size_t>(std::atoi(argv[++a]));
    } else {
      bisect = word == "bisect";
    }
  }
  WorkerPool pool(1);
  const StepGraph graph = build_steps(model.network, pool);
  const Analysis analysis = analyse(model.network, {});
  const std::size_t classes = analysis.classes;
  LocalSettings fixed = settings;
  fixed.steps = 0;
  const LocalRadii searched(model.network, graph, analysis, settings);
  const LocalRadii by_rule(model.network, graph, analysis, fixed);
  std::size_t right = 0;
  std::size_t by_global = 0;
  std::size_t by_fixed = 0;
  std::size_t by_search = 0;
  std::size_t bytes = 0;
  double spent = 0;
  double slowest = 0;
  double ratio = 0;
  std::size_t ratios = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<double> x(images.begin() + static_cast<std::ptrdiff_t>(i * n),
                                images.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
    const BallVector f = evaluate(graph, x);
    std::size_t c = 0;
    for (std::size_t j = 0; j < classes; ++j) {
      c = f.centre[j] > f.centre[c] ? j : c;
    }
    std::vector<double> global(classes, 0.0);
    double least = HUGE_VAL;
    for (std::size_t j = 0; j < classes; ++j) {
      if (j != c) {
        const std::size_t a = std::min(j, c);
        const std::size_t b = std::max(j, c);
        global[j] =
            (f.centre[c] - f.centre[j] - 33 * (f.radius[c] + f.radius[j])) / analysis.pairs[a * classes - a * (a + 1) / 2 + (b - a - 1)];
        least = std::min(least, global[j]);
      }
    }
    const bool is_right = static_cast<double>(c) == labels[i];
    right += is_right ? 1U : 0U;
    if (!bisect && least >= radius) {
      by_global += is_right ? 1U : 0U;
      by_fixed += is_right ? 1U : 0U;
      by_search += is_right ? 1U : 0U;
      continue;
    }
    const LocalSample sample{x, Upper(), f, static_cast<std::uint32_t>(c), global};
    if (!bisect) {
      by_fixed += is_right && by_rule.improve(sample, {radius}) ? 1U : 0U;
    }
    const double begin = seconds();
    const std::optional<LocalRadius> found = searched.improve(sample, bisect ? std::vector<double>{} : std::vector<double>{radius});
    const double took = seconds() - begin;
    spent += took;
    slowest = std::max(slowest, took);
    if (found) {
      by_search += is_right && found->radius >= radius ? 1U : 0U;
      bytes += found->evidence.size();
      ratio += found->radius / least;
      ++ratios;
    }
    if (std::getenv("VERBOSE") != nullptr) {
      std::printf("%zu %d global %.4f found %.4f %zu bytes %.4f s\n", i, is_right, least, found ? found->radius : 0.0,
                  found ? found->evidence.size() : 0, took);
    }
  }
  std::printf("%-22s radius %.4f of %zu right %zu global %zu fixed %zu search %zu bytes %zu seconds %.4f slowest %.3f",
              argv[1] + (std::strlen(argv[1]) > 22 ? std::strlen(argv[1]) - 22 : 0), radius, count, right, by_global, by_fixed, by_search,
              bytes, spent / static_cast<double>(count), slowest);
  std::printf(bisect ? " ratio %.3f\n" : "\n", ratios == 0 ? 0.0 : ratio / static_cast<double>(ratios));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 4;
  }
}
