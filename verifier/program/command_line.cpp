// See command_line.hpp.
#include "verifier/program/command_line.hpp"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "verifier/outputs/files.hpp"
#include "verifier/outputs/report.hpp"

namespace lipverify {

namespace {

constexpr const char* kDescription =
    "Rechecks certificates of Lipschitz constants: signature, digests and mathematics, with a reader, integers and a\n"
    "composition of its own; with --policy, also what the policy demands of them. Prints one verdict line for each. Exit codes: 0 accepted "
    "(every claim was\n"
    "recomputed), 1 rejected, 2 usage, 3 input, 4 internal, 5 accepted in part (samples were left out, as --no-samples, --audit or the "
    "policy asked).\n"
    "Of many certificates the worst decides: 4, 3, 2, 1, 5, 0.";

constexpr const char* kExample =
    "Examples:\n  lipverify digits.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem\n"
    "  lipverify radii.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem --data "
    "examples/models/digits_test.csv\n"
    "  lipverify radii.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem --data "
    "examples/models/digits_test.csv --audit 5\n"
    "  lipverify digits.lipcert.sigstore.json radii.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem "
    "--data examples/models/digits_test.csv --junit report.xml\n"
    "The third one ends with 'accepted in part' and exit code 5.";

constexpr const char* kHelp = "; run lipverify --help";

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

/// What CLI11 filled, beside the CommandLine itself.
struct Parsed {
  std::string json, time, records, evidence, public_key, policy_init, junit, sarif, markdown, code_quality;
  std::uint64_t audit = 0, seed = 0, memory = 0, work = 0;
  unsigned threads = 0, max_age = 0;
  bool has_time = false, has_audit = false, has_seed = false, has_records = false, has_evidence = false;
};

/// `--json out.json` names a certificate out.json; somebody who meant the output is told how to write it.
std::string misplaced_output(const std::vector<std::string>& arguments, const CommandLine& line) {
  for (std::size_t k = 0; k + 1 < arguments.size() && arguments[k] != "--"; ++k) {
    const std::string &option = arguments[k], &name = arguments[k + 1];
    const bool taken = line.certificates.size() > 1 && std::find(line.certificates.begin(), line.certificates.end(), name) != line.certificates.end();
    std::error_code error;
    if (taken && ((option == "--json" && !std::filesystem::exists(name, error)) || option == "--policy-init"))
      return "'" + printable_line(name) + "' behind " + option + " is taken for a certificate; to have the output written there: " + option +
             "=" + printable_line(name);
  }
  return "";
}

/// One sentence, or nothing where the options fit together.
std::string contradiction(const CommandLine& line, const Parsed& p) {
  const bool checks = line.action == CommandLine::Action::verify || line.action == CommandLine::Action::policy_init;
  if (line.action == CommandLine::Action::explain)
    return line.certificates.empty() && line.vsa.empty() && line.outputs.empty()
               ? ""
               : "--explain POLICY.json stands alone: it explains a policy and checks nothing";
  if (p.max_age != 0 && line.action != CommandLine::Action::check_vsa)
    return "--max-age belongs to --check-vsa; of certificates the policy says it, as maximumAge";
  if (line.action == CommandLine::Action::check_vsa) {
    if (!line.certificates.empty())
      return "--check-vsa checks a verification summary; leave the certificates out, or check them without it";
    if (p.public_key.empty()) return "--check-vsa needs --public-key, the key of whoever is trusted to say so";
    for (const auto& [kind, path] : line.outputs)
      if (kind != Output::json) return "--check-vsa writes text or --json only";
    return "";
  }
  if (line.certificates.empty()) return "CERT is required: name a certificate, a folder of *.sigstore.json files, or @LIST";
  if (line.models.empty()) return "--model is required: name the model file, a folder of models, or @LIST";
  if (p.public_key.empty() == line.policy.empty())
    return line.policy.empty() ? "--public-key or --policy is required: the key that is trusted, or the policy that names the trusted keys"
                               : "--public-key and --policy exclude each other: a policy names the trusted keys itself";
  if (line.action == CommandLine::Action::policy_init && (!line.policy.empty() || line.certificates.size() != 1 || !line.outputs.empty()))
    return "--policy-init writes a policy that one certificate meets: give one CERT, --model and --public-key, no --policy and no other "
           "output";
  if (checks && (!p.records.empty() || p.has_records) && line.certificates.size() != 1)
    return "--records belongs to one certificate; check that one alone";
  if (checks && p.has_evidence && line.certificates.size() != 1) return "--local-evidence belongs to one certificate; check that one alone";
  const bool wants_vsa = std::any_of(line.outputs.begin(), line.outputs.end(), [](const auto& o) { return o.first == Output::vsa; });
  if (wants_vsa && (line.policy.empty() || line.vsa_key.empty()))
    return "--vsa says that a policy was met and is signed: give --policy and --vsa-key KEY.pem";
  if (wants_vsa && line.request.allow_external_data)
    return "--vsa names models by the digest of one file and says nothing about weights beside it; leave out --allow-external-data";
  if (!wants_vsa && (!line.vsa_key.empty() || !line.vsa_id.empty())) return "--vsa-key and --vsa-id belong to --vsa FILE";
  if ((!line.labels.empty() || p.has_audit) && line.data.empty()) return "--labels and --audit need --data FILE";
  if (p.has_seed && !p.has_audit) return "--seed needs --audit K";
  return "";
}

/// Outputs must not meet each other or overwrite what is checked.
std::string collision(const CommandLine& line, const std::string& public_key) {
  std::vector<std::string> inputs;
  for (const auto& list : {line.certificates, line.models, line.data, line.labels}) inputs.insert(inputs.end(), list.begin(), list.end());
  for (const std::string& one : {line.policy, line.vsa_key, line.vsa, public_key}) inputs.push_back(one);
  std::set<std::string> seen;
  for (const auto& [kind, path] : line.outputs) {
    if (path.empty()) return "the name of an output is empty";
    const std::string place = path == "-" ? path : std::filesystem::absolute(path).lexically_normal().string();
    if (!seen.insert(place).second)
      return path == "-" ? "only one output can go to standard output" : "two outputs have the name '" + printable_line(path) + "'";
    for (const std::string& input : inputs)
      if (path != "-" && !input.empty() && same_file(path, input.rfind('@', 0) == 0 ? input.substr(1) : input))
        return "the output '" + printable_line(path) + "' is one of the inputs; choose another name";
  }
  return "";
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
  Parsed p;
  app.add_option("CERT", out.certificates,
                 "certificate files (Sigstore bundles), folders of *.sigstore.json, or @LIST (a file with one path on each line)");
  app.add_option("--model", out.models,
                 "the model file, a folder of *.onnx and *.nnet (with its subfolders), or @LIST; may be given several times, the digest decides")
      ->take_all()
      ->expected(1);
  app.add_option("--public-key", p.public_key, "the trusted public key (PEM), obtained from whom you trust");
  app.add_option("--policy", out.policy, "instead of a key: what is demanded, and whose keys are trusted (formats/policy.md)");
  const CLI::Option* explain = app.add_option("--explain", out.explained, "say in words what a policy demands, and check nothing");
  const CLI::Option* init = app.add_flag("--policy-init{-}", p.policy_init,
                                         "write a policy that this certificate just meets, to be edited; =FILE instead of standard output");
  app.add_option("--data", out.data, "the data file or folder: recheck the claim about samples on it; of several, the digest decides")
      ->take_all()
      ->expected(1);
  app.add_option("--labels", out.labels, "the label file that belongs to the data; of several, the digest decides")
      ->take_all()
      ->expected(1);
  const CLI::Option* records =
      app.add_option("--records", p.records, "the records file (default: the one named in the certificate, beside it)");
  const CLI::Option* evidence =
      app.add_option("--local-evidence", p.evidence, "the file of evidence of local radii (default: the one named in the certificate, beside it)");
  const CLI::Option* audit = app.add_option("--audit", p.audit,
                                            "recheck only this many samples, drawn at random, and print their inclusion proofs; of more "
                                            "samples: 'accepted in part', exit code 5")
                                 ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  const CLI::Option* seed = app.add_option("--seed", p.seed, "seed of the draw (default: a random one, which is printed)");
  app.add_flag("--no-samples", out.request.samples.leave_out,
               "recheck no sample, only digest, Merkle root and counts of the records: 'accepted in part', exit code 5");
  app.add_flag("--json{-}", p.json, "print one JSON object on stdout instead of text; =FILE: write it there, beside the text");
  struct {
    Output kind;
    const char* option;
    std::string* path;
    const char* help;
  } const files[] = {{Output::junit, "--junit", &p.junit, "write a JUnit report to this file (\"-\": stdout, instead of text)"},
                     {Output::sarif, "--sarif", &p.sarif, "write a SARIF 2.1.0 report"},
                     {Output::markdown, "--markdown", &p.markdown, "write a summary in Markdown"},
                     {Output::code_quality, "--codequality", &p.code_quality, "write a GitLab code quality report"}};
  std::vector<std::pair<Output, const CLI::Option*>> given;
  for (const auto& file : files) given.emplace_back(file.kind, app.add_option(file.option, *file.path, file.help));
  std::string vsa_file;
  const CLI::Option* vsa = app.add_option("--vsa", vsa_file, "write a SLSA Verification Summary, signed with --vsa-key");
  app.add_option("--vsa-key", out.vsa_key, "the private key (PKCS#8 PEM) of whoever runs this check; passphrase in LIPVERIFY_PASSPHRASE");
  app.add_option("--vsa-id", out.vsa_id, "URI of this verifier in the summary (default: https://lipcert.github.io/lipverify)");
  const CLI::Option* check =
      app.add_option("--check-vsa", out.vsa,
                     "check a Verification Summary under --public-key: its signature and, with --model and --policy, what it is about");
  app.add_option("--max-age", p.max_age, "with --check-vsa: refuse a summary that was made more than this many days ago")
      ->check(CLI::Range(1U, 99999U));
  app.add_option("--jobs", out.jobs,
                 "certificates that are checked at a time (default: one for each core); the order of the output does not depend on it")
      ->check(CLI::Range(1U, 1024U));
  app.add_flag("-v,--verbose", out.verbose, "also print blocks and every comparison");
  app.add_flag("--allow-external-data", out.request.allow_external_data, "read weights from plain files beside the model");
  const CLI::Option* time = app.add_option(
      "--time", p.time, "check the times of the certificate at this one, YYYY-MM-DDThh:mm:ssZ (RFC 3339, UTC), instead of now (audits)");
  app.add_option("--threads", p.threads, "threads to use for all checks together (default: all cores); the verdict does not depend on it")
      ->check(CLI::Range(1U, 1024U));
  app.add_option("--max-memory", p.memory, "MiB that may be used (default: 1900 MB for each megabyte of the files, at most half of the machine; shared by the checks that run at a time); what needs more is refused first")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  app.add_option("--max-work", p.work, "work that model and certificate may ask for, in 2^30 multiplications (default: 256)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  app.add_option("--max-seconds", out.seconds, "seconds of processor time, of all threads together, that the whole run may take (default: 50 for each megabyte of the files); a check that takes longer ends without a verdict")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 30));
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    if (arguments.size() != 1) {  // a file may be called -h, and a gate must not take the help's 0 for its answer
      out.text = "--help stands alone; to name a file that begins with -, write ./ before it, or -- before all files";
      return out;
    }
    out.action = CommandLine::Action::print;
    out.text = app.help();
    return out;
  } catch (const CLI::CallForVersion& call) {
    if (arguments.size() != 1) {
      out.text = std::string("--version stands alone") + kHelp;
      return out;
    }
    out.action = CommandLine::Action::print;
    out.text = std::string(call.what()) + "\n";
    return out;
  } catch (const CLI::Error& error) {
    out.text = error.what() + std::string(kHelp);
    return out;
  }
  const auto wrong = [&](const std::string& sentence) {
    out.action = CommandLine::Action::usage_error;
    out.text = sentence + kHelp;
    return out;
  };
  p.has_time = time->count() != 0;
  p.has_audit = audit->count() != 0;
  p.has_seed = seed->count() != 0;
  p.has_records = records->count() != 0;
  p.has_evidence = evidence->count() != 0;
  if (!p.json.empty()) out.outputs.emplace_back(Output::json, p.json);
  for (std::size_t k = 0; k < given.size(); ++k)
    if (given[k].second->count() != 0) out.outputs.emplace_back(given[k].first, *files[k].path);
  if (vsa->count() != 0) out.outputs.emplace_back(Output::vsa, vsa_file);
  if (init->count() != 0) out.policy_init = p.policy_init;
  if ((explain->count() != 0) + (init->count() != 0) + (check->count() != 0) > 1)
    return wrong("--explain, --policy-init and --check-vsa exclude each other");
  CommandLine::Action action = CommandLine::Action::verify;
  if (explain->count() != 0) action = CommandLine::Action::explain;
  if (init->count() != 0) action = CommandLine::Action::policy_init;
  if (check->count() != 0) action = CommandLine::Action::check_vsa;
  out.action = action;
  out.max_age_days = p.max_age;
  if (const std::string sentence = misplaced_output(arguments, out); !sentence.empty()) return wrong(sentence);
  if (const std::string sentence = contradiction(out, p); !sentence.empty()) return wrong(sentence);
  if (const std::string sentence = collision(out, p.public_key); !sentence.empty()) return wrong(sentence);
  if (p.has_time) {
    if (!is_time(p.time)) return wrong("--time: '" + printable(p.time) + "' is not a time YYYY-MM-DDThh:mm:ssZ");
    out.request.time = p.time;
  }
  std::set<std::string> names;
  for (const std::string& name : out.certificates)
    if (!names.insert(name).second) return wrong("the certificate '" + printable_line(name) + "' is named twice");
  if (out.certificates.size() == 1) out.request.certificate = Document(out.certificates[0]);
  out.request.models.assign(out.models.begin(), out.models.end());
  out.request.public_key = Document(p.public_key);
  SampleFiles& samples = out.request.samples;
  if (out.data.size() == 1) samples.data = out.data[0];
  if (out.labels.size() == 1) samples.labels = out.labels[0];
  if (p.has_records) samples.records = p.records;
  if (p.has_evidence) samples.evidence = p.evidence;
  if (p.has_audit) {
    samples.audit = p.audit;
    samples.seed = p.has_seed ? p.seed : random_seed();
  }
  out.request.threads = p.threads;
  out.request.budget.memory = p.memory << 20;
  if (p.work != 0) out.request.budget.work = p.work << 30;
  return out;
}

void limit_memory(std::uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(LIPVERIFY_SANITIZED)  // g++ names it itself, clang does not
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, bytes);
  static_cast<void>(::setrlimit(RLIMIT_DATA, &limit));
#else
  static_cast<void>(bytes);
#endif
}

}  // namespace lipverify
