// The commands behind examples/demonstrations: Wasserstein-1 against the exact value, points in the plane and maps of it, counterfactual
// directions, and packing of data for `lipcert`.
#include <fmt/format.h>
#include <png.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numbers>

#include "certify/commands/progress.hpp"
#include "examples/trainer/commands.hpp"
#include "examples/trainer/transport.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace liptrain {
namespace {

using Json = nlohmann::ordered_json;

void write_json(const std::string& path, const Json& report) {
  if (!path.empty()) {
    lipcert::write_file(path, report.dump(2) + "\n", lipcert::Overwrite::yes);
  }
}

Matrix<float> rows_of_class(const DataSet& data, int label) {
  Matrix<float> rows(data.size(), data.samples.cols());
  Index count = 0;
  for (Index n = 0; n < data.size(); ++n) {
    if (data.labels[static_cast<std::size_t>(n)] == label) {
      rows.row(count++) = data.samples.row(n);
    }
  }
  rows.conservativeResize(count, Eigen::NoChange);
  return rows;
}

/// Grey or RGB images side by side, as PNG.
class Montage {
 public:
  Montage(const Shape& tile, Index rows, Index columns)
      : tile_(tile),
        zoom_(std::max<Index>(1, 84 / tile.rows)),
        width_(columns * (tile.columns * zoom_ + gap) - gap),
        height_(rows * (tile.rows * zoom_ + gap) - gap),
        pixels_(static_cast<std::size_t>(3 * width_ * height_), 255) {}

  /// x in [0, 1]; what lies outside is cut off.
  void place(Index row, Index column, const float* x) {
    for (Index i = 0; i < tile_.rows * zoom_; ++i) {
      for (Index j = 0; j < tile_.columns * zoom_; ++j) {
        for (Index c = 0; c < 3; ++c) {
          const Index channel = tile_.channels == 3 ? c : 0;
          const float value = std::clamp(x[(channel * tile_.rows + i / zoom_) * tile_.columns + j / zoom_], 0.0F, 1.0F);
          const Index at = ((row * (tile_.rows * zoom_ + gap) + i) * width_ + column * (tile_.columns * zoom_ + gap) + j) * 3 + c;
          pixels_[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(std::lround(255 * value));
        }
      }
    }
  }
  [[nodiscard]] std::string png() const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::string bytes(size, '\0');
    if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels_.data(), 0, nullptr) == 0) {
      throw lipcert::Error(lipcert::ExitCode::internal, std::string("The picture cannot be encoded: ") + image.message + ".");
    }
    bytes.resize(size);
    return bytes;
  }

 private:
  static constexpr Index gap = 4;
  Shape tile_;
  Index zoom_, width_, height_;
  std::vector<std::uint8_t> pixels_;
};

/// g = f_c - f_j (or sign times f) at x, and its gradient.
class Margin {
 public:
  Margin(const Network<float>& network, Index own, Index other) : network_(network), own_(own), other_(other) {
    network.chain().prepare(memory_);
  }

  double value(const Matrix<float>& x) { return of(network_.chain().forward(x, memory_)); }
  Matrix<float> gradient(const Matrix<float>& x) {
    (void)network_.chain().forward(x, memory_);
    Matrix<float> gy = Matrix<float>::Zero(1, network_.out().channels), gx;
    if (gy.cols() == 1) {
      gy(0, 0) = own_ == 1 ? 1.0F : -1.0F;
    } else {
      gy(0, own_) = 1;
      gy(0, other_) = -1;
    }
    network_.chain().backward(x, gy, &gx, memory_);
    return gx;
  }

 private:
  [[nodiscard]] double of(const Matrix<float>& f) const {
    if (f.cols() == 1) {
      return (own_ == 1 ? 1 : -1) * static_cast<double>(f(0, 0));
    }
    return static_cast<double>(f(0, own_)) - static_cast<double>(f(0, other_));
  }
  const Network<float>& network_;
  Index own_, other_;
  Memory<float> memory_;
};

}  // namespace

void points_command(const PointsCommand& c) {
  // Normal numbers of one stream, uniform ones of another.
  Random noise(c.seed, 1), place(c.seed, 2);
  std::string text = "x,y,class\n";
  for (Index n = 0; n < c.count; ++n) {
    const int label = static_cast<int>(n % 2);
    const double angle = place.uniform();
    double x = 0, y = 0;
    if (c.shape == "moons") {
      x = label == 0 ? std::cos(std::numbers::pi * angle) : 1 - std::cos(std::numbers::pi * angle);
      y = label == 0 ? std::sin(std::numbers::pi * angle) : 0.5 - std::sin(std::numbers::pi * angle);
    } else if (c.shape == "circles") {
      const double radius = label == 0 ? 1 : 0.5;
      x = radius * std::cos(2 * std::numbers::pi * angle);
      y = radius * std::sin(2 * std::numbers::pi * angle);
    } else if (c.shape == "clouds") {
      // A ring around a blob: no translation, so the distance is not that of the means.
      const double radius = label == 0 ? 1.5 : 0;
      x = radius * std::cos(2 * std::numbers::pi * angle) + (label == 0 ? 0 : 0.3);
      y = radius * std::sin(2 * std::numbers::pi * angle);
    } else {
      throw lipcert::Error(lipcert::ExitCode::usage, "'" + c.shape + "' is no set of points; choose moons, circles or clouds.");
    }
    text += fmt::format("{:.9g},{:.9g},{}\n", x + c.noise * noise.normal(), y + c.noise * noise.normal(), label);
  }
  lipcert::write_file(c.out, text, lipcert::Overwrite::yes);
}

void wasserstein_command(WassersteinCommand c) {
  const DataSet data = read_data_set(c.data);
  const Matrix<float> first = rows_of_class(data, 0), second = rows_of_class(data, 1);
  if (first.rows() != second.rows() || 2 * first.rows() != data.size()) {
    throw lipcert::input_error(c.data.samples + ": it has " + std::to_string(first.rows()) + " samples of class 0 and " +
                               std::to_string(second.rows()) +
                               " of class 1; the exact distance needs two clouds with equally many points.");
  }
  if (first.rows() > 4000) {
    throw lipcert::input_error(c.data.samples + ": more than 4000 points per cloud would take hours for the exact distance; give --limit.");
  }
  const double exact = exact_wasserstein(first, second);
  c.training.loss.kind = LossKind::kr;
  Network<float> network(data.shape, c.network, c.weight);
  if (network.out().channels != 1) {
    throw lipcert::Error(lipcert::ExitCode::usage, "The network has " + std::to_string(network.out().channels) +
                                                       " outputs; a Kantorovich potential is one: end it with 'dense 1'.");
  }
  network.start(c.training.seed);
  const EpsList no_eps("");
  Workers workers(thread_count(c.threads));
  Trainer trainer(network, data, c.training, no_eps, workers);
  SavedState state;
  std::string log = "epoch,estimate,exact\n";
  double cpu = 0;
  {
    lipcert::ProgressBar bar(true);
    while (state.epoch < c.training.epochs) {
      const EpochReport report = trainer.run_epoch(state, [&](double done, const std::string& words) { bar.show(done, words); });
      cpu += report.cpu_seconds;
      log += fmt::format("{},{},{}\n", report.epoch, report.metrics.kr, exact);
    }
  }
  (void)network.finish();
  const Metrics metrics = measure(outputs_of(network, data.samples, workers), data.labels, network.pair_constants(), {});
  const double error = metrics.kr / exact - 1;
  fmt::print("points           {} and {}\n", first.rows(), second.rows());
  fmt::print("exact distance   {:.6f}  (linear assignment)\n", exact);
  fmt::print("network          {:.6f}  ({:+.3f} %; a 1-Lipschitz function, so never above the exact distance but for rounding)\n",
             metrics.kr, 100 * error);
  fmt::print("training         {} epochs, {:.1f} CPU s\n", c.training.epochs, cpu);
  if (!c.log.empty()) {
    lipcert::write_file(c.log, log, lipcert::Overwrite::yes);
  }
  if (!c.out.empty()) {
    state.scale_text = c.data.scale;
    save_network(c.out + ".liptrain", network, state, false);
    lipcert::write_file(c.out + ".onnx", network.write_onnx(1, {}), lipcert::Overwrite::yes);
  }
  write_json(c.report,
             {{"points", first.rows()}, {"exact", exact}, {"estimate", metrics.kr}, {"relativeError", error}, {"cpuSeconds", cpu}});
}

bool counterfactual_command(const CounterfactualCommand& c) {
  SavedState state;
  const Network<float> network = load_network(c.model, state);
  DataChoice choice = c.data;
  if (choice.scale.empty()) {
    choice.scale = state.scale_text;
  }
  const DataSet data = read_data_set(choice);
  if (data.shape != network.in()) {
    throw lipcert::input_error(choice.samples + ": the samples are " + data.shape.text() + ", the network takes " + network.in().text() +
                               ".");
  }
  if (!c.out.empty() && ::mkdir(c.out.c_str(), 0777) != 0 && errno != EEXIST) {
    throw lipcert::input_error(c.out + ": the folder cannot be made; check the path and its permissions.");
  }
  const Matrix<double> constants = network.pair_constants();
  const Index outputs = network.out().channels, samples = std::min(c.samples, data.size());
  const Shape& shape = data.shape;
  const bool pictures = shape.image && (shape.channels == 1 || shape.channels == 3) && !c.out.empty();
  Montage montage(pictures ? shape : Shape{1, 1, 1, true}, 3, std::max<Index>(1, std::min(c.pictures, samples)));
  std::string csv = "sample,class,other,radius,flip_distance\n";
  Index flips = 0, early = 0, shown = 0, right = 0;
  double ratio_sum = 0;
  Memory<float> memory;
  network.chain().prepare(memory);
  for (Index n = 0; n < samples; ++n) {
    const Matrix<float> x = data.samples.row(n);
    const Matrix<float> f = network.chain().forward(x, memory);
    Index own = 0, other = 0;
    if (outputs == 1) {
      own = f(0, 0) > 0 ? 1 : 0;
      other = 1 - own;
    } else {
      f.row(0).maxCoeff(&own);
      other = own == 0 ? 1 : 0;
      for (Index j = 0; j < outputs; ++j) {
        if (j != own && (f(0, own) - f(0, j)) / static_cast<float>(constants(own, j)) <
                            (f(0, own) - f(0, other)) / static_cast<float>(constants(own, other))) {
          other = j;
        }
      }
    }
    right += own == data.labels[static_cast<std::size_t>(n)] ? 1 : 0;
    const double radius = radius_of(f.row(0).data(), outputs, static_cast<int>(own), constants);
    if (!(radius > 0)) {
      continue;
    }
    // Straight along -grad g from x, in units of the radius; the first crossing of g = 0 is narrowed down.
    Margin margin(network, own, other);
    const Matrix<float> gradient = margin.gradient(x);
    const double length = gradient.cast<double>().norm();
    if (!(length > 0)) {
      continue;
    }
    const auto at = [&](double t) { return Matrix<float>(x - gradient * static_cast<float>(t * radius / length)); };
    double low = 0, high = 0;
    for (double t = 0.125; t <= 10; t += 0.125) {
      if (margin.value(at(t)) <= 0) {
        high = t;
        break;
      }
      low = t;
    }
    if (high == 0) {
      continue;
    }
    for (int i = 0; i < 40; ++i) {
      const double middle = (low + high) / 2;
      (margin.value(at(middle)) <= 0 ? high : low) = middle;
    }
    const double distance = (at(high).cast<double>() - x.cast<double>()).norm();
    ++flips;
    ratio_sum += radius / distance;
    // One part in 10^5: float32 evaluation of f; `lipcert attack` makes the same comparison exactly.
    early += distance < radius * (1 - 1e-5) ? 1 : 0;
    csv += fmt::format("{},{},{},{:.9g},{:.9g}\n", n, own, other, radius, distance);
    if (pictures && shown < c.pictures) {
      const Matrix<float> y = at(1.5 * high);
      const Matrix<float> difference = ((y - x) / (2 * (y - x).cwiseAbs().maxCoeff())).array() + 0.5F;
      montage.place(0, shown, x.data());
      montage.place(1, shown, y.data());
      montage.place(2, shown, difference.data());
      ++shown;
    }
  }
  if (!c.out.empty()) {
    lipcert::write_file(c.out + "/distances.csv", csv, lipcert::Overwrite::yes);
    if (shown > 0) {
      lipcert::write_file(c.out + "/counterfactuals.png", montage.png(), lipcert::Overwrite::yes);
    }
  }
  const double mean_ratio = flips > 0 ? ratio_sum / static_cast<double>(flips) : 0;
  fmt::print("samples              {} ({} decided right)\n", samples, right);
  fmt::print("flipped              {} along -grad f within ten radii\n", flips);
  fmt::print("flipped too early    {} (nearer than the radius)\n", early);
  fmt::print("radius / distance    {:.4f} on average (1: the straight line along the gradient is the shortest way out)\n", mean_ratio);
  write_json(c.report, {{"samples", samples}, {"flipped", flips}, {"early", early}, {"meanRatio", mean_ratio}});
  return early == 0;
}

void map_command(const MapCommand& c) {
  SavedState state;
  const Network<float> network = load_network(c.model, state);
  if (network.in() != Shape{2}) {
    throw lipcert::input_error(c.model + ": the network takes " + network.in().text() + "; a map needs two inputs.");
  }
  Memory<float> memory;
  network.chain().prepare(memory);
  const Matrix<double> constants = network.pair_constants();
  std::string text = "# x y f radius (signed: positive for class 1)\n";
  Matrix<float> x(c.steps, 2);
  for (Index i = 0; i < c.steps; ++i) {
    const double step = static_cast<double>(c.steps - 1);
    for (Index j = 0; j < c.steps; ++j) {
      x(j, 0) = static_cast<float>(c.low_x + (c.high_x - c.low_x) * static_cast<double>(j) / step);
      x(j, 1) = static_cast<float>(c.low_y + (c.high_y - c.low_y) * static_cast<double>(i) / step);
    }
    const Matrix<float>& f = network.chain().forward(x, memory);
    for (Index j = 0; j < c.steps; ++j) {
      const double value = f.cols() == 1 ? static_cast<double>(f(j, 0)) : static_cast<double>(f(j, 1)) - static_cast<double>(f(j, 0));
      text += fmt::format("{:.6g} {:.6g} {:.6g} {:.6g}\n", x(j, 0), x(j, 1), value,
                          value / (f.cols() == 1 ? constants(0, 0) : constants(0, 1)));
    }
    text += "\n";
  }
  lipcert::write_file(c.out, text, lipcert::Overwrite::yes);
}

void pack_command(const PackCommand& c) {
  DataChoice choice = c.data;
  choice.scale = "1";
  const DataSet data = read_data_set(choice);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(data.samples.size())), labels(data.labels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const float value = data.samples.data()[i];
    if (!(value >= 0 && value <= 255) || value != std::floor(value)) {
      throw lipcert::input_error(choice.samples + ": not all entries are whole numbers from 0 to 255; only images can be packed.");
    }
    pixels[i] = static_cast<std::uint8_t>(value);
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (data.labels[i] > 255) {
      throw lipcert::input_error(choice.samples + ": a label is above 255; choose classes with --classes.");
    }
    labels[i] = static_cast<std::uint8_t>(data.labels[i]);
  }
  std::vector<Index> shape = {data.size(), data.shape.channels};
  if (data.shape.image) {
    shape.push_back(data.shape.rows);
    shape.push_back(data.shape.columns);
  }
  lipcert::write_file(c.out + ".npy", npy_bytes(shape, pixels), lipcert::Overwrite::yes);
  lipcert::write_file(c.out + ".labels.npy", npy_bytes({data.size()}, labels), lipcert::Overwrite::yes);
  fmt::print("written   {}.npy and {}.labels.npy ({} samples of {})\n", c.out, c.out, data.size(), data.shape.text());
}

}  // namespace liptrain
