// One certificate made again: with the settings that are read off the old one, of the model of today. --check makes the payload with the
// old one's times and compares bytes: whoever doubts a certificate's origin can find out whether this program makes the same.

#include "certify/commands/print.hpp"
#include "certify/commands/command_renew.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "certify/commands/command_samples.hpp"
#include "certify/commands/progress.hpp"
#include "certify/commands/publish.hpp"

namespace lipcert {
namespace {

constexpr const char* footer_of_renew = R"(Examples:
  lipcert certify examples/models/digits.onnx --key key.pem -o digits.lipcert.sigstore.json --not-after 2030-12-31T23:59:59Z
  lipcert renew digits.lipcert.sigstore.json --model examples/models/digits.onnx --key key.pem -o renewed.lipcert.sigstore.json
  lipcert renew digits.lipcert.sigstore.json --model examples/models/digits.onnx --check
  lipcert init examples/models -o models.manifest.json
  lipcert renew models.manifest.json --key release=key.pem --dry-run

Of a certificate: the settings (function, data and their scaling, eps and unit, issuer, requirements, length of validity) are those of OLD; model and
data are files of the names that it has, beside it or in the current folder, unless they are named here. OLD need not be trusted, because everything is
computed anew; --public-key has its signature checked first. What has changed is printed. --check writes nothing: exit code 0 when the same payload bytes come
out at OLD's time of issue, 1 when not, with what differs.

Of a manifest (formats/manifest.md): what has changed is made again, and nothing else: a missing or damaged certificate, another model, data, setting, key or
program version, an age beyond maximumAgeDays, an end of validity. Keys are named: --key NAME=FILE, or --key NAME=env:VARIABLE, where the variable
holds the PEM text. An entry that fails keeps its certificate and does not stop the others; the exit code is the worst one. A killed run is resumed by
running it again. --part i/N and --only NAME divide a manifest among machines.

A certificate that is left as it is has not been rechecked: what it is worth, lipverify says.)";

/// A file that a certificate names: the one that was given, else that name beside the certificate or in the current folder.
std::string file_for(const std::string& given, const std::string& name, const std::string& beside, const char* option) {
  if (!given.empty()) return given;
  for (const std::string& path : {folder_of(beside) + "/" + name, name}) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return path;
  }
  throw Error(ExitCode::usage, "The file '" + in_short(name) + "' that " + in_short(beside) +
                                   " is about lies neither beside it nor here; name it with " + option + ".");
}

/// A folder that goes away again.
class Scratch {
 public:
  Scratch() {
    const char* const place = std::getenv("TMPDIR");
    path_ = std::string(place == nullptr || *place == '\0' ? "/tmp" : place) + "/lipcert-check-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr)
      throw Error(ExitCode::input, "No temporary folder can be made for the records; set TMPDIR to one that is writable.");
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Json json_of(const StatementDifferences& differences) {
  Json list = Json::array();
  for (const StatementDifference& d : differences.first) list.push_back({{"pointer", d.pointer}, {"before", d.before}, {"after", d.after}});
  return {{"total", differences.total}, {"first", list}};
}

void print_differences(const StatementDifferences& differences) {
  for (const StatementDifference& d : differences.first) fmt::print("  {}: {} -> {}\n", in_short(d.pointer), d.before, d.after);
  if (differences.total > differences.first.size()) fmt::print("  and {} more\n", differences.total - differences.first.size());
}

int check(const OldCertificate& old, CertifyJob job, const RenewOptions& options) {
  const Scratch scratch;
  job.folder = scratch.path();
  Certified made;
  {
    ProgressBar bar(true);
    job.analysis.progress = [&bar](double done, const std::string& what) { bar.show(done, what); };
    made = certify(job);
  }
  const bool same = made.payload == old.payload;
  const StatementDifferences differences = differences_of(old.statement, parse_json(made.payload, "the new payload"));
  const std::string why = same ? "" : differences.total == 0 ? "the members are the same and stand in another order or spelling" : "";
  if (options.json) {
    print_json_line(Json{{"same", same},
                            {"before", sha256_hex(old.payload)},
                            {"after", sha256_hex(made.payload)},
                            {"differences", json_of(differences)},
                            {"exitCode", same ? 0 : 1}});
    return same ? 0 : 1;
  }
  if (same) {
    fmt::print("same         the same payload bytes come out (sha256 {}); the signature was {}\n", sha256_hex(old.payload),
               options.public_key.empty() ? "not checked" : "checked");
    return 0;
  }
  fmt::print("different    payload sha256 {} comes out as {}; {}\n", sha256_hex(old.payload), sha256_hex(made.payload),
             why.empty() ? fmt::format("{} members differ:", differences.total) : why + ".");
  print_differences(differences);
  return 1;
}

}  // namespace

CertifyOptions options_of(const CertifyJob& job, const std::string& out, const RenewOptions& options) {
  CertifyOptions made;
  made.model = job.model;
  made.out = out;
  made.allow_external_data = job.allow_external_data;
  made.no_recheck = options.no_recheck;
  made.force = options.force;
  made.threads = options.threads;
  if (job.samples) {
    made.samples.data.data = job.samples->source.samples;
    made.samples.data.labels = job.samples->source.labels;
  }
  return made;
}

int renew_certificate(const RenewOptions& options) {
  const auto refuse = [](const std::string& sentence) -> void { throw Error(ExitCode::usage, sentence); };
  if (options.jobs != 1 || options.dry_run || options.no_reuse || !options.only.empty() || !options.part.empty())
    refuse("--jobs, --dry-run, --no-reuse, --only and --part belong to a manifest, and " + in_short(options.file) +
           " is a certificate; leave them out.");
  if (options.check && (!options.keys.empty() || !options.out.empty())) refuse("--check writes nothing; leave --key and --out out.");
  if (!options.check && options.keys.size() != 1)
    refuse("--key is required, once; make a key with `lipcert keygen --out KEY.pem`, or use --check.");
  if (!options.check && options.out.empty()) refuse("--out is required: the new certificate's place, which may be that of the old one.");
  const OldCertificate old = read_certificate(options.file);
  if (!options.public_key.empty() && !signature_holds(options.public_key, pre_authentication_encoding(old.payload), old.signature))
    throw Error(ExitCode::rejected,
                in_short(options.file) + ": its signature is not that of " + options.public_key +
                    ": somebody else signed it, or it was changed; certify the model anew if you do not know whence it came.");
  CertifyJob job = job_of(old);
  job.model = file_for(options.model, job.model, options.file, "--model");
  if (job.samples) {
    job.samples->source.samples = file_for(options.data, job.samples->source.samples, options.file, "--data");
    if (!job.samples->source.labels.empty())
      job.samples->source.labels = file_for(options.labels, job.samples->source.labels, options.file, "--labels");
  } else if (!options.data.empty() || !options.labels.empty()) {
    refuse(in_short(options.file) + " has no claim about samples; leave --data and --labels out, or use `lipcert certify`.");
  }
  job.analysis.threads = options.threads;
  if (options.check) return check(old, std::move(job), options);

  const report::CertificateView before = report::read_certificate(options.file);
  static_cast<void>(report::compare(before, before));  // what cannot be compared afterwards is told before the work
  const std::int64_t now = issue_time();
  if (job.issuance.not_after) job.issuance.not_after = now + (*job.issuance.not_after - job.issuance.issued_at);
  job.issuance.issued_at = now;
  job.folder = folder_of(options.out);
  check_issuance(job.issuance);
  CertifyOptions publishing = options_of(job, options.out, options);
  publishing.key = options.keys.front();
  check_output(publishing);
  const SigningKey key = SigningKey::read(options.keys.front(), read_passphrase(options.passphrase_fd));
  Published published;
  {
    ProgressBar bar(true);
    published = publish(publishing, job, key, [&bar](double done, const std::string& what) { bar.show(done, what); });
  }
  const auto& samples = published.made.samples;
  const Network& network = published.made.model.network;
  if (samples) warn_about_samples(*samples, element_count(network.values[network.output].shape));
  const report::Difference difference = report::compare(before, report::read_certificate(options.out));
  if (options.json) {
    print_json_line(Json{{"certificate", options.out},
                            {"before", sha256_hex(old.payload)},
                            {"payloadSha256", published.payload_sha256},
                            {"keyFingerprint", published.fingerprint},
                            {"oldSignature", options.public_key.empty() ? "not checked" : "checked"},
                            {"seconds", published.seconds},
                            {"recheck", published.recheck.word},
                            {"recheckVerdict", published.recheck.verdict.empty() ? Json(nullptr) : Json(published.recheck.verdict)},
                            {"difference", report::json(difference)}});
    return 0;
  }
  fmt::print("old          {} (payload sha256 {}), signature {}\n", in_short(options.file), sha256_hex(old.payload),
             options.public_key.empty() ? "not checked: no --public-key, and nothing of it was trusted" : "checked");
  fmt::print("certificate  {}\npayload      sha256 {}\nsigned by    {} ({})\nrecheck      {}\ntime         {:.2f} s\n", options.out,
             published.payload_sha256, published.fingerprint, name_of(published.algorithm), text_of(published.recheck), published.seconds);
  fmt::print("\n{}", report::text(difference));
  return 0;
}

std::function<std::optional<int>()> add_renewal_commands(CLI::App& app) {
  const auto renew = std::make_shared<RenewOptions>();
  CLI::App& renew_app =
      *app.add_subcommand("renew", "Makes a certificate again with its settings, or those of a manifest where something has changed.");
  renew_app.footer(footer_of_renew);
  renew_app.add_option("FILE", renew->file, "an older certificate, or a manifest")->required();
  renew_app.add_option("--key", renew->keys, "private key: a file; of a manifest NAME=FILE or NAME=env:VARIABLE, may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  renew_app.add_option("--passphrase-fd", renew->passphrase_fd, "read the keys' passphrase (one line) from this file descriptor")
      ->check(CLI::NonNegativeNumber);
  renew_app.add_flag("--json", renew->json, "print one JSON object");
  renew_app.add_option("--threads", renew->threads, "number of threads of one job (default: all cores, divided among the jobs)")
      ->check(CLI::Range(1U, 1024U));
  renew_app.add_flag("--no-recheck", renew->no_recheck,
                     "do not have the lipverify beside this program check the result before it is written");
  renew_app.add_option("--model", renew->model, "certificate: the model of today (default: the file of its name)");
  renew_app.add_option("--data", renew->data, "certificate: the samples of today");
  renew_app.add_option("--labels", renew->labels, "certificate: the labels of today");
  renew_app.add_option("-o,--out", renew->out, "certificate: file for the new one");
  renew_app.add_option("--public-key", renew->public_key, "certificate: check the old one's signature with this key first");
  renew_app.add_flag("--check", renew->check, "certificate: write nothing; exit code 0 when the same payload bytes come out, else 1");
  renew_app.add_flag("--force", renew->force,
                     "certificate: replace an existing file at the output's place even if it is not a certificate");
  renew_app.add_option("--jobs", renew->jobs, "manifest: certificates that are made at the same time")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  renew_app.add_flag("--dry-run", renew->dry_run, "manifest: say what would be renewed and why, and do nothing");
  renew_app.add_flag("--no-reuse", renew->no_reuse, "manifest: compute unchanged blocks of changed models too");
  renew_app.add_option("--only", renew->only, "manifest: only the entry of this name; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  renew_app.add_option("--part", renew->part, "manifest: only part i of N of the entries (i/N, from 0)");

  const auto init = std::make_shared<InitOptions>();
  CLI::App& init_app = *app.add_subcommand("init", "Writes a manifest for the models in a folder, for `lipcert renew`.");
  init_app.footer(R"(Example:
  lipcert init examples/models -o models.manifest.json

Data are taken where only one set beside a model fits it; look at scale and labels before you rely on it. What cannot be certified is listed with the reason.
A file that exists is never overwritten.)");
  init_app.add_option("FOLDER", init->folder, "folder with .onnx and .nnet files")->required();
  init_app.add_option("-o,--out", init->out, "file for the manifest (default: lipcert.manifest.json in FOLDER)");
  init_app.add_option("--key-name", init->key, "name of the key in the manifest")->capture_default_str();
  init_app.add_flag("--json", init->json, "print one JSON object");

  return [renew, init, renew_app = &renew_app, init_app = &init_app]() -> std::optional<int> {
    if (init_app->parsed()) return init_command(*init);
    if (!renew_app->parsed()) return std::nullopt;
    return is_manifest(renew->file) ? renew_manifest(*renew) : renew_certificate(*renew);
  };
}

}  // namespace lipcert
