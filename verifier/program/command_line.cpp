// See command_line.hpp.
#include "verifier/program/command_line.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <random>

#include "verifier/program/output.hpp"

namespace lipverify {

namespace {

constexpr const char* kDescription =
    "Rechecks a certificate of Lipschitz constants: signature, digests and mathematics, with a reader, integers and a\n"
    "composition of its own. Prints one verdict line. Exit codes: 0 accepted (every claim was recomputed), 1 rejected, 2 usage, 3 input, 4 internal,\n"
    "5 accepted in part (samples were left out, as --no-samples or --audit asked).";

constexpr const char* kExample =
    "Examples:\n  lipverify digits.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem\n"
    "  lipverify radii.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem --data examples/models/digits_test.csv\n"
    "  lipverify radii.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem --data examples/models/digits_test.csv --audit 5\n"
    "The last one ends with 'accepted in part' and exit code 5.";

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

/// Behind the count of `check_work`: beyond this an allocation fails, which is an outcome of its own and no acceptance. Sanitizers map terabytes for
/// themselves, so not under them.
void limit_memory(std::uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__)
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, bytes);
  static_cast<void>(::setrlimit(RLIMIT_DATA, &limit));
#else
  static_cast<void>(bytes);
#endif
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine out;
  // Before "--" only: what follows is a file name.
  out.json = std::find(arguments.begin(), std::find(arguments.begin(), arguments.end(), "--"), "--json") !=
             std::find(arguments.begin(), arguments.end(), "--");
  CLI::App app(kDescription, "lipverify");
  app.footer(kExample);
  app.set_version_flag("--version", std::string("lipverify ") + kVersion);
  bool json = false;
  std::string time;
  unsigned threads = 0;
  std::vector<std::string> models;
  app.add_option("CERT", out.request.certificate.name, "certificate file (Sigstore bundle)")->required();
  app.add_option("--model", models, "the model file; may be given several times, the digest decides")
      ->required()
      ->take_all()
      ->expected(1);
  app.add_option("--public-key", out.request.public_key.name, "the trusted public key (PEM), obtained from whom you trust")->required();
  std::string data, labels, records;
  std::uint64_t audit = 0;
  std::uint64_t seed = 0;
  const CLI::Option* data_option = app.add_option("--data", data, "the data file or folder: recheck the claim about samples on it");
  const CLI::Option* labels_option = app.add_option("--labels", labels, "the label file that belongs to the data");
  const CLI::Option* records_option = app.add_option("--records", records, "the records file (default: the one named in the certificate, beside it)");
  const CLI::Option* audit_option =
      app.add_option("--audit", audit, "recheck only this many samples, drawn at random, and print their inclusion proofs; of more samples: 'accepted in part', exit code 5")
          ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  const CLI::Option* seed_option = app.add_option("--seed", seed, "seed of the draw (default: a random one, which is printed)");
  app.add_flag("--no-samples", out.request.samples.leave_out,
               "recheck no sample, only digest, Merkle root and counts of the records: 'accepted in part', exit code 5");
  app.add_flag("--json", json, "print one JSON object on stdout instead of text");
  app.add_flag("-v,--verbose", out.verbose, "also print blocks and every comparison");
  app.add_flag("--allow-external-data", out.request.allow_external_data, "read weights from plain files beside the model");
  const CLI::Option* time_option = app.add_option("--time", time, "check the times of the certificate at this one, YYYY-MM-DDThh:mm:ssZ (RFC 3339, UTC), instead of now (audits)");
  app.add_option("--threads", threads, "threads to use (default: all cores); the verdict does not depend on it")->check(CLI::Range(1U, 1024U));
  std::uint64_t memory = 0;
  std::uint64_t work = 0;
  app.add_option("--max-memory", memory, "MiB that may be used (default: half of the machine); what needs more is refused first")->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  app.add_option("--max-work", work, "work that model and certificate may ask for, in 2^30 multiplications (default: 256)")->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    out.action = CommandLine::Action::print;
    out.text = app.help();
    return out;
  } catch (const CLI::CallForVersion& call) {
    out.action = CommandLine::Action::print;
    out.text = std::string(call.what()) + "\n";
    return out;
  } catch (const CLI::Error& error) {
    out.text = error.what() + std::string("; run lipverify --help");
    return out;
  }
  out.request.models.assign(models.begin(), models.end());
  if (time_option->count() != 0) {
    if (!is_time(time)) {
      out.text = "--time: '" + printable(time) + "' is not a time YYYY-MM-DDThh:mm:ssZ; run lipverify --help";
      return out;
    }
    out.request.time = time;
  }
  if ((labels_option->count() + audit_option->count() != 0 && data_option->count() == 0) || (seed_option->count() != 0 && audit_option->count() == 0)) {
    out.text = "--labels and --audit need --data FILE, and --seed needs --audit K; run lipverify --help";
    return out;
  }
  SampleFiles& samples = out.request.samples;
  if (data_option->count() != 0) samples.data = data;
  if (labels_option->count() != 0) samples.labels = labels;
  if (records_option->count() != 0) samples.records = records;
  if (audit_option->count() != 0) {
    samples.audit = audit;
    samples.seed = seed_option->count() != 0 ? seed : random_seed();
  }
  out.request.threads = threads;
  out.request.budget.memory = memory << 20;
  if (work != 0) out.request.budget.work = work << 30;
  out.action = CommandLine::Action::verify;
  return out;
}

static int run_unguarded(const std::vector<std::string>& arguments) {
  CommandLine line = parse_command_line(arguments);
  if (line.action == CommandLine::Action::print) {
    std::cout << line.text;
    std::cout.flush();
    if (std::cout.good()) return 0;
    std::cerr << "lipverify: standard output cannot be written; open it\n";
    return static_cast<int>(Outcome::internal);
  }
  Report report;
  if (line.action == CommandLine::Action::usage_error) {
    report.outcome = Outcome::usage;
    report.error = line.text;
  } else {
    const bool terminal = ::isatty(STDERR_FILENO) == 1 && !line.json;
    if (terminal)
      line.request.progress = [](std::size_t done, std::size_t blocks) {
        std::cerr << "\rchecking block " << done + 1 << " of " << blocks << std::flush;
      };
    if (terminal)
      line.request.samples.progress = [](std::uint64_t done, std::uint64_t all) {
        std::cerr << "\rchecking sample " << done << " of " << all << "   " << std::flush;
      };
    limit_memory(settled(line.request.budget).memory);
    report = verify(line.request);
    if (terminal) std::cerr << "\r\033[K" << std::flush;
  }
  for (const std::string& warning : report.warnings) std::cerr << "lipverify: warning: " << printable_line(warning) << "\n";
  const bool accepted = report.outcome == Outcome::accepted || report.outcome == Outcome::accepted_in_part;
  if (!accepted) std::cerr << "lipverify: " << printable_line(report.error) << "\n";
  std::cout << (line.json ? json_report(report) : text_report(report, line.verbose));
  std::cout.flush();
  // A verdict that did not reach its reader is not an acceptance.
  if (!std::cout.good()) {
    std::cerr << "lipverify: standard output cannot be written (closed, or the disk is full?), so the verdict did not reach its reader\n";
    if (accepted) return static_cast<int>(Outcome::internal);
  }
  return static_cast<int>(report.outcome);
}

int run(const std::vector<std::string>& arguments) {
  try {
    return run_unguarded(arguments);
  } catch (const std::exception& error) {
    std::cerr << "lipverify: internal error: " << printable_line(error.what()) << "\n";
    if (std::find(arguments.begin(), arguments.end(), "--json") != arguments.end())
      std::cout << "{\"verdict\":\"error\",\"exitCode\":4,\"error\":\"internal error\",\"checks\":[]}\n" << std::flush;
    return static_cast<int>(Outcome::internal);
  }
}

}  // namespace lipverify
