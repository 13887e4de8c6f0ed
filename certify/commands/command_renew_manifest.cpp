// All certificates of a manifest: first it is found out which are to be made again and why (cheap: digests and a look at the settings),
// then those are made, several at a time. Before an entry is made, its reasons are looked at once more: another process may have made it in
// the meantime. Every certificate appears whole or not at all, so that whoever is killed leaves a state from which the next run goes on.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "certify/commands/print.hpp"
#include "certify/commands/command_renew.hpp"
#include "certify/commands/progress.hpp"
#include "certify/commands/publish.hpp"

namespace lipcert {
namespace {

using Clock = std::chrono::steady_clock;

/// What became of an entry.
struct Entry {
  const ManifestEntry* what = nullptr;
  enum class State { waiting, unchanged, to_renew, renewed, failed } state = State::waiting;
  std::vector<RenewalReason> reasons;
  std::string error;
  int code = 0;
  double seconds = 0;
  std::string payload_sha256;
  std::string recheck;
  std::size_t blocks_reused = 0;  // of the affine ones
  std::size_t blocks_computed = 0;
};

const char* name_of(Entry::State state) {
  switch (state) {
    case Entry::State::unchanged:
      return "unchanged";
    case Entry::State::to_renew:
      return "to renew";
    case Entry::State::renewed:
      return "renewed";
    case Entry::State::failed:
      return "failed";
    case Entry::State::waiting:
      break;
  }
  return "waiting";
}

/// The keys of the command line by name.
class Keys {
 public:
  Keys(const RenewOptions& options, const std::optional<Secret>& passphrase) {
    for (const std::string& text : options.keys) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        throw Error(ExitCode::usage,
                    "--key '" + in_short(text) + "' is not of the form NAME=FILE, which a manifest needs: its entries name their keys.");
      const std::string name = text.substr(0, equals);
      const std::string source = text.substr(equals + 1);
      if (keys_.contains(name)) throw Error(ExitCode::usage, "The key '" + in_short(name) + "' is given twice; give one --key for each name.");
      keys_.emplace(name,
                    source.starts_with("env:") ? from_environment(source.substr(4), passphrase) : SigningKey::read(source, passphrase));
    }
  }
  [[nodiscard]] const SigningKey* find(const std::string& name) const {
    const auto at = keys_.find(name);
    return at == keys_.end() ? nullptr : &at->second;
  }
  [[nodiscard]] std::map<std::string, const SigningKey*> all() const {
    std::map<std::string, const SigningKey*> out;
    for (const auto& [name, key] : keys_) out.emplace(name, &key);
    return out;
  }

 private:
  static SigningKey from_environment(const std::string& variable, const std::optional<Secret>& passphrase) {
    const char* const pem = std::getenv(variable.c_str());
    if (pem == nullptr)
      throw Error(ExitCode::usage,
                  "The environment variable " + in_short(variable) + " of --key is not set; set it to the text of the PEM file.");
    return SigningKey::of_pem(Secret(pem), "The environment variable " + in_short(variable), passphrase);
  }
  std::map<std::string, SigningKey> keys_;
};

/// Calls `work(i)` for all i below `count`, on `threads` threads. `work` throws nothing.
void side_by_side(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> others;
  for (unsigned t = 1; t < threads && t < count; ++t) others.emplace_back(run);
  run();
  for (std::thread& other : others) other.join();
}

void fail(Entry& entry, const std::string& sentence, ExitCode code) {
  entry.state = Entry::State::failed;
  entry.error = sentence;
  entry.code = static_cast<int>(code);
}

/// Whatever goes wrong with one entry is its own: the others go on.
void guarded(Entry& entry, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    fail(entry, error.what(), error.code());
  } catch (const std::bad_alloc&) {
    fail(entry, "There is not enough memory for this model; use a machine with more, or fewer --jobs.", ExitCode::internal);
  } catch (const std::exception& error) {
    fail(entry, std::string("Internal error: ") + error.what() + "; please report it with the model.", ExitCode::internal);
  }
}

std::string reasons_text(const std::vector<RenewalReason>& reasons) {
  std::string out;
  for (const RenewalReason& reason : reasons) out += (out.empty() ? "" : "; ") + reason.kind + ": " + reason.text;
  return out;
}

void print_entry(std::FILE* out, const Entry& entry) {
  const std::string name = in_short(entry.what->name, 60);
  if (entry.state == Entry::State::failed) {
    fmt::print(out, "{:<10} {}  {}\n", name_of(entry.state), name, in_short(entry.error, 1000));
  } else if (entry.state == Entry::State::renewed) {
    fmt::print(out, "{:<10} {}  {}  ({:.2f} s, recheck: {})\n", name_of(entry.state), name, in_short(reasons_text(entry.reasons), 400),
               entry.seconds, entry.recheck);
  } else {
    fmt::print(out, "{:<10} {}{}{}\n", name_of(entry.state), name, entry.reasons.empty() ? "" : "  ",
               in_short(reasons_text(entry.reasons), 400));
  }
  std::fflush(out);
}

/// Counts what is finished: a line for each entry, or on a terminal a bar with the time that is left, and the lines at the end.
class Display {
 public:
  explicit Display(bool json) : json_(json), terminal_(::isatty(STDERR_FILENO) == 1), bar_(std::in_place, true) {}

  void plan(std::size_t to_make) {
    to_make_ = to_make;
    start_ = Clock::now();
  }
  void looked_at(std::size_t done, std::size_t of) {
    const std::lock_guard lock(mutex_);
    bar_->show(static_cast<double>(done) / static_cast<double>(of), fmt::format("{} of {} looked at", done, of));
  }
  void made(const Entry& entry) {
    const std::lock_guard lock(mutex_);
    ++made_;
    finish(entry);
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double left = seconds / static_cast<double>(made_) * static_cast<double>(to_make_ - made_);
    bar_->show(static_cast<double>(made_) / static_cast<double>(to_make_),
               fmt::format("{} of {}, about {} left", made_, to_make_, duration(left)));
  }
  void finished(const Entry& entry) {
    const std::lock_guard lock(mutex_);
    finish(entry);
  }
  /// Ends the bar.
  void close(const std::vector<Entry>& entries) {
    bar_.reset();
    if (terminal_) {
      for (const Entry& entry : entries) print_entry(json_ ? stderr : stdout, entry);
    }
  }

 private:
  void finish(const Entry& entry) const {
    if (!terminal_) print_entry(json_ ? stderr : stdout, entry);
  }
  static std::string duration(double seconds) {
    return seconds < 90     ? fmt::format("{:.0f} s", seconds)
           : seconds < 5400 ? fmt::format("{:.0f} min", seconds / 60)
                            : fmt::format("{:.1f} h", seconds / 3600);
  }

  bool json_;
  bool terminal_;
  std::optional<ProgressBar> bar_;
  std::mutex mutex_;
  std::size_t to_make_ = 0;
  std::size_t made_ = 0;
  Clock::time_point start_ = Clock::now();
};

/// The entries that were asked for, in the manifest's order.
std::vector<Entry> chosen(const Manifest& manifest, const RenewOptions& options) {
  std::vector<Entry> out;
  ShardNumber part;
  if (!options.part.empty()) {
    try {
      part = parse_shard(options.part);
    } catch (const Error&) {
      throw Error(ExitCode::usage,
                  "--part '" + in_short(options.part) + "' is not of the form i/N with 0 <= i < N; the first of four parts is 0/4.");
    }
  }
  for (const std::string& name : options.only) {
    if (std::none_of(manifest.entries.begin(), manifest.entries.end(), [&](const ManifestEntry& entry) { return entry.name == name; }))
      throw Error(ExitCode::usage, "--only '" + in_short(name) + "' is the name of no entry of " + in_short(manifest.path) +
                                       "; its names stand in the members \"name\".");
  }
  for (std::uint64_t i = part.begin(manifest.entries.size()); i < part.end(manifest.entries.size()); ++i) {
    const ManifestEntry& entry = manifest.entries[i];
    if (!options.only.empty() && std::find(options.only.begin(), options.only.end(), entry.name) == options.only.end()) continue;
    out.emplace_back();
    out.back().what = &entry;
  }
  return out;
}

Json json_of(const Entry& entry) {
  Json reasons = Json::array();
  for (const RenewalReason& reason : entry.reasons) reasons.push_back({{"kind", reason.kind}, {"text", in_short(reason.text, 400)}});
  Json out = {{"name", entry.what->name},
              {"certificate", entry.what->output},
              {"state", name_of(entry.state)},
              {"reasons", reasons},
              {"exitCode", entry.code}};
  out["error"] = entry.error.empty() ? Json(nullptr) : Json(entry.error);
  if (entry.state == Entry::State::renewed) {
    out["payloadSha256"] = entry.payload_sha256;
    out["recheck"] = entry.recheck;
    out["seconds"] = entry.seconds;
    out["blocks"] = {{"reused", entry.blocks_reused}, {"computed", entry.blocks_computed}};
  }
  return out;
}

/// Whether a certificate can be read there, however it is spelled.
bool is_certificate(const std::string& path) {
  try {
    static_cast<void>(read_certificate(path));
    return true;
  } catch (const Error&) {
    return false;
  }
}

void make(Entry& entry, const SigningKey& key, const RenewalToday& today, const RenewOptions& options) {
  CertifyJob job = job_of(*entry.what, today.now);
  job.analysis.threads = options.threads;
  CertifyOptions publishing = options_of(job, entry.what->output, options);
  publishing.force = is_certificate(entry.what->output);
  if (!publishing.force && !is_certificate_or_empty(entry.what->output))
    throw Error(ExitCode::usage,
                in_short(entry.what->output) + " exists and is not a certificate; move it away, or choose another output in the manifest.");
  check_output(publishing);
  // What is reused is only as good as the check that follows: without it, everything is computed. One that is refused is made again from
  // nothing.
  const std::string evidence = evidence_path(entry.what->output);
  auto store = std::make_unique<EvidenceStore>();
  if (!options.no_reuse && !options.no_recheck && checker_there()) {
    const auto verifies = [&key](std::string_view message, std::string_view signature) { return key.verifies(message, signature); };
    read_evidence(evidence, today.generator, verifies, *store);
  }
  const auto made = [&] {
    job.analysis.evidence = store.get();
    return publish(publishing, job, key, nullptr);
  };
  std::optional<Published> first;
  try {
    first = made();
  } catch (const Error&) {
    if (store->reused() == 0) throw;
    store = std::make_unique<EvidenceStore>();
    first = made();
  }
  const Published& published = *first;
  write_evidence(
      evidence, today.generator, [&key](std::string_view message) { return key.sign(message); }, *store);
  entry.blocks_reused = store->reused();
  entry.blocks_computed = store->computed();
  entry.seconds = published.seconds;
  entry.payload_sha256 = published.payload_sha256;
  entry.recheck = published.recheck.word;
  entry.state = Entry::State::renewed;
}

int summary(const Manifest& manifest, const RenewOptions& options, const std::vector<Entry>& entries, double seconds) {
  std::map<Entry::State, std::size_t> count;
  std::size_t reused = 0;
  std::size_t computed = 0;
  int code = 0;
  Json list = Json::array();
  for (const Entry& entry : entries) {
    ++count[entry.state];
    reused += entry.blocks_reused;
    computed += entry.blocks_computed;
    code = std::max(code, entry.code);
    list.push_back(json_of(entry));
  }
  if (options.json) {
    print_json_line(Json{{"manifest", manifest.path},
                            {"dryRun", options.dry_run},
                            {"entries", list},
                            {"renewed", count[Entry::State::renewed]},
                            {"toRenew", count[Entry::State::to_renew]},
                            {"unchanged", count[Entry::State::unchanged]},
                            {"failed", count[Entry::State::failed]},
                            {"blocks", {{"reused", reused}, {"computed", computed}}},
                            {"seconds", seconds},
                            {"exitCode", code}});
  } else {
    fmt::print("{} of {} entries: {} {}, {} unchanged, {} failed; {} affine blocks computed, {} reused; {:.2f} s\n", entries.size(),
               manifest.entries.size(), count[options.dry_run ? Entry::State::to_renew : Entry::State::renewed],
               options.dry_run ? "to renew" : "renewed", count[Entry::State::unchanged], count[Entry::State::failed], computed, reused,
               seconds);
  }
  return code;
}

}  // namespace

int renew_manifest(const RenewOptions& given) {
  if (!given.model.empty() || !given.data.empty() || !given.labels.empty() || !given.out.empty() || !given.public_key.empty() ||
      given.check || given.force)
    throw Error(ExitCode::usage, "--model, --data, --labels, --out, --public-key, --check and --force belong to a certificate, and " +
                                     in_short(given.file) + " is a manifest, whose entries say all that; leave them out.");
  const auto start = Clock::now();
  RenewOptions options = given;
  if (options.threads == 0 && options.jobs > 1) options.threads = std::max(1U, std::thread::hardware_concurrency() / options.jobs);
  const Manifest manifest = read_manifest(options.file);
  const Keys keys(options, read_passphrase(options.passphrase_fd));
  std::vector<Entry> entries = chosen(manifest, options);
  const RenewalToday today = {build_info(), issue_time(), keys.all()};
  DataCatalogue data;
  Display display(options.json);

  std::atomic<std::size_t> looked{0};
  side_by_side(entries.size(), options.jobs, [&](std::size_t i) {
    Entry& entry = entries[i];
    guarded(entry, [&] {
      entry.reasons = reasons_to_renew(*entry.what, today, data);
      entry.state = entry.reasons.empty() ? Entry::State::unchanged : Entry::State::to_renew;
      if (entry.state == Entry::State::to_renew && !options.dry_run && keys.find(entry.what->key) == nullptr)
        throw Error(ExitCode::usage,
                    "The key '" + in_short(entry.what->key, 60) + "' was not given; add --key " + in_short(entry.what->key, 60) + "=FILE.");
    });
    if (entry.state != Entry::State::to_renew || options.dry_run) display.finished(entry);
    display.looked_at(++looked, entries.size());
  });

  if (!options.dry_run) {
    std::vector<Entry*> to_make;
    for (Entry& entry : entries) {
      if (entry.state == Entry::State::to_renew) to_make.push_back(&entry);
    }
    display.plan(to_make.size());
    side_by_side(to_make.size(), options.jobs, [&](std::size_t i) {
      Entry& entry = *to_make[i];
      guarded(entry, [&] {
        entry.reasons = reasons_to_renew(*entry.what, today, data);
        if (entry.reasons.empty()) {
          entry.state = Entry::State::unchanged;
        } else {
          make(entry, *keys.find(entry.what->key), today, options);
        }
      });
      display.made(entry);
    });
  }
  display.close(entries);
  return summary(manifest, options, entries, std::chrono::duration<double>(Clock::now() - start).count());
}

}  // namespace lipcert
