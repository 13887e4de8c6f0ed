// Training from data to an exported network. A checkpoint is written after every epoch; a run that finds one of the same settings goes on
// from it.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "certify/commands/progress.hpp"
#include "examples/trainer/commands.hpp"
#include "examples/trainer/finish.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace liptrain {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(LossKind kind) {
  const char* const names[] = {"kr", "hinge", "hkr", "cross-entropy"};
  return names[static_cast<int>(kind)];
}

Json json_of(const Metrics& metrics, const EpsList& eps) {
  Json certified = Json::object();
  for (std::size_t k = 0; k < eps.texts.size(); ++k) {
    certified[eps.texts[k]] = metrics.certified[k];
  }
  return {{"samples", metrics.samples},
          {"accuracy", metrics.accuracy},
          {"kr", metrics.kr},
          {"meanRadius", metrics.mean_radius},
          {"certified", certified}};
}

Json json_of(const DataSet& set) {
  Json files = Json::array();
  for (const auto& file : set.files) {
    files.push_back({{"role", file.role}, {"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return {{"samples", set.size()}, {"files", files}};
}

/// All that a trained network depends on.
Json settings_of(const TrainCommand& c, const DataSet& data, const Network<float>& network) {
  const TrainingOptions& t = c.training;
  const char* const schedules[] = {"constant", "steps", "cosine"};
  return {{"network", network.text()},
          {"data", json_of(data)},
          {"scale", c.data.scale},
          {"classes", c.data.classes},
          {"skip", c.data.skip},
          {"limit", c.data.limit},
          {"holdOut", c.data.hold_out},
          {"mode", c.weight.mode == Mode::project ? "project" : "differentiate"},
          {"bjorck", c.weight.bjorck},
          {"loss", name_of(t.loss.kind)},
          {"alpha", t.loss.alpha},
          {"margin", t.loss.margin},
          {"temperature", t.loss.temperature},
          {"epochs", t.epochs},
          {"batch", t.batch},
          {"learningRate", t.learning_rate},
          {"schedule", schedules[static_cast<int>(t.schedule)]},
          {"shift", t.shift},
          {"flip", t.flip},
          {"seed", t.seed}};
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

void print_finish(const std::vector<FinishedLayer>& report) {
  fmt::print("\nfinish: float64, then float32 matrices of norm at most 1\n");
  fmt::print("{:<34}  {:>16}  {:>20}  {:>10}\n", "layer", "norm as trained", "norm as stored", "gain");
  for (const auto& line : report) {
    fmt::print("{:<34}  {:>16.9f}  {:>20.16f}  {:>10.6f}{}\n", line.layer, line.before, line.after, line.gain,
               line.joint ? "" : "  (each output alone at most 1)");
  }
}

}  // namespace

std::size_t thread_count(unsigned wanted) {
  return wanted > 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

std::string table_of(const std::string& name, const Metrics& metrics, const EpsList& eps) {
  std::string line = fmt::format("{:<22}  samples {:>6}  accuracy {:6.2f} %  mean radius {:.4f}  KR {:8.4f}", name, metrics.samples,
                                 100 * metrics.accuracy, metrics.mean_radius, metrics.kr);
  for (std::size_t k = 0; k < eps.texts.size(); ++k) {
    line += fmt::format("  certified at {} {:6.2f} %", eps.texts[k], 100 * metrics.certified[k]);
  }
  return line;
}

void train_command(TrainCommand c) {
  const EpsList eps(c.eps);
  const auto usage = [](const std::string& sentence) { return lipcert::Error(lipcert::ExitCode::usage, sentence); };
  if (c.out.size() < 6 || c.out.substr(c.out.size() - 5) != ".onnx") {
    throw usage("The output '" + c.out + "' is not named *.onnx; the model and the checkpoint are named after it.");
  }
  const std::string stem = c.out.substr(0, c.out.size() - 5), checkpoint = stem + ".checkpoint", model = stem + ".liptrain";

  const DataSet data = read_data_set(c.data);
  std::unique_ptr<DataSet> test;
  if (!c.test_data.empty() || c.data.hold_out > 0) {
    DataChoice choice = c.data;
    choice.test_part = true;
    if (!c.test_data.empty()) {
      choice.samples = c.test_data;
      choice.labels = c.test_labels;
      choice.hold_out = 0;
      choice.skip = choice.limit = 0;
    }
    test = std::make_unique<DataSet>(read_data_set(choice));
    if (test->shape != data.shape) {
      throw lipcert::input_error("The test samples are " + test->shape.text() + ", the training samples " + data.shape.text() +
                                 "; give data of one shape.");
    }
  }
  if (std::all_of(data.labels.begin(), data.labels.end(), [&data](int label) { return label == data.labels[0]; })) {
    throw lipcert::input_error(c.data.samples + ": every sample has the label " + std::to_string(data.labels[0]) +
                               ", so there is nothing to tell apart; check --label-column, --labels and --classes.");
  }
  Network<float> network(data.shape, c.network, c.weight);
  const Index outputs = network.out().channels;
  for (const DataSet* set : {&data, static_cast<const DataSet*>(test.get())}) {
    if (set != nullptr && set->classes > std::max<Index>(2, outputs)) {
      throw usage("The data has the class " + std::to_string(set->classes - 1) + ", but the network has " + std::to_string(outputs) +
                  " outputs; end it with one output per class (or one output for two classes).");
    }
  }
  network.start(c.training.seed);
  const Json settings = settings_of(c, data, network);
  SavedState state;
  state.settings = lipcert::sha256_hex(settings.dump());
  state.scale_text = c.data.scale;
  if (exists(checkpoint) && !c.restart) {
    SavedState found;
    Network<float> saved = load_network(checkpoint, found);
    if (found.settings != state.settings) {
      throw lipcert::input_error(checkpoint +
                                 ": it belongs to a training with other settings or data; give --restart to begin anew, or another --out.");
    }
    network = std::move(saved);
    state = found;
    fmt::print("going on from {} after epoch {}\n", checkpoint, state.epoch);
  }
  fmt::print("network   {}\n          {} inputs, {} parameters\n", network.text(), data.shape.text(), network.parameter_count());
  fmt::print("data      {} samples{}\n", data.size(), test ? fmt::format(", {} for the test", test->size()) : "");
  std::fflush(stdout);

  Workers workers(thread_count(c.threads));
  Trainer trainer(network, data, c.training, eps, workers);
  double cpu = 0;
  Json epochs = Json::array();
  std::string log = "epoch,loss,accuracy,kr,mean_radius,certified,test_accuracy,test_mean_radius,test_certified,cpu_seconds\n";
  const auto note = [&](const std::vector<double>& row) {  // the columns of the log, and last the seconds of the clock
    log += fmt::format("{},{}\n", row[0], fmt::join(row.begin() + 1, row.end() - 1, ","));
    epochs.push_back({{"epoch", static_cast<std::int64_t>(row[0])}, {"loss", row[1]}, {"cpuSeconds", row[9]}, {"wallSeconds", row[10]}});
    cpu += row[9];
  };
  for (const std::vector<double>& row : state.history) {
    note(row);
  }
  {
    lipcert::ProgressBar bar(true);
    const char* const clear = ::isatty(STDOUT_FILENO) == 1 ? "\r\x1b[K" : "";  // the bar's line
    while (state.epoch < c.training.epochs) {
      const EpochReport report = trainer.run_epoch(state, [&bar](double done, const std::string& words) { bar.show(done, words); });
      std::string line = fmt::format("epoch {:>3}  loss {:10.5f}  accuracy {:6.2f} %  KR {:8.4f}  mean radius {:.4f}", report.epoch,
                                     report.loss, 100 * report.metrics.accuracy, report.metrics.kr, report.metrics.mean_radius);
      Metrics on_test;
      if (test) {
        on_test = measure(outputs_of(network, test->samples, workers), test->labels, network.pair_constants(), eps.values);
        line += fmt::format("  test {:6.2f} %, {:.4f}", 100 * on_test.accuracy, on_test.mean_radius);
      }
      if (!eps.texts.empty() && test) {
        line += fmt::format(", {:.2f} % at {}", 100 * on_test.certified[0], eps.texts[0]);
      }
      const auto first = [](const Metrics& m) { return m.certified.empty() ? 0.0 : m.certified[0]; };
      state.history.push_back({static_cast<double>(report.epoch), report.loss, report.metrics.accuracy, report.metrics.kr,
                               report.metrics.mean_radius, first(report.metrics), on_test.accuracy, on_test.mean_radius, first(on_test),
                               report.cpu_seconds, report.wall_seconds});
      note(state.history.back());
      save_network(checkpoint, network, state, true);
      if (!c.log.empty()) {
        lipcert::write_file(c.log, log, lipcert::Overwrite::yes);
      }
      fmt::print("{}{}  {:.1f} CPU s\n", clear, line, report.cpu_seconds);
      std::fflush(stdout);
    }
  }
  const auto measured = [&](const DataSet& set) {
    return measure(outputs_of(network, set.samples, workers), set.labels, network.pair_constants(), eps.values);
  };
  const Metrics before = measured(test ? *test : data);
  const auto finish = network.finish();
  const Metrics after = measured(test ? *test : data);
  print_finish(finish);
  const Matrix<double> constants = network.pair_constants();
  fmt::print("\nradius = margin / {:.9f} ({})\n", constants.maxCoeff(),
             outputs == 1 ? "norm of the last row" : "largest difference of two rows of the last matrix; sqrt(2) for orthonormal rows");
  const std::string part = test ? "test" : "training";
  fmt::print("{}\n{}\n", table_of(part + ", as trained", before, eps), table_of(part + ", finished", after, eps));

  SavedState final_state = state;
  save_network(model, network, final_state, false);
  const std::string onnx =
      network.write_onnx(c.batch_axis, {{"trained with", "liptrain"}, {"scale", c.data.scale}, {"settings", settings.dump()}});
  lipcert::write_file(c.out, onnx, lipcert::Overwrite::yes);
  std::remove(checkpoint.c_str());
  fmt::print("\nwritten   {} ({} bytes, SHA-256 {}) and {}\n", c.out, onnx.size(), lipcert::sha256_hex(onnx), model);
  if (!c.report.empty()) {
    Json layers = Json::array();
    for (const auto& line : finish) {
      layers.push_back({{"layer", line.layer}, {"before", line.before}, {"after", line.after}, {"gain", line.gain}, {"joint", line.joint}});
    }
    const Json report = {{"settings", settings},
                         {"epochs", epochs},
                         {"cpuSeconds", cpu},
                         {"finish", layers},
                         {"pairConstant", constants.maxCoeff()},
                         {"part", part},
                         {"asTrained", json_of(before, eps)},
                         {"finished", json_of(after, eps)},
                         {"onnxSha256", lipcert::sha256_hex(onnx)},
                         {"onnxBytes", onnx.size()}};
    lipcert::write_file(c.report, report.dump(2) + "\n", lipcert::Overwrite::yes);
  }
}

void evaluate_command(const EvaluateCommand& c) {
  const EpsList eps(c.eps);
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
  if (data.classes > std::max<Index>(2, network.out().channels)) {
    throw lipcert::input_error(choice.samples + ": it has more classes than the network.");
  }
  Workers workers(thread_count(c.threads));
  const Matrix<float> f = outputs_of(network, data.samples, workers);
  const Metrics metrics = measure(f, data.labels, network.pair_constants(), eps.values);
  if (!c.outputs.empty()) {
    std::string text;
    for (Index n = 0; n < f.rows(); ++n) {
      for (Index k = 0; k < f.cols(); ++k) {
        text += fmt::format("{}{:.9g}", k == 0 ? "" : ",", f(n, k));
      }
      text += "\n";
    }
    lipcert::write_file(c.outputs, text, lipcert::Overwrite::yes);
  }
  fmt::print("{}\n", table_of(lipcert::file_name_of(c.model), metrics, eps));
  if (!c.report.empty()) {
    const Json report = {{"model", lipcert::file_name_of(c.model)},
                         {"data", json_of(data)},
                         {"pairConstant", network.pair_constants().maxCoeff()},
                         {"metrics", json_of(metrics, eps)}};
    lipcert::write_file(c.report, report.dump(2) + "\n", lipcert::Overwrite::yes);
  }
}

}  // namespace liptrain
