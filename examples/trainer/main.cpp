// The command line of `liptrain`: options into structures, errors into one sentence, nothing else. `--config FILE.json` is an object of
// long options without their dashes; what stands on the command line overrides it.
//
// Exit codes: 0 done; 1 a demonstration's expectation failed; 2 usage; 3 an input cannot be read; 4 internal error.

#include <fmt/format.h>
#include <iostream>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <new>
#include <nlohmann/json.hpp>

#include "examples/trainer/commands.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/pending_file.hpp"
#include "formats/encoding/printable.hpp"

extern "C" void openblas_set_num_threads(int count);  // Debian's OpenBLAS declares it in cblas.h, which not every installation has

namespace {

using namespace liptrain;

constexpr const char* footer_of_all = R"(Example, on data that ships with the repository:
  liptrain train --config examples/trainer/digits.json --out digits.onnx

Then `lipcert certify digits.onnx --key key.pem -o digits.lipcert.sigstore.json` proves that the network is 1-Lipschitz.

Exit codes: 0 done, 1 an expectation failed, 2 usage, 3 input unreadable, 4 internal error.)";

constexpr const char* footer_of_train = R"(Layers, separated by commas in --network:
  dense N [frobenius | unit-rows]      conv N K [stride S] [padding P] [frobenius]
  groupsort2  maxmin  fullsort  householder  relu
  avgpool K  global-avgpool  l2pool K  downsample K  flatten
  residual(LAYER, ...)

Data: IDX (plain or gzip), CSV, NPY, FILE.npz:MEMBER, CIFAR-10 binary, or a folder with one sub-folder of JPEG or PNG images per class.

Example:
  liptrain train --data examples/models/digits_test.csv --label-column -1 --scale 1/16 --hold-out 0.25 \
      --network "dense 64, groupsort2, dense 32, groupsort2, dense 10" --loss hkr --alpha 50 --margin 0.5 --epochs 40 --out digits.onnx

A killed run goes on from its last epoch when it is started again. Same data, options and machine give the same file, whatever the number of threads.)";

constexpr const char* footer_of_points = R"(Example:
  liptrain points moons --count 2000 --seed 1 --out moons.csv)";

constexpr const char* footer_of_wasserstein = R"(Example:
  liptrain points clouds --count 400 --out clouds.csv
  liptrain wasserstein --data clouds.csv --label-column -1 --epochs 50)";

/// CLI11's own check of a positive number lets NaN and infinity through and prints the largest double with all its digits.
CLI::Validator number_from(bool with_zero) {
  return {[with_zero](std::string& text) {
            double value = 0;
            const bool fine = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && (with_zero ? value >= 0 : value > 0);
            return fine ? std::string() : fmt::format("'{}' is not a number {}", text, with_zero ? "of at least 0" : "above 0");
          },
          with_zero ? "at least 0" : "above 0"};
}
const CLI::Validator positive_number = number_from(false);
const CLI::Validator nonnegative_number = number_from(true);

int complain(const std::string& sentence, lipcert::ExitCode code) {
  // Not with fmt::print, which throws where standard error cannot be written.
  static_cast<void>(std::fputs(fmt::format("liptrain: error: {}\n", lipcert::printable(sentence)).c_str(), stderr));
  return static_cast<int>(code);
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// Options of a --config file, to be put before those of the command line.
std::vector<std::string> options_of(const std::string& path) {
  const std::string text = lipcert::read_file(path, std::uint64_t{1} << 20);
  std::vector<std::string> options;
  try {
    const auto config = nlohmann::ordered_json::parse(text);
    for (const auto& [key, value] : config.items()) {
      if (value.is_boolean()) {
        if (value.get<bool>()) {
          options.push_back("--" + key);
        }
        continue;
      }
      std::string argument;
      if (value.is_array()) {
        for (const auto& item : value) {
          argument += (argument.empty() ? "" : ", ") + (item.is_string() ? item.get<std::string>() : item.dump());
        }
      } else if (value.is_string() || value.is_number()) {
        argument = value.is_string() ? value.get<std::string>() : value.dump();
      } else {
        throw lipcert::input_error(path + ": option '" + key + "' is neither text, number, list nor true/false.");
      }
      options.push_back("--" + key + "=" + argument);
    }
  } catch (const nlohmann::json::exception& error) {
    throw lipcert::input_error(path + ": it is not a JSON object of options (" + one_line(error.what()) + ").");
  }
  return options;
}

/// The command line with the config file's options inserted after the command's name.
std::vector<std::string> with_config(int argc, char** argv) {
  std::vector<std::string> words, inserted;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--config" && i + 1 < argc) {
      inserted = options_of(argv[++i]);
    } else if (word.rfind("--config=", 0) == 0) {
      inserted = options_of(word.substr(9));
    } else {
      words.push_back(word);
    }
  }
  if (!inserted.empty()) {
    words.insert(words.begin() + (words.empty() ? 0 : 1), inserted.begin(), inserted.end());
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants it
  return words;
}

void add_data(CLI::App& command, DataChoice& data) {
  command.add_option("--data", data.samples, "samples: file, FILE.npz:MEMBER or folder")->required();
  command.add_option("--labels", data.labels, "labels: file or FILE.npz:MEMBER");
  command.add_option("--label-column", data.label_column, "column of a CSV that holds the label; negative counts from the end");
  command.add_option("--format", data.format, "idx, csv, npy, cifar10 or png-folder (default: recognised)");
  command.add_option("--layout", data.layout, "NCHW, or NHWC for arrays with the channels last")->capture_default_str();
  command.add_option("--scale", data.scale, "factor of every entry, such as 1/255");
  command.add_option("--classes", data.classes, "keep these classes only, renamed 0, 1, ... in this order");
  command.add_option("--image-size", data.image_size, "folders: resample images to this many rows and columns")->check(CLI::Range(1, 4096));
  command.add_option("--skip", data.skip, "leave out the first N samples")->check(CLI::NonNegativeNumber);
  command.add_option("--limit", data.limit, "take the first N samples only")->check(CLI::NonNegativeNumber);
  command.add_option("--hold-out", data.hold_out, "share of the samples that is kept for the test")->check(CLI::Range(0.0, 0.9));
}

void add_training(CLI::App& command, WeightOptions& weight, TrainingOptions& training) {
  const std::map<std::string, Mode> modes = {{"project", Mode::project}, {"differentiate", Mode::differentiate}};
  command
      .add_option("--mode", weight.mode, "project weights back after each step (fast), or differentiate through the iterations (precise)")
      ->transform(CLI::CheckedTransformer(modes, CLI::ignore_case));
  command.add_option("--bjorck", weight.bjorck, "iterations of orthogonalisation; 0: spectral norm only")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command.add_option("--epochs", training.epochs, "passes over the data")->check(CLI::Range(1, 1000000))->capture_default_str();
  command.add_option("--batch", training.batch, "samples in one step")->check(CLI::Range(2, 1 << 20))->capture_default_str();
  command.add_option("--learning-rate", training.learning_rate, "of Adam")->check(positive_number)->capture_default_str();
  const std::map<std::string, Schedule> schedules = {
      {"constant", Schedule::constant}, {"steps", Schedule::steps}, {"cosine", Schedule::cosine}};
  command.add_option("--schedule", training.schedule, "constant; steps (x 0.3 at 60 %, x 0.1 at 85 %); cosine (to 0)")
      ->transform(CLI::CheckedTransformer(schedules, CLI::ignore_case));
  command.add_option("--seed", training.seed, "of weights and order")->capture_default_str();
}

int run(int argc, char** argv) {
  CLI::App app("Trains 1-Lipschitz networks (hinge-Kantorovich-Rubinstein and relatives) and writes ONNX files that `lipcert` certifies.",
               "liptrain");
  app.footer(footer_of_all);
  app.require_subcommand(1);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

  TrainCommand train;
  CLI::App& train_app = *app.add_subcommand("train", "Trains a classifier, finishes it in float64 and exports it.");
  train_app.footer(footer_of_train);
  add_data(train_app, train.data);
  train_app.add_option("--test-data", train.test_data, "samples for the test, in the format of --data");
  train_app.add_option("--test-labels", train.test_labels, "their labels");
  train_app.add_option("--network", train.network, "layers from input to output, see below")->required();
  add_training(train_app, train.weight, train.training);
  const std::map<std::string, LossKind> losses = {
      {"kr", LossKind::kr}, {"hinge", LossKind::hinge}, {"hkr", LossKind::hkr}, {"cross-entropy", LossKind::cross_entropy}};
  train_app.add_option("--loss", train.training.loss.kind, "kr, hinge, hkr or cross-entropy (with --temperature)")
      ->transform(CLI::CheckedTransformer(losses, CLI::ignore_case));
  train_app.add_option("--alpha", train.training.loss.alpha, "hkr: weight of the hinge")->check(nonnegative_number)->capture_default_str();
  train_app.add_option("--margin", train.training.loss.margin, "hinge: outputs of two classes are to lie this far apart")
      ->check(positive_number)
      ->capture_default_str();
  train_app.add_option("--temperature", train.training.loss.temperature, "cross-entropy: CE(t f, y) / t")
      ->check(positive_number)
      ->capture_default_str();
  train_app.add_option("--shift", train.training.shift, "move images at random by up to this many pixels")->check(CLI::Range(0, 64));
  train_app.add_flag("--flip", train.training.flip, "mirror images left to right at random");
  train_app.add_option("--eps", train.eps, "radii at which certified accuracy is reported")->capture_default_str();
  train_app
      .add_option("-o,--out", train.out,
                  "NAME.onnx; NAME.liptrain (for `liptrain evaluate`) is written beside it, NAME.checkpoint meanwhile")
      ->required();
  train_app.add_option("--batch-axis", train.batch_axis, "batch size of the exported graph; 0: any")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  train_app.add_option("--report", train.report, "write settings, epochs, layers and results as JSON");
  train_app.add_option("--log", train.log, "write one line per epoch as CSV");
  train_app.add_option("--threads", train.threads, "number of threads (default: all cores); the result does not depend on it")
      ->check(CLI::Range(1U, 1024U));
  train_app.add_flag("--restart", train.restart, "begin anew where a checkpoint is found");

  EvaluateCommand evaluate;
  evaluate.data.scale.clear();
  CLI::App& evaluate_app =
      *app.add_subcommand("evaluate", "Accuracy, mean radius and certified accuracy of a trained network on a data set.");
  evaluate_app.footer("Example:\n  liptrain evaluate digits.liptrain --data examples/models/digits_test.csv --label-column -1");
  evaluate_app.add_option("MODEL", evaluate.model, "*.liptrain")->required();
  add_data(evaluate_app, evaluate.data);
  evaluate_app.add_option("--eps", evaluate.eps, "radii at which certified accuracy is reported")->capture_default_str();
  evaluate_app.add_option("--outputs", evaluate.outputs, "write the network's outputs as CSV, one sample in a line");
  evaluate_app.add_option("--report", evaluate.report, "write the results as JSON");
  evaluate_app.add_option("--threads", evaluate.threads, "number of threads (default: all cores)")->check(CLI::Range(1U, 1024U));

  PointsCommand points;
  CLI::App& points_app = *app.add_subcommand("points", "Writes points of two classes in the plane.");
  points_app.footer(footer_of_points);
  points_app.add_option("SHAPE", points.shape, "moons, circles or clouds")->required();
  points_app.add_option("--count", points.count, "of both classes together")->check(CLI::Range(2, 1 << 24))->capture_default_str();
  points_app.add_option("--noise", points.noise, "standard deviation of each coordinate")->check(nonnegative_number)->capture_default_str();
  points_app.add_option("--seed", points.seed, "")->capture_default_str();
  points_app.add_option("-o,--out", points.out, "CSV file: x, y, class")->required();

  WassersteinCommand wasserstein;
  wasserstein.weight.mode = Mode::differentiate;
  wasserstein.training.batch = 1 << 20;
  wasserstein.training.epochs = 300;
  wasserstein.training.schedule = Schedule::cosine;
  CLI::App& wasserstein_app = *app.add_subcommand(
      "wasserstein", "Estimates the Wasserstein-1 distance of two classes of points and compares it with the exact one.");
  wasserstein_app.footer(footer_of_wasserstein);
  add_data(wasserstein_app, wasserstein.data);
  wasserstein_app.add_option("--network", wasserstein.network, "as in `liptrain train`")->capture_default_str();
  add_training(wasserstein_app, wasserstein.weight, wasserstein.training);
  wasserstein_app.add_option("--out", wasserstein.out, "NAME: write NAME.onnx and NAME.liptrain");
  wasserstein_app.add_option("--report", wasserstein.report, "write the results as JSON");
  wasserstein_app.add_option("--log", wasserstein.log, "write one line per epoch as CSV");
  wasserstein_app.add_option("--threads", wasserstein.threads, "number of threads (default: all cores)")->check(CLI::Range(1U, 1024U));

  CounterfactualCommand counterfactual;
  counterfactual.data.scale.clear();
  CLI::App& counterfactual_app = *app.add_subcommand(
      "counterfactual", "Moves samples along -grad f until the decision changes, and compares the distance with the radius.");
  counterfactual_app.footer(
      "Example:\n  liptrain counterfactual digits.liptrain --data examples/models/digits_test.csv --label-column -1 --samples 100");
  counterfactual_app.add_option("MODEL", counterfactual.model, "*.liptrain")->required();
  add_data(counterfactual_app, counterfactual.data);
  counterfactual_app.add_option("--samples", counterfactual.samples, "how many")->check(CLI::Range(1, 1 << 24))->capture_default_str();
  counterfactual_app.add_option("--pictures", counterfactual.pictures, "how many of them are drawn")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  counterfactual_app.add_option("--out", counterfactual.out, "folder for distances.csv and counterfactuals.png");
  counterfactual_app.add_option("--report", counterfactual.report, "write the results as JSON");

  MapCommand map;
  CLI::App& map_app = *app.add_subcommand("map", "Evaluates a network of two inputs on a grid, for plots.");
  map_app.add_option("MODEL", map.model, "*.liptrain")->required();
  map_app.add_option("--left", map.low_x, "")->capture_default_str();
  map_app.add_option("--right", map.high_x, "")->capture_default_str();
  map_app.add_option("--bottom", map.low_y, "")->capture_default_str();
  map_app.add_option("--top", map.high_y, "")->capture_default_str();
  map_app.add_option("--steps", map.steps, "in each direction")->check(CLI::Range(2, 4000))->capture_default_str();
  map_app.add_option("-o,--out", map.out, "text file for gnuplot: x y f radius")->required();

  PackCommand pack;
  CLI::App& pack_app = *app.add_subcommand("pack", "Writes images of any readable format as NPY files, which `lipcert` reads.");
  add_data(pack_app, pack.data);
  bool train_part = false;
  pack_app.add_flag("--training-part", train_part, "with --hold-out: the part for training instead of the one for the test");
  pack_app.add_option("-o,--out", pack.out, "NAME: writes NAME.npy and NAME.labels.npy")->required();

  try {
    app.parse(with_config(argc, argv));
  } catch (const CLI::Success& request) {
    const int done = app.exit(request);
    if (!std::cout.flush()) throw lipcert::Error(lipcert::ExitCode::internal, "Standard output cannot be written.");
    return done;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    return complain(one_line(error.what()) + "; see `liptrain " + (chosen.empty() ? "" : chosen.front()->get_name() + " ") + "--help`.",
                    lipcert::ExitCode::usage);
  }
  openblas_set_num_threads(1);  // threads share out samples instead
  // Every batch takes and gives back the same megabytes: returned to the system each time, half of the time would go into page faults.
  (void)::mallopt(M_MMAP_THRESHOLD, 1 << 25);
  (void)::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  int code = 0;
  if (train_app.parsed()) {
    train_command(train);
  } else if (evaluate_app.parsed()) {
    evaluate_command(evaluate);
  } else if (points_app.parsed()) {
    points_command(points);
  } else if (wasserstein_app.parsed()) {
    wasserstein_command(wasserstein);
  } else if (counterfactual_app.parsed()) {
    code = counterfactual_command(counterfactual) ? 0 : 1;
  } else if (map_app.parsed()) {
    map_command(map);
  } else {
    pack.data.test_part = !train_part;
    pack_command(pack);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw lipcert::Error(lipcert::ExitCode::internal, "Standard output cannot be written.");
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  lipcert::prepare_process();
  try {
    return run(argc, argv);
  } catch (const lipcert::Error& error) {
    return complain(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return complain("The memory does not suffice; give less data (--limit), a smaller batch or a smaller network.",
                    lipcert::ExitCode::internal);
  } catch (const std::exception& error) {
    return complain(one_line(error.what()) + ".", lipcert::ExitCode::internal);
  }
}
