// One run of the program: what was asked is done, and everything that was found is said on the terminal and in the outputs. An output that
// cannot be written makes the exit code 4, whatever the verdict: a verdict that did not reach its reader is not an acceptance.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "verifier/outputs/files.hpp"
#include "verifier/outputs/report.hpp"
#include "verifier/outputs/vsa.hpp"
#include "verifier/policy/judge.hpp"
#include "verifier/program/checking.hpp"
#include "verifier/program/command_line.hpp"
#include "verifier/program/inputs.hpp"
#include "verifier/program/watch.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kKeyCap = 65536;
constexpr const char* kVerifier = "https://lipcert.github.io/lipverify";

bool under_actions() {
  const char* value = std::getenv("GITHUB_ACTIONS");
  return value != nullptr && std::string(value) == "true";
}

/// The runner of GitHub Actions takes "##[" anywhere in a line for a command, and names of files are hostile.
std::string shown(std::string text) {
  if (!under_actions()) return text;
  for (std::size_t at = text.find("##["); at != std::string::npos; at = text.find("##[", at)) text.replace(at, 3, "##?[");
  return text;
}

int code(Outcome outcome) {
  return static_cast<int>(outcome);
}

int say(const std::string& text, Outcome outcome) {
  std::cout << shown(text);
  std::cout.flush();
  if (std::cout.good()) return code(outcome);
  std::cerr << "lipverify: standard output cannot be written (closed, or the disk is full?), so this did not reach its reader\n";
  return holds(outcome) ? code(Outcome::internal) : code(outcome);
}

void complain(const std::string& text) {
  std::cerr << shown("lipverify: " + printable_line(text) + "\n");
}

/// Settles what the run may cost, and begins to count its time. Too late is no verdict: nothing has been written by then.
Watch bounded(CommandLine& line) {
  const std::uint64_t bytes = bytes_of(line);
  if (line.request.budget.memory == 0) line.request.budget.memory = usual_memory(bytes);
  limit_memory(line.request.budget.memory);
  const std::uint64_t seconds = line.seconds != 0 ? line.seconds : usual_seconds(bytes);
  return Watch(seconds, [seconds, json = line.json || std::any_of(line.outputs.begin(), line.outputs.end(), [](const auto& o) { return o == std::pair(Output::json, std::string("-")); })] {
    Report report;
    report.outcome = Outcome::internal;
    report.error = "there was no verdict after the " + std::to_string(seconds) +
                   " seconds of processor time of --max-seconds (by default 50 for each megabyte of the files), so the check was ended; allow more if the files are worth it";
    complain(report.error);
    if (json) std::cout << json_report(report) << std::flush;
    ::_exit(code(Outcome::internal));
  });
}

std::string vsa_of(const CommandLine& line, const Checked& checked) {
  const char* passphrase = std::getenv("LIPVERIFY_PASSPHRASE");
  const VsaKey key(read_file(line.vsa_key, kKeyCap, "the key of --vsa-key"), passphrase == nullptr ? "" : passphrase);
  std::vector<VsaSubject> given;
  for (const std::string& model : checked.models)
    if (const std::string digest = file_sha256(model); !digest.empty()) given.push_back({model, digest});
  return vsa_bundle(checked.gate, given, line.vsa_id.empty() ? kVerifier : line.vsa_id, key);
}

std::string text_of(Output kind, const CommandLine& line, const Checked& checked) {
  switch (kind) {
    case Output::json:
      return checked.many ? gate_json(checked.gate) : json_report(checked.gate.judgements[0].report);
    case Output::junit:
      return gate_junit(checked.gate);
    case Output::sarif:
      return gate_sarif(checked.gate);
    case Output::markdown:
      return gate_markdown(checked.gate);
    case Output::code_quality:
      return gate_code_quality(checked.gate);
    case Output::vsa:
      break;
  }
  return vsa_of(line, checked);
}

/// A report on standard output is read by the runner too; what it would take for a command is written otherwise, and means the same.
std::string spelled(Output kind, std::string text) {
  if (!under_actions()) return text;
  const std::string other = kind == Output::junit ? "##&#91;" : kind == Output::markdown ? "##\\[" : "##\\u005b";
  for (std::size_t at = text.find("##["); at != std::string::npos; at = text.find("##[", at)) text.replace(at, 3, other);
  return text;
}

/// Whether writing there would overwrite what was checked: also a file of a folder or a list.
bool is_input(const std::string& path, const Checked& checked) {
  const auto same = [&](const std::string& input) { return same_file(path, input); };
  return std::any_of(checked.models.begin(), checked.models.end(), same) ||
         std::any_of(checked.gate.judgements.begin(), checked.gate.judgements.end(), [&](const Judgement& j) {
           return same(j.certificate) || std::any_of(j.signers.begin(), j.signers.end(), [&](const Signer& s) { return same(s.bundle); });
         });
}

/// Writes the summaries, or all outputs but these; false when one of them could not be written.
bool write_outputs(const CommandLine& line, const Checked& checked, bool summaries) {
  bool good = true;
  for (const auto& [kind, path] : line.outputs) {
    if ((kind == Output::vsa) != summaries) continue;
    std::string error;
    try {
      if (path != "-" && is_input(path, checked))
        throw Failure(Outcome::usage, "it is one of the files that were checked; choose another name");
      const std::string text = text_of(kind, line, checked);
      error = write_whole(path, path == "-" ? spelled(kind, text) : text);
    } catch (const std::exception& failure) {
      error = "the output '" + path + "' was not written: " + failure.what();
    }
    if (!error.empty()) complain(error);
    good = good && error.empty();
  }
  return good;
}

int verify_all(CommandLine line) {
  const bool quiet = std::any_of(line.outputs.begin(), line.outputs.end(), [](const auto& o) { return o.second == "-"; });
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !quiet;
  if (terminal && line.certificates.size() == 1 && line.policy.empty()) {
    line.request.progress = [](std::size_t done, std::size_t blocks) {
      std::cerr << "\rchecking block " << done + 1 << " of " << blocks << std::flush;
    };
    line.request.samples.progress = [](std::uint64_t done, std::uint64_t all) {
      std::cerr << "\rchecking sample " << done << " of " << all << "   " << std::flush;
    };
    struct stat status {};
    if (line.certificates[0].rfind('@', 0) == 0 || (::stat(line.certificates[0].c_str(), &status) == 0 && S_ISDIR(status.st_mode))) {
      line.request.progress = nullptr;
      line.request.samples.progress = nullptr;
    }
  }
  Watch watch = bounded(line);
  const Checked checked = check_all(line, terminal);
  watch.stop();
  if (terminal) std::cerr << "\r\033[K" << std::flush;
  for (const std::string& warning : checked.warnings) std::cerr << shown("lipverify: warning: " + printable_line(warning) + "\n");
  for (const Judgement& j : checked.gate.judgements) {
    const std::string who = checked.many ? j.certificate + ": " : "";
    for (const std::string& warning : j.report.warnings) std::cerr << shown("lipverify: warning: " + printable_line(who + warning) + "\n");
    if (!holds(j.outcome)) complain(who + j.error);
  }
  if (under_actions()) std::cerr << shown(gate_annotations(checked.gate)) << std::flush;
  // A summary that says PASSED is signed last, when everything else has reached its reader.
  const bool good = write_outputs(line, checked, false);
  const Outcome outcome = good ? worst(checked.gate.judgements) : Outcome::internal;
  const int said = quiet ? code(outcome) : say(checked.many ? gate_text(checked.gate, line.verbose) : text_report(checked.gate.judgements[0].report, line.verbose), outcome);
  if (!good || said != code(outcome)) {
    if (std::any_of(line.outputs.begin(), line.outputs.end(), [](const auto& o) { return o.first == Output::vsa; }))
      complain("no Verification Summary was written, because another output was not");
    return said;
  }
  return write_outputs(line, checked, true) ? said : code(Outcome::internal);
}

int policy_init(CommandLine line) {
  Watch watch = bounded(line);
  Report report = verify(line.request);
  watch.stop();
  if (!holds(report.outcome)) {
    complain(report.error);
    return code(report.outcome);
  }
  const std::string text = policy_from(report, line.request.public_key);
  if (line.policy_init == "-") return say(text, Outcome::accepted);
  struct stat status {};
  if (::lstat(line.policy_init.c_str(), &status) == 0) {
    complain("'" + line.policy_init + "' exists, and a policy that somebody may have edited is never replaced; choose another name");
    return code(Outcome::usage);
  }
  const std::string error = write_whole(line.policy_init, text);
  if (!error.empty()) complain(error);
  return error.empty() ? 0 : code(Outcome::internal);
}

int summary_check(const CommandLine& line) {
  VsaRequest request;
  request.vsa = Document(line.vsa);
  request.public_key = line.request.public_key;
  bool ignored = false;
  for (const Input& model : expand(line.models, {".onnx", ".nnet"}, "models", ignored)) {
    if (!model.error.empty()) throw Failure(Outcome::input, model.error);
    request.models.emplace_back(model.path);
  }
  if (!line.policy.empty()) request.policies.emplace_back(line.policy);
  request.time = line.request.time ? *line.request.time : clock_time();
  request.max_age_days = line.max_age_days;
  const VsaReport report = check_vsa(request);
  if (!holds(report.outcome)) complain(report.error);
  bool taken = false;
  for (const auto& [kind, path] : line.outputs) {
    const std::string error = write_whole(path, vsa_json(report));
    taken = taken || path == "-";
    if (error.empty()) continue;
    complain(error);
    return code(Outcome::internal);
  }
  return taken ? code(report.outcome) : say(vsa_text(report), report.outcome);
}

int run_unguarded(const std::vector<std::string>& arguments) {
  const CommandLine line = parse_command_line(arguments);
  switch (line.action) {
    case CommandLine::Action::print:
      return say(line.text, Outcome::accepted);
    case CommandLine::Action::verify:
      return verify_all(line);
    case CommandLine::Action::explain:
      return say(explain(read_policy(Document(line.explained))), Outcome::accepted);
    case CommandLine::Action::policy_init:
      return policy_init(line);
    case CommandLine::Action::check_vsa:
      return summary_check(line);
    case CommandLine::Action::usage_error:
      break;
  }
  Report report;
  report.outcome = Outcome::usage;
  report.error = line.text;
  complain(report.error);
  if (line.json) std::cout << json_report(report) << std::flush;
  return code(Outcome::usage);
}

}  // namespace

void prepare_process() {
  for (int number = 0; number < 3; ++number)
    if (::fcntl(number, F_GETFD) < 0 && errno == EBADF) static_cast<void>(::open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY));
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
}

int run(const std::vector<std::string>& arguments) {
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  Report report;
  try {
    return run_unguarded(arguments);
  } catch (const Failure& failure) {
    report.outcome = failure.outcome();
    report.error = failure.what();
  } catch (const std::exception& error) {
    report.outcome = Outcome::internal;
    report.error = std::string("internal error: ") + error.what();
  }
  if (holds(report.outcome)) report.outcome = Outcome::internal;
  complain(report.error);
  if (json) {
    try {
      std::cout << json_report(report) << std::flush;
    } catch (const std::exception&) {
      std::cout << "{\"verdict\":\"error\",\"exitCode\":4,\"error\":\"internal error\",\"checks\":[]}\n" << std::flush;
    }
  }
  return code(report.outcome);
}

}  // namespace lipverify
