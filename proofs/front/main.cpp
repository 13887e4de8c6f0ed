// lipproof: hands a certificate's claims to the proved checker. This program is not trusted: it converts, and passes on the verdict of
// lipproof-check, which prints the digest of what it read. It says nothing about signatures (that is lipverify's work).

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "formats/encoding/base64.hpp"
#include "formats/encoding/budget.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/encoding/json.hpp"
#include "formats/encoding/pending_file.hpp"
#include "formats/encoding/printable.hpp"
#include "formats/network/work.hpp"
#include "formats/onnx/nnet.hpp"
#include "formats/onnx/reader.hpp"
#include "proofs/front/convert.hpp"
#include "proofs/front/members.hpp"

namespace {

using namespace lipcert;
using namespace lipcert::proofs;

constexpr std::uint64_t certificate_cap = 268435456;

struct Options {
  std::string certificate;
  std::string model;
  std::string problem;
  bool allow_external_data = false;
  bool quiet = false;
  std::string data;
  std::string labels;
  std::string records;
  std::optional<std::uint64_t> audit;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> memory;  // MiB
  std::optional<std::uint64_t> work;    // 2^30 multiplications
};

/// Sets what the models' sizes may ask for; behind that count the system refuses more memory, to the proved checker too.
void set_limits(const Options& options) {
  Budget wanted = usual_budget();
  if (options.memory) wanted.memory = *options.memory << 20U;
  if (options.work) wanted.work = *options.work << 30U;
  set_budget(wanted);
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<std::uint64_t>(wanted.memory, std::uint64_t{256} << 20U));  // with less the programs cannot even start
  setrlimit(RLIMIT_DATA, &limit);
}

/// What the options ask about samples, or nothing.
std::optional<SampleRequest> sample_request(const Options& options) {
  if (options.data.empty()) {
    if (!options.labels.empty() || !options.records.empty() || options.audit) {
      throw Error(ExitCode::usage, "--labels, --records and --audit need --data FILE; run lipproof --help.");
    }
    return std::nullopt;
  }
  SampleRequest request;
  request.data = options.data;
  request.labels = options.labels;
  request.records = options.records;
  request.folder = folder_of(options.certificate);
  request.audit = options.audit;
  request.seed = options.seed ? *options.seed : std::uint64_t{std::random_device{}()} << 32U | std::random_device{}();
  return request;
}

/// The payload of the envelope. The signature is not looked at.
std::string payload_of(const std::string& bundle_text) {
  const Json bundle = parse_json(bundle_text, "the certificate");
  try {
    const Json& envelope = bundle.at("dsseEnvelope");
    if (envelope.at("payloadType") != "application/vnd.in-toto+json") {
      throw rejected("the envelope's payload type is not an in-toto statement.");
    }
    return base64_decode(envelope.at("payload").get<std::string>());
  } catch (const nlohmann::json::exception&) {
    throw rejected("the certificate is not a bundle with a DSSE envelope.");
  }
}

Json statement_of(const std::string& payload) {
  try {
    Json statement = parse_json(payload, "the statement");
    if (statement.at("predicateType") != "https://lipcert.github.io/attestation/lipschitz-certificate/v1" ||
        statement.at("predicate").at("formatVersion") != 1 || statement.at("subject").size() != 1) {
      throw rejected("the statement is not a Lipschitz certificate of version 1 about one model.");
    }
    return statement;
  } catch (const nlohmann::json::exception&) {
    throw rejected("the statement is not a Lipschitz certificate.");
  } catch (const Error& e) {
    throw rejected(e.what());
  }
}

/// A digest that the statement must hold at this place.
void require_digest(const Json& statement, const char* place, const std::string& digest, const std::string& otherwise) {
  const nlohmann::json::json_pointer pointer(place);
  if (!statement.contains(pointer) || statement.at(pointer) != digest) {
    throw rejected(otherwise);
  }
}

/// Which function of the model the certificate is about, where the file leaves it open.
FunctionChoice choice_of(const Json& model) {
  FunctionChoice choice;
  if (model.at("input").contains("given")) {
    choice.input_shape = model.at("input").at("shape").get<std::vector<std::uint64_t>>();
  }
  choice.fixed_inputs = model.contains("fixedInputs");
  if (model.at("output").contains("others")) {
    choice.output = model.at("output").at("name").get<std::string>();
  }
  return choice;
}

/// That the certificate says of its choice what the file needs, no more and no less.
void require_choice(const Json& model, const Network& network) {
  using Names = std::vector<std::string>;
  const bool right = model.at("input").value("given", Shape()) == network.given && model.value("fixedInputs", Names()) == network.fixed_inputs &&
                     model.at("output").contains("others") == network.other_outputs.has_value() &&
                     model.at("output").value("others", Names()) == network.other_outputs.value_or(Names());
  if (!right) {
    throw rejected("the certificate names other given dimensions, fixed inputs or outputs left out than the model has.");
  }
}

/// Runs the proved checker on the problem and returns its exit code; its output goes to ours.
int run_checker(const std::string& checker, const std::string& problem, bool quiet) {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) {
    throw Error(ExitCode::internal, "no pipe to the proved checker could be made.");
  }
  if (!std::cout.flush()) {
    throw Error(ExitCode::internal, "standard output cannot be written (closed, or the disk is full?), so the verdict would not reach its reader.");
  }
  const pid_t child = fork();
  if (child < 0) {
    throw Error(ExitCode::internal, "the proved checker could not be started.");
  }
  if (child == 0) {
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    close(ends[1]);
    if (quiet) {
      execl(checker.c_str(), "lipproof-check", "--quiet", "-", nullptr);
    } else {
      execl(checker.c_str(), "lipproof-check", "-", nullptr);
    }
    std::perror(checker.c_str());
    _exit(127);
  }
  close(ends[0]);
  std::size_t written = 0;
  while (written < problem.size()) {
    const ssize_t n = write(ends[1], problem.data() + written, problem.size() - written);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      break;  // the checker has refused early; its exit code says why
    }
    written += static_cast<std::size_t>(n);
  }
  close(ends[1]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1)) {
    // An acceptance counts only when the checker has read the whole problem.
    return written == problem.size() ? WEXITSTATUS(status) : 4;
  }
  throw Error(ExitCode::internal, "the proved checker '" + checker + "' could not decide (see its message).");
}

int run(const Options& options) {
  const std::optional<SampleRequest> samples = sample_request(options);
  const std::string bundle = read_file(options.certificate, certificate_cap);
  const std::string model = read_file(options.model, OnnxOptions{}.size_cap);
  const std::string model_digest = sha256_hex(model);
  std::string payload;
  try {
    payload = payload_of(bundle);
  } catch (const Error& e) {
    throw rejected(e.what());
  }
  const Json statement = statement_of(payload);
  std::cout << "model sha256 " << model_digest << "\n";
  std::cout << "certificate payload sha256 " << sha256_hex(payload) << "\n";
  // Before the model is parsed: a certificate about another file is wrong whatever that file holds.
  require_digest(statement, "/subject/0/digest/sha256", model_digest, "the certificate is about another model file (its SHA-256 differs).");
  OnnxOptions reading;
  reading.file = file_name_of(options.model);
  reading.allow_external_data = options.allow_external_data;
  reading.folder = folder_of(options.model);
  Network network;
  try {
    reading.function = choice_of(statement.at("predicate").at("model"));
    const nlohmann::json::json_pointer format("/predicate/model/format");
    const bool nnet = statement.contains(format) && statement.at(format) == "nnet";
    network = nnet ? read_nnet(model, reading) : read_onnx(model, reading);
    require_choice(statement.at("predicate").at("model"), network);
  } catch (const nlohmann::json::exception& e) {
    throw rejected(std::string("the certificate has not the structure of the format: ") + e.what());
  } catch (const Error& e) {
    if (e.code() != ExitCode::usage) throw;
    throw rejected(e.what());  // it chooses what the file does not have
  }
  if (!network.refusals.empty()) {
    const Refusal& refusal = network.refusals.front();
    throw input_error("the model's node '" + refusal.node + "' (" + refusal.op + ") " + refusal.reason);
  }
  check_work(network, options.model);
  require_digest(statement, "/predicate/model/graphDigest", graph_digest(network), "the certificate's graph digest is not the model's.");
  Conversion conversion;
  try {
    conversion = convert(network, statement.at("predicate"), samples);
  } catch (const nlohmann::json::exception& e) {
    throw rejected(std::string("the certificate has not the structure of the format: ") + e.what());
  }
  for (const std::string& part : conversion.not_covered) {
    std::cout << "not covered: " << printable(part) << "\n";
  }
  if (!conversion.samples.empty()) {
    std::cout << printable(conversion.samples) << "\n";
  }
  if (!options.problem.empty()) {
    write_file(options.problem, conversion.problem, Overwrite::yes);
  }
  const auto checker = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "lipproof-check";
  return run_checker(checker.string(), conversion.problem, options.quiet);
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  Options options;
  CLI::App app{"Rechecks the mathematics of a certificate with a checker that is proved in Coq. Says nothing about signatures.\n"
               "Exit codes: 0 mathematics accepted, 1 rejected, 2 usage, 3 unreadable, unsupported or not covered, 4 internal error."};
  app.add_option("CERT", options.certificate, "certificate file (Sigstore bundle)")->required();
  app.add_option("--model", options.model, "the model file")->required();
  app.add_flag("--allow-external-data", options.allow_external_data, "read weights from plain files beside the model");
  app.add_option("--problem", options.problem, "keep the plain problem file that the proved checker reads");
  app.add_option("--data", options.data, "the data file or folder: prove the radii of the claim about samples");
  app.add_option("--labels", options.labels, "the label file that belongs to the data (only its digest is compared)");
  app.add_option("--records", options.records, "the records file (default: the one named in the certificate, beside it)");
  CLI::Option* audit = app.add_option("--audit", options.audit, "prove only this many samples, drawn at random, the same as lipverify draws");
  audit->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U));
  app.add_option("--seed", options.seed, "seed of the draw (default: a random one, which is printed)")->needs(audit);
  app.add_option("--max-memory", options.memory, "MiB that may be used, the proved checker included (default: half of the machine); a model that needs more is refused first")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U));
  app.add_option("--max-work", options.work, "work that the model's sizes may ask for, in 2^30 multiplications (default: 256)")->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32U));
  app.add_flag("-q,--quiet", options.quiet, "do not list every claim");
  app.footer(
      "Examples:\n  lipproof digits.lipcert.sigstore.json --model examples/models/digits.onnx\n"
      "  lipproof radii.lipcert.sigstore.json --model examples/models/digits.onnx --data examples/models/digits_test.csv --audit 20");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool asked = app.exit(e) == 0;  // for the help
    return asked ? (std::cout.flush() ? 0 : 4) : 2;
  }
  try {
    set_limits(options);
    return run(options);
  } catch (const NotCovered& e) {
    std::cout << "not covered: " << printable(e.what()) << ".\n";
    return 3;
  } catch (const Error& e) {
    if (e.code() == ExitCode::rejected) {
      std::cout << printable(e.what()) << "\nmathematics rejected\n";
    } else {
      std::cerr << "lipproof: " << printable(e.what()) << "\n";
    }
    return static_cast<int>(e.code());
  } catch (const std::bad_alloc&) {
    std::cerr << "lipproof: there is not enough memory within --max-memory (by default half of the machine); allow more, or use a machine that has more.\n";
    return 4;
  } catch (const std::exception& e) {
    std::cerr << "lipproof: internal error: " << printable(e.what()) << "\n";
    return 4;
  }
}
