// See checking.hpp.
#include "verifier/program/checking.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <system_error>
#include <thread>

#include "verifier/outputs/report.hpp"
#include "verifier/policy/judge.hpp"
#include "verifier/program/inputs.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kCertificateCap = std::uint64_t{256} << 20;

Judgement without_verdict(const std::string& certificate, Outcome outcome, const std::string& sentence) {
  Judgement out;
  out.certificate = certificate;
  out.outcome = out.report.outcome = outcome;
  out.error = out.report.error = sentence;
  return out;
}

/// What is judged at once: bundles over one payload, or why there is nothing to judge.
struct Unit {
  std::vector<Document> bundles;
  std::string error;  // of the first bundle's name
};

/// The files from which each certificate takes what it names.
struct Pool {
  Candidates models, data, labels;
  std::mutex guard;
  std::uint64_t memory = 0;  // of each check
};

/// The one file there is, or the one with the digest that the certificate names; nothing where it names none, so that the check says what
/// is missing.
std::optional<std::string> chosen(Candidates& candidates, const std::string& sha256) {
  if (candidates.paths().size() == 1) return candidates.paths()[0];
  const std::string* found = candidates.find(sha256);
  return found == nullptr ? std::nullopt : std::optional<std::string>(*found);
}

/// The request for one certificate: of many models, data and labels those that it names.
Request request_for(const CommandLine& line, const Document& bundle, const Named& named, Pool& pool, unsigned threads) {
  Request request = line.request;
  request.certificate = bundle;
  request.threads = threads;
  request.budget.memory = pool.memory;
  const std::lock_guard<std::mutex> lock(pool.guard);
  request.models.assign(pool.models.paths().begin(), pool.models.paths().end());
  if (const std::string* model = pool.models.find(named.model_sha256)) request.models = {Document(*model)};
  SampleFiles& samples = request.samples;
  samples.data.reset();
  samples.labels.reset();
  if (!named.samples) {  // data of the others
    samples.audit.reset();
    samples.leave_out = false;
    return request;
  }
  samples.data = chosen(pool.data, named.data_sha256);
  if (!named.labels_sha256.empty()) samples.labels = chosen(pool.labels, named.labels_sha256);
  if (!samples.data) samples.audit.reset();
  return request;
}

/// Whether data are wanted that were given, but not with this digest: what a check without data says would lead astray.
std::string no_data(const CommandLine& line, const Named& named, const Request& request) {
  if (!named.samples || line.data.size() < 2 || request.samples.data) return "";
  return named.data_sha256.empty()
             ? "the certificate claims samples of a folder of images, and several --data were given; check it alone with its folder"
             : "none of the files given with --data has the SHA-256 " + printable_line(named.data_sha256) +
                   " of the data that the certificate names; add that file";
}

Judgement judge_unit(const Policy* policy, const CommandLine& line, const Unit& unit, Pool& pool, unsigned threads, bool pooled) {
  const std::string name = unit.bundles[0].name;
  if (!unit.error.empty()) return without_verdict(name, Outcome::input, unit.error);
  if (!pooled) {  // one certificate under one key: the check reads every file itself, in its own order
    Request request = line.request;
    request.certificate = unit.bundles[0];
    request.models.assign(pool.models.paths().begin(), pool.models.paths().end());
    return judge_with_key(request);
  }
  std::vector<Document> bundles = unit.bundles;
  for (Document& bundle : bundles) {
    try {
      bundle.bytes = read_file(bundle.name, kCertificateCap, "the certificate");
    } catch (const Failure& failure) {
      return without_verdict(bundle.name, failure.outcome(), failure.what());
    }
  }
  const Named named = named_in(*bundles[0].bytes);
  const Request request = request_for(line, bundles[0], named, pool, threads);
  if (const std::string sentence = no_data(line, named, request); !sentence.empty()) return without_verdict(name, Outcome::usage, sentence);
  Judgement judgement = policy != nullptr ? judge(*policy, bundles, request) : judge_with_key(request);
  // Of several bundles over one payload the one whose signature counts: a file that nobody trusts is never called accepted.
  judgement.certificate = policy != nullptr && !judgement.signers.empty() ? judgement.signers[0].bundle : name;
  return judgement;
}

/// Calls `work(i)` for every i below `count` on up to `jobs` threads. `work` does not throw.
template <typename Work>
void in_parallel(std::size_t count, unsigned jobs, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> pool;
  for (std::size_t t = 1; t < std::min<std::size_t>(jobs, count); ++t) {
    try {
      pool.emplace_back(run);
    } catch (const std::system_error&) {
      break;  // the system gives no more threads: those that run do the work
    }
  }
  run();
  for (std::thread& thread : pool) thread.join();
}

std::vector<Unit> units_of(const std::vector<Input>& certificates, bool grouped) {
  std::vector<Unit> out;
  std::vector<Document> good;
  for (const Input& input : certificates) {
    if (!input.error.empty())
      out.push_back({{Document(input.path)}, input.error});
    else if (grouped)
      good.emplace_back(input.path);
    else
      out.push_back({{Document(input.path)}, ""});
  }
  if (grouped)
    for (const BundleGroup& group : group_by_payload(good)) out.push_back({group.bundles, ""});
  return out;
}

}  // namespace

Checked check_all(const CommandLine& line, bool progress) {
  Checked out;
  out.many = line.certificates.size() > 1 || !line.policy.empty();
  const std::vector<Input> certificates = expand(line.certificates, {".sigstore.json"}, "certificates", out.many);
  bool folders = false;
  std::string bad_models;
  for (const Input& input : expand(line.models, {".onnx", ".nnet"}, "models", folders)) {
    if (input.error.empty())
      out.models.push_back(input.path);
    else
      bad_models = input.error;
  }
  Gate& gate = out.gate;
  gate.checked_at = line.request.time ? *line.request.time : clock_time();
  gate.policy_name = line.policy;

  std::optional<Policy> policy;
  std::string no_policy;
  Outcome why = Outcome::input;
  if (!line.policy.empty()) {
    try {
      policy.emplace(read_policy(Document(line.policy)));
      gate.policy_sha256 = policy->sha256;
    } catch (const Failure& failure) {
      no_policy = failure.what();
      why = failure.outcome();
      gate.policy_sha256 = file_sha256(line.policy);
    }
  }
  const bool nothing = !no_policy.empty() || !bad_models.empty();
  const std::vector<Unit> units = units_of(certificates, policy.has_value() && !nothing);
  gate.judgements.resize(units.size());
  gate.milliseconds.assign(units.size(), 0);
  if (nothing) {  // every certificate remains without a verdict, and says why
    for (std::size_t i = 0; i < units.size(); ++i)
      gate.judgements[i] =
          without_verdict(units[i].bundles[0].name, no_policy.empty() ? Outcome::input : why, no_policy.empty() ? bad_models : no_policy);
    return out;
  }

  // One certificate and its model need no digest to find each other; a check reads the model itself.
  const bool pooled = out.many || line.data.size() > 1 || line.labels.size() > 1;
  const auto candidates = [](const std::vector<std::string>& paths, bool looked_for) {
    return looked_for ? Candidates(paths) : Candidates::unread(paths);
  };
  Pool pool{candidates(out.models, pooled && (out.models.size() > 1 || folders)),
            candidates(line.data, line.data.size() > 1),
            candidates(line.labels, line.labels.size() > 1),
            {}};
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned threads = line.request.threads != 0 ? line.request.threads : cores;
  const auto jobs = static_cast<unsigned>(
      std::max<std::size_t>(1, std::min<std::size_t>(line.jobs != 0 ? line.jobs : std::min(cores, threads), units.size())));
  pool.memory = settled(line.request.budget).memory / jobs;  // of each of the checks that run at a time
  std::atomic<std::size_t> done{0};
  std::mutex terminal;
  in_parallel(units.size(), jobs, [&](std::size_t i) {
    const auto begin = std::chrono::steady_clock::now();
    try {
      gate.judgements[i] = judge_unit(policy ? &*policy : nullptr, line, units[i], pool, std::max(1U, threads / jobs), pooled);
    } catch (const std::exception& error) {
      gate.judgements[i] = without_verdict(units[i].bundles[0].name, Outcome::internal, std::string("internal error: ") + error.what());
    }
    gate.milliseconds[i] =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count());
    const std::size_t count = ++done;
    if (!progress || !out.many) return;
    const std::lock_guard<std::mutex> lock(terminal);
    std::cerr << "\rchecked " << count << " of " << units.size() << std::flush;
  });
  if (folders || (policy && out.models.size() > 1)) {
    for (const std::string& model : pool.models.unused()) {
      // A gate that let a model pass because nobody certified it would be open for whoever forgets to; without a policy a folder is a place to look in.
      if (policy) {
        gate.judgements.push_back(without_verdict(model, Outcome::rejected, "the model has no certificate among those given: certify it, or take it out of the folder"));
        gate.milliseconds.push_back(0);
      } else {
        out.warnings.push_back("the model '" + model + "' has no certificate among those given: nothing was checked about it");
      }
    }
  }
  return out;
}

}  // namespace lipverify
