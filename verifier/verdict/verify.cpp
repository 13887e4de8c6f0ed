// See verify.hpp.
//
// Order: the key; the certificate's bytes, capped; the signature over them; only then the payload is parsed; the model's bytes are hashed and the
// same bytes are parsed; then the graph, the blocks, the claims. A structural fault ends the check; every comparison of numbers is made and
// recorded, and one that fails makes the verdict `rejected`. The outcome is `accepted`, wholly or in part, on exactly one line of this file.
#include "verifier/verdict/verify.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <new>
#include <optional>

#include "verifier/base/bytes.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/graph/nnet.hpp"
#include "verifier/graph/onnx.hpp"
#include "verifier/graph/work.hpp"
#include "verifier/verdict/blocks.hpp"
#include "verifier/verdict/certificate_samples.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kCertificateCap = std::uint64_t{256} << 20;
constexpr std::uint64_t kModelCap = 2147483647;
constexpr std::uint64_t kKeyCap = 65536;
constexpr std::uint64_t kManyEntries = std::uint64_t{1} << 19;  // of all tensors: enclosed one by one they take about 200 bytes each

std::string exact_text(const Rational& value) {
  return boost::multiprecision::numerator(value).str() + "/" + boost::multiprecision::denominator(value).str();
}

}  // namespace

std::string clock_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::string text(21, '\0');
  if (gmtime_r(&now, &parts) == nullptr) exhausted("the clock cannot be read; give the time with --time");
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
  if (!is_time(text)) exhausted("the clock shows no valid time; give the time with --time");
  return text;
}

namespace {

std::string bytes_of(const Document& document, std::uint64_t cap, const std::string& what) {
  if (!document.bytes) return read_file(document.name, cap, what);
  if (document.bytes->size() > cap) unreadable(what + " has more than " + std::to_string(cap) + " bytes");
  return *document.bytes;
}

class Verification {
 public:
  Verification(const Request& request, const Engine& engine, const Hints& hints, Report& report)
      : request_(request), engine_(engine), hints_(hints), report_(report) {}

  void run() {
    if (request_.samples.leave_out && (request_.samples.data || request_.samples.labels || request_.samples.audit))
      throw Failure(Outcome::usage, "--no-samples leaves the samples out, and --data, --labels and --audit recheck them; give one of the two");
    const PublicKey key(bytes_of(request_.public_key, kKeyCap, "the public key"));
    report_.key_fingerprint = key.fingerprint();
    report_.key_algorithm = key.algorithm();
    const std::string payload = signed_payload(key);
    const Statement statement = parse_statement(payload);
    describe(statement);
    check_times(statement);
    check_sentences(statement);
    if (statement.samples && !request_.samples.data && !request_.samples.leave_out)
      throw Failure(Outcome::usage, "the certificate claims radii of samples, which are recomputed on their data: give the file with --data FILE (and --labels FILE), or leave "
                                    "the samples out with --no-samples, for the verdict 'accepted in part'");
    std::vector<ExternalFile> external;
    const Graph graph = model(statement, external);
    check_work(graph, request_.budget);
    Evaluator evaluator(graph, engine_);
    check_identity(graph, statement, external);
    const std::vector<Block> blocks = check_partition(graph, evaluator, statement);
    equal("partition", "blocks", std::to_string(statement.blocks.size()) + " blocks", std::to_string(blocks.size()) + " blocks");

    std::map<ValueId, Rational> bounds = {{0, Rational(1)}};  // P of SPEC.md section 4, from the claimed bounds of the blocks
    std::vector<Block> before;
    LinearPart last;
    for (const Block& block : blocks) {
      if (request_.progress) request_.progress(before.size(), blocks.size());
      last = check_block({graph, evaluator, hints_, engine_, before, bounds}, block, report_.checks);
      const Rational& upper = block.claim->upper.exact;
      const Rational up_to = is_join(block.claim->op) ? upper : Rational(upper * bounds.at(block.input()));
      for (const ValueId id : block.outputs) bounds[id] = up_to;
      before.push_back(block);
    }
    const Rational& total = bounds.at(graph.output);
    std::vector<Pooling> poolings;
    for (const Block& block : blocks)
      if (block.claim->op == "pool-l2" && block.nodes().size() > 1) poolings.push_back({block.nodes(), block.input()});
    if (statement.global) check_global(graph, evaluator, statement, total, poolings);
    if (statement.pairs) check_pairs(graph, *statement.pairs, statement, last, bounds.at(blocks.back().input()), total);
    check_samples(graph, statement);
    conclude();
  }

 private:
  void add(const std::string& id, const std::string& subject, const std::string& claimed, const std::string& recomputed, bool passed) {
    report_.checks.push_back({id, subject, claimed, recomputed, passed});
  }

  /// A comparison of identities: a difference ends the check.
  void equal(const std::string& id, const std::string& subject, const std::string& claimed, const std::string& recomputed) {
    add(id, subject, claimed, recomputed, claimed == recomputed);
    if (claimed != recomputed)
      reject(id + " of " + printable(subject) + ": the certificate says " + printable(claimed) + ", the check finds " + printable(recomputed));
  }

  using Names = std::vector<std::string>;
  void equal_names(const std::string& id, const std::string& subject, const Names& claimed, const Names& recomputed) {
    equal(id, subject, std::to_string(claimed.size()) + " names", std::to_string(recomputed.size()) + " names");
    for (std::size_t k = 0; k < claimed.size(); ++k) equal(id, subject, claimed[k], recomputed[k]);
  }

  std::string signed_payload(const PublicKey& key) {
    Envelope envelope = open_envelope(bytes_of(request_.certificate, kCertificateCap, "the certificate"));
    report_.payload_sha256 = sha256_hex(envelope.payload);
    add("signature", "payload " + report_.payload_sha256, "signed by " + (envelope.key_id.empty() ? "a key that is not named" : envelope.key_id),
        "not signed by " + key.fingerprint(), false);
    check_signature(envelope, key);
    report_.checks.back().recomputed = "signed by " + key.fingerprint();
    report_.checks.back().passed = true;
    for (const std::string& warning : envelope.warnings) report_.warnings.push_back(warning);
    return envelope.payload;
  }

  void describe(const Statement& s) {
    report_.has_statement = true;
    for (const std::string& warning : s.warnings) report_.warnings.push_back(warning);
    report_.not_covered = s.not_covered;
    for (const Assumption& a : s.assumptions) report_.assumptions.push_back(a.id + ": " + a.text);
    report_.issuer = s.issuer;
    report_.issued_at = s.issued_at;
    report_.not_after = s.not_after.value_or("");
    report_.tool = s.tool;
    report_.tool_version = s.tool_version;
    report_.predicate_type = s.predicate_type;
    report_.arithmetic = s.arithmetic;
    report_.requirement_ids = s.requirements;
    for (const BlockClaim& b : s.blocks) report_.blocks.push_back({b.id, b.op, b.theorem, b.upper.decimal, b.lower.decimal, b.nodes.size()});
    if (s.global) {
      report_.global_upper = s.global->upper.decimal;
      report_.global_upper_exact = exact_text(s.global->upper.exact);
      report_.global_lower = s.global->lower.decimal;
      report_.global_formula = s.global->formula;
    }
    if (s.pairs) {
      report_.pair_classes = s.pairs->classes;
      report_.pair_formula = s.pairs->formula;
      const Number* largest = &s.pairs->upper[0];
      for (const Number& n : s.pairs->upper) {
        if (n.exact > largest->exact) largest = &n;
        report_.pair_upper_exact.push_back(exact_text(n.exact));
      }
      report_.pair_largest = largest->decimal;
      report_.pair_largest_exact = exact_text(largest->exact);
    }
  }

  void check_times(const Statement& s) {
    if (request_.time && !is_time(*request_.time))
      throw Failure(Outcome::usage, "'" + printable(*request_.time) + "' is not a time YYYY-MM-DDThh:mm:ssZ; give one, or none for the clock's");
    report_.checked_at = request_.time ? *request_.time : clock_time();
    report_.by_clock = !request_.time;
    const std::string now = report_.checked_at + (request_.time ? " (as given)" : " (the clock's)");
    const bool issued = s.issued_at <= one_day_later(report_.checked_at);
    add("issued", "issuance.issuedAt", s.issued_at, report_.checked_at, issued);
    if (!issued) reject("the certificate was issued in the future: it names " + s.issued_at + ", more than a day after the time of this check, " + now);
    if (s.issued_at > report_.checked_at)
      report_.warnings.push_back("the certificate was issued at " + s.issued_at + ", after the time of this check, " + now);
    const bool valid = !s.not_after || report_.checked_at <= *s.not_after;
    add("validity", "issuance.notAfter", s.not_after.value_or("null"), report_.checked_at, valid);
    if (!valid) reject("the certificate has expired: it is valid until " + *s.not_after + ", and the time is " + now);
  }

  /// What the claims do not say, and what they take for granted, follows from the claims and is no free text.
  void check_sentences(const Statement& s) {
    const auto same = [&](const std::string& id, const std::string& place, const auto& claimed, const auto& wanted, const auto& text) {
      for (std::size_t k = 0; k < std::max(claimed.size(), wanted.size()); ++k) {
        if (k < claimed.size() && k < wanted.size() && claimed[k] == wanted[k]) continue;
        const std::string at = place + "[" + std::to_string(k) + "]";
        const std::string has = k < claimed.size() ? "'" + text(claimed[k]) + "'" : "nothing";
        const std::string right = k < wanted.size() ? "'" + text(wanted[k]) + "'" : "nothing";
        add(id, at, has, right, false);
        reject(at + " is not the sentence of the format: the certificate says " + printable(has) + ", wanted is " + right);
      }
      add(id, place, std::to_string(claimed.size()) + " sentences", std::to_string(wanted.size()) + " sentences", true);
    };
    same("not-covered", "notCovered", s.not_covered, sentences_not_covered(s.samples.has_value(), !s.given.empty()), [](const std::string& sentence) { return sentence; });
    same("assumptions", "assumptions", s.assumptions, sentences_assumed(), [](const Assumption& a) { return a.id + " | " + a.text + " | " + a.discharged_by; });
  }

  Graph model(const Statement& s, std::vector<ExternalFile>& external) {
    std::string others;
    for (const Document& document : request_.models) {
      const std::string& path = document.name;
      const std::string bytes = bytes_of(document, kModelCap, "the model");
      const std::string digest = sha256_hex(bytes);
      if (digest != s.subject_sha256) {
        others += (others.empty() ? "" : ", ") + digest;
        continue;
      }
      report_.model_sha256 = digest;
      report_.model_path = path;
      add("model-digest", s.subject_name, s.subject_sha256, digest, true);
      equal("model-bytes", s.subject_name, std::to_string(s.model_bytes), std::to_string(bytes.size()));
      OnnxOptions options;
      options.allow_external_data = request_.allow_external_data;
      options.input_shape = s.input_shape;
      options.fixed_inputs = !s.fixed_inputs.empty();
      if (s.other_outputs) options.output = s.output_name;
      if (s.nnet) return read_nnet(bytes, options);
      const std::size_t slash = path.find_last_of('/');
      options.folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
      return read_onnx(bytes, options, external);
    }
    add("model-digest", s.subject_name, s.subject_sha256, others, false);
    reject("the certificate is for another model: it names the SHA-256 " + s.subject_sha256 + ", " +
           (request_.models.size() > 4 ? "which none of the " + std::to_string(request_.models.size()) + " models given has" : "the model given has " + others) +
           "; certify the model that is used, or give the one that was certified");
  }

  void check_identity(const Graph& graph, const Statement& s, const std::vector<ExternalFile>& external) {
    report_.graph_digest = graph_digest(graph);
    equal("graph-digest", s.subject_name, s.graph_digest, report_.graph_digest);
    equal("external-files", s.subject_name, std::to_string(s.external_files.size()) + " files", std::to_string(external.size()) + " files");
    for (std::size_t k = 0; k < external.size(); ++k) {
      equal("external-name", s.subject_name, s.external_files[k].name, external[k].name);
      equal("external-bytes", external[k].name, std::to_string(s.external_files[k].bytes), std::to_string(external[k].bytes));
      equal("external-digest", external[k].name, s.external_files[k].sha256, external[k].sha256);
    }
    equal("input-name", "model.input", s.input_name, graph.input().name);
    equal("input-shape", "model.input", "(" + text_of(s.input_shape) + ")", "(" + text_of(graph.input().shape) + ")");
    equal("input-symbolic", "model.input", "(" + text_of(s.symbolic) + ")", "(" + text_of(graph.symbolic) + ")");
    // A size that the file leaves open belongs to the claim only where the certificate says that somebody chose it.
    if (s.given.empty() && !graph.given.empty())
      reject("the certificate takes dimension " + std::to_string(graph.given[0]) + " '" + printable(graph.symbol_of(graph.given[0])) +
             "' of the input, which the model leaves open, as " + std::to_string(graph.input().shape[graph.given[0]]) +
             " and does not say that this is a choice; it has to be made again with --input-shape");
    equal("input-given", "model.input", "(" + text_of(s.given) + ")", "(" + text_of(graph.given) + ")");
    equal_names("fixed-inputs", "model.fixedInputs", s.fixed_inputs, graph.fixed_inputs);
    equal("output-chosen", "model.output", s.other_outputs ? "chosen" : "the only one", graph.other_outputs ? "chosen" : "the only one");
    equal_names("other-outputs", "model.output", s.other_outputs.value_or(Names()), graph.other_outputs.value_or(Names()));
    equal("output-name", "model.output", s.output_name, graph.values[graph.output].name);
    equal("output-shape", "model.output", "(" + text_of(s.output_shape) + ")", "(" + text_of(graph.values[graph.output].shape) + ")");
    report_.function = {true, s.input_name, s.input_shape, graph.symbolic, graph.symbols, graph.given, graph.fixed_inputs, s.output_name, s.output_shape,
                        s.other_outputs.value_or(Names()), s.other_outputs.has_value()};
  }

  void check_global(const Graph& graph, Evaluator& evaluator, const Statement& statement, const Rational& total, const std::vector<Pooling>& poolings) {
    const GlobalClaim& claim = *statement.global;
    const std::string id = "lipschitz-global";
    equal("claim-formula", id, claim.formula,
          "for all x, y in R^(" + text_of(graph.input().shape) + "): ||f(x) - f(y)||_2 <= L ||x - y||_2");
    add("global-upper", id, "L <= " + decimal_text(claim.upper.exact, Toward::above), "L <= " + decimal_text(total, Toward::above),
        claim.upper.exact >= total);
    const std::string lower = "L >= " + decimal_text(claim.lower.exact, Toward::below);
    if (claim.lower_is_zero) {
      add("global-lower", id, lower, "L >= 0", claim.lower.exact == 0);
      return;
    }
    const std::uint64_t n = element_count(graph.input().shape);
    if (claim.point.mantissas.size() != n || claim.direction.mantissas.size() != n)
      reject("claim '" + id + "': point and direction have " + std::to_string(claim.point.mantissas.size()) + " and " +
             std::to_string(claim.direction.mantissas.size()) + " entries, the input has " + std::to_string(n));
    const Rational norm = squared_norm(claim.direction);
    if (norm == 0) reject("claim '" + id + "': the direction is zero");
    // Two enclosures of the derivative, each of which proves: by distances, which rest on the bounds of the blocks and are fast, and entry by entry. The
    // first is used only when the bounds hold.
    const auto proves = [&](const Rational& squared) { return square(claim.lower.exact) * norm <= squared; };
    const bool bounds_hold = std::all_of(report_.checks.begin(), report_.checks.end(), [](const Check& check) { return check.passed; });
    const auto by_distance = [&]() -> std::optional<Rational> {
      if (!bounds_hold) return std::nullopt;
      const std::optional<Rational> below = derivative_norm_below(graph, evaluator, claimed_blocks(statement), claim.point, claim.direction, engine_.threads);
      return below ? std::optional<Rational>(square(*below)) : std::nullopt;
    };
    std::uint64_t entries = 0;
    for (const Node& node : graph.nodes) entries += node.outputs[0] == kAbsent ? 0 : element_count(graph.values[node.outputs[0]].shape);
    const bool many = entries > kManyEntries;
    Rational derivative = many ? by_distance().value_or(Rational(0)) : Rational(0);
    if (!proves(derivative)) {
      derivative = std::max(derivative, squared_norm_below(evaluator.directional_derivative(claim.point, claim.direction, poolings)));
      if (!many && !proves(derivative)) derivative = std::max(derivative, by_distance().value_or(Rational(0)));
    }
    add("global-lower", id, lower, "L >= " + decimal_text(sqrt_below(derivative / norm), Toward::below), proves(derivative));
  }

  /// `before`: P of the last block's input. `total`: P of the last block.
  void check_pairs(const Graph& graph, const PairClaim& claim, const Statement& s, const LinearPart& last, const Rational& before,
                   const Rational& total) {
    const std::string id = "lipschitz-pairs";
    equal("claim-formula", id, claim.formula,
          "for all i < j and all x, y in R^(" + text_of(graph.input().shape) + "): |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||_2");
    const Shape& shape = graph.values[graph.output].shape;
    const std::uint64_t classes = claim.classes;
    bool flat = element_count(shape) == classes;
    for (const std::uint64_t d : shape) flat = flat && (d == 1 || d == classes);
    if (!flat) reject("claim '" + id + "': it is about " + std::to_string(classes) + " classes, but the output has the shape (" + text_of(shape) + ")");
    if (claim.by_rows && !last.matrix)
      reject("claim '" + id + "': pair-row-difference needs a dense block at the end, or a linear one with at most 2^24 entries; the last block is " + s.blocks.back().op);

    // ||f_i - f_j|| <= ||e_i - e_j|| L = sqrt(2) L, for every L that bounds the network.
    const Rational& network = s.global ? s.global->upper.exact : total;
    const Rational by_network = 2 * network * network;  // squared
    const Rational before_squared = before * before;
    RowDistances rows;
    if (claim.by_rows) rows = RowDistances(*last.matrix, engine_);
    // Output entry i is row (i / right) mod rows of copy (i / right / rows, i mod right) of A; different copies have disjoint rows.
    const std::uint64_t right = last.right;
    std::size_t failures = 0;
    std::size_t k = 0;
    for (std::uint64_t i = 0; i < classes; ++i)
      for (std::uint64_t j = i + 1; j < classes; ++j, ++k) {
        const Rational& upper = claim.upper[k].exact;
        const Rational upper_squared = upper * upper;
        bool passed = upper_squared >= by_network;
        Rational rows_bound = 0;
        if (claim.by_rows && !passed) {
          const bool disjoint = i % right != j % right || i / right / rows.rows() != j / right / rows.rows();
          const std::size_t row = i / right % rows.rows(), other = j / right % rows.rows();
          const Rational distance = rows.squared(row, other, disjoint);
          const Rational error = rows.error(row, other);
          if (error == 0) passed = upper_squared >= distance * before_squared;  // exactly
          if (!passed) {
            rows_bound = (sqrt_above(distance) + error) * before;
            passed = upper >= rows_bound;
          }
        }
        if (!passed && ++failures <= 10) {
          const Rational network_bound = sqrt_above(by_network);
          const Rational bound = claim.by_rows ? std::min(rows_bound, network_bound) : network_bound;
          add("pair-upper", id + " (" + std::to_string(i) + "," + std::to_string(j) + ")", "L_ij <= " + decimal_text(upper, Toward::above),
              "L_ij <= " + decimal_text(bound, Toward::above), false);
        }
      }
    const std::string all = std::to_string(claim.upper.size()) + " pairs bounded";
    add("pair-upper", id, all, failures == 0 ? all : std::to_string(claim.upper.size() - failures) + " pairs bounded", failures == 0);
  }

  void check_samples(const Graph& graph, const Statement& statement) {
    if (!statement.samples) {
      if (request_.samples.data || request_.samples.records || request_.samples.evidence)
        throw Failure(Outcome::usage, "data or records were given, but the certificate makes no claim about samples; leave them out");
      return;
    }
    for (const Check& check : report_.checks)
      if (!check.passed) return;  // rejected in any case, and samples rest on these bounds
    report_.samples = check_sample_claim(graph, statement, request_.samples, request_.certificate.name, engine_.threads, report_.checks);
    const SampleSummary& s = report_.samples;
    if (s.depth != SampleSummary::Depth::all) report_.claims_not_rechecked.emplace_back("sample-radii");
    if (s.depth == SampleSummary::Depth::records)
      report_.not_checked.push_back("the claim sample-radii: no sample was rechecked, as asked (only digest, Merkle root and counts of its records were)");
    if (s.depth == SampleSummary::Depth::audit)
      report_.not_checked.push_back("the claim sample-radii: " + std::to_string(s.total - s.rechecked) + " of " + std::to_string(s.total) +
                                    " samples, which the audit did not draw");
  }

  void conclude() {
    for (const Check& check : report_.checks)
      if (!check.passed)
        reject(check.id + " of " + printable(check.subject) + " does not hold: claimed " + check.claimed + ", recomputed " + check.recomputed);
    if (report_.checks.empty()) reject("nothing was checked");
    report_.outcome = report_.claims_not_rechecked.empty() ? Outcome::accepted : Outcome::accepted_in_part;
  }

  const Request& request_;
  const Engine& engine_;
  const Hints& hints_;
  Report& report_;
};

}  // namespace

Report verify(const Request& request, const Engine& engine, const Hints& hints) {
  Report report;
  report.not_checked = {"who issued the certificate and when (the signer's word, as are tool, settings and requirements)",
                        "transparency logs and revocation: whether the key is still trusted is decided by whoever gives it"};
  try {
    Verification(request, engine, hints, report).run();
  } catch (const Failure& failure) {
    report.outcome = failure.outcome();
    report.error = failure.what();
  } catch (const std::bad_alloc&) {
    report.outcome = Outcome::internal;
    report.error = "there is not enough memory for this check; allow more with --max-memory, or use a machine that has more";
  } catch (const std::exception& error) {
    report.outcome = Outcome::internal;
    report.error = std::string("internal error: ") + error.what();
  }
  if ((report.outcome == Outcome::accepted || report.outcome == Outcome::accepted_in_part) && !report.error.empty()) report.outcome = Outcome::internal;
  return report;
}

}  // namespace lipverify
