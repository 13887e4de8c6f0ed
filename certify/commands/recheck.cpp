// Certificate and public key are handed over as files that exist in memory only, so that nothing half-checked can stay behind.

#include "certify/commands/recheck.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "certify/commands/checker_process.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t most_samples = 100;
constexpr std::size_t longest_answer = std::size_t{1} << 20;

Error not_rechecked(const std::string& why) {
  return {ExitCode::internal, "The certificate was not written, because the lipverify beside this program " + why +
                                  "; please report it with the model, or write the certificate unchecked with --no-recheck."};
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// lipverify's own sentence, or what is left of it.
std::string reason(const std::string& err, int code) {
  std::string last;
  for (std::size_t at = 0; at < err.size();) {
    const std::size_t end = std::min(err.find('\n', at), err.size());
    const std::string_view line(err.data() + at, end - at);
    constexpr std::string_view name = "lipverify: ";
    if (line.starts_with(name) && !line.starts_with("lipverify: warning: ")) last = line.substr(name.size());
    at = end + 1;
  }
  if (!last.empty()) return fmt::format("does not accept it: {}", last);
  return fmt::format("ended with {}{}", code, err.empty() ? "" : ": " + first_line(err));
}

}  // namespace

Recheck recheck(const CertifyOptions& options, const CertifyJob& job, const Certified& made, const std::string& bundle,
                const SigningKey& key) try {
  Recheck result;
  if (options.no_recheck) {
    result.word = "skipped";
    return result;
  }
  const std::string program = checker_beside();
  if (program.empty()) {
    result.word = "no lipverify beside lipcert";
    return result;
  }
  const auto start = std::chrono::steady_clock::now();
  const MemoryFile certificate("certificate");
  const MemoryFile public_key("key");
  certificate.write(bundle);
  public_key.write(key.public_pem());
  std::vector<std::string> arguments = {program, certificate.path(), "--model=" + options.model, "--public-key=" + public_key.path(),
                                        "--time=" + format_time(job.issuance.issued_at)};
  // The model is the issuer's own: a small file may cost as much as its certificate did, and not what lipverify allows for a stranger's.
  arguments.push_back(fmt::format("--max-memory={}", std::max<std::uint64_t>(1, budget().memory >> 20)));
  arguments.push_back(fmt::format("--max-work={}", std::max<std::uint64_t>(1, budget().work >> 30)));
  arguments.push_back(fmt::format("--max-seconds={}", std::uint64_t{1} << 30));
  if (options.allow_external_data) arguments.emplace_back("--allow-external-data");
  if (options.threads != 0) arguments.push_back(fmt::format("--threads={}", options.threads));
  bool in_part = false;
  if (made.samples) {
    arguments.push_back("--records=" + made.samples->records.path);
    if (made.samples->local) arguments.push_back("--local-evidence=" + made.samples->local->path);
    if (job.samples) {
      arguments.push_back("--data=" + options.samples.data.data);
      if (!options.samples.data.labels.empty()) arguments.push_back("--labels=" + options.samples.data.labels);
      in_part = made.samples->selection.count > most_samples;
      if (in_part) {
        arguments.push_back(fmt::format("--audit={}", most_samples));
        arguments.push_back(fmt::format("--seed={}", std::stoull(sha256_hex(made.payload).substr(0, 15), nullptr, 16)));
      }
    } else {
      in_part = true;
      arguments.emplace_back("--no-samples");
    }
  }
  const CheckerAnswer answer = run_checker(std::move(arguments), longest_answer);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (answer.code != 0 && !(answer.code == 5 && in_part)) throw not_rechecked(reason(answer.err, answer.code));
  result.word = answer.code == 0 ? "accepted" : "accepted in part";
  result.verdict = first_line(answer.out);
  return result;
} catch (const CheckerFailure& failure) {
  throw not_rechecked(failure.what());
}

bool checker_there() {
  return !checker_beside().empty();
}

std::string text_of(const Recheck& recheck) {
  if (!recheck.verdict.empty()) return recheck.verdict;
  return recheck.word + "; check the certificate with lipverify before you rely on it";
}

}  // namespace lipcert
