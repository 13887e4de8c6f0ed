// See demands.hpp.
#include "verifier/policy/demands.hpp"

#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/policy/reader.hpp"
#include "verifier/samples/data.hpp"

namespace lipverify {

namespace {

constexpr std::int64_t kDay = 86400;

/// Days from 0000-03-01 in the Gregorian calendar.
std::int64_t day_number(const std::string& time) {
  std::int64_t year = std::stoll(time.substr(0, 4));
  const std::int64_t month = std::stoll(time.substr(5, 2));
  if (month <= 2) --year;
  const std::int64_t from_march = (month + 9) % 12;
  const std::int64_t leaps = year >= 0 ? year / 4 - year / 100 + year / 400 : -1;  // January of the year 0 lies before the epoch
  return 365 * year + leaps + (153 * from_march + 2) / 5 + std::stoll(time.substr(8, 2)) - 1;
}

std::string pairs_in(const Report& report) {
  return std::to_string(report.pair_classes) + " outputs";
}

/// L_ij with i < j stands at i n - i (i + 1) / 2 + (j - i - 1), SPEC.md section 4.
std::size_t position(std::uint64_t n, std::uint64_t i, std::uint64_t j) {
  return static_cast<std::size_t>(i * n - i * (i + 1) / 2 + (j - i - 1));
}

std::uint64_t elements(const std::vector<std::uint64_t>& shape) {
  std::uint64_t out = 1;
  for (const std::uint64_t d : shape) out *= d;  // of a model that was read: its size is known to fit
  return out;
}

/// One number for all channels, or one for each; none wanted: all are `otherwise`.
bool equal_channels(const std::vector<std::string>& found, const std::vector<PolicyNumber>& wanted, std::int64_t otherwise) {
  if (wanted.size() > 1 && wanted.size() != found.size()) return false;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Rational value = parse_exact(found[k], "a mean or std");
    if (value != (wanted.empty() ? Rational(otherwise) : wanted[wanted.size() == 1 ? 0 : k].value)) return false;
  }
  return true;
}

class Demands {
 public:
  Demands(const Policy& policy, const Report& report) : policy_(policy), report_(report), holds_(holds(report)) {}

  std::vector<Requirement> run() {
    if (!policy_.predicate_types.empty())
      among("predicateTypes", "/predicateTypes", policy_.predicate_types, report_.predicate_type,
            "use the format that the policy names, or add this one to predicateTypes");
    models();
    age();
    tool();
    recheck();
    among("arithmetic", "/arithmetic", policy_.arithmetic, report_.arithmetic,
          "certify for the arithmetic that the policy names, or allow this one in arithmetic");
    function();
    for (std::size_t k = 0; k < policy_.lipschitz.size(); ++k) lipschitz(policy_.lipschitz[k], "/lipschitz/" + std::to_string(k) + "/max");
    for (std::size_t k = 0; k < policy_.certified_accuracy.size(); ++k)
      accuracy(policy_.certified_accuracy[k], "/certifiedAccuracy/" + std::to_string(k));
    for (std::size_t k = 0; k < policy_.requirements.size(); ++k) {
      const std::string& id = policy_.requirements[k];
      const bool served = std::find(report_.requirement_ids.begin(), report_.requirement_ids.end(), id) != report_.requirement_ids.end();
      add("requirements", "/requirements/" + std::to_string(k), "serves '" + printable(id) + "'",
          report_.requirement_ids.empty() ? "nothing" : "serves " + list_of(report_.requirement_ids), served,
          "certify with --requirement " + printable(id));
    }
    return std::move(out_);
  }

 private:
  void add(const std::string& id, const std::string& pointer, const std::string& wanted, const std::string& found, bool met,
           const std::string& remedy) {
    if (holds_)
      out_.push_back({id, pointer, wanted, found, met, met ? "" : remedy});
    else
      out_.push_back({id, pointer, wanted, kNothingProved, false,
                      "see why the certificate was not accepted"});
  }

  void among(const std::string& id, const std::string& pointer, const std::vector<std::string>& wanted, const std::string& found,
             const std::string& remedy) {
    add(id, pointer, (wanted.size() == 1 ? "" : "one of ") + list_of(wanted), found.empty() ? "nothing" : printable(found),
        std::find(wanted.begin(), wanted.end(), found) != wanted.end(), remedy);
  }

  void models() {
    const std::string found = report_.model_sha256.empty() ? "nothing" : report_.model_sha256;
    if (policy_.models)
      among("models", "/models", *policy_.models, report_.model_sha256,
            "deploy a model that the policy names, or add this digest to models when it was approved");
    else
      add("models", "/models", "the model file that was given", found, !report_.model_sha256.empty(), "certify the model that is deployed");
  }

  void age() {
    if (!policy_.maximum_age_days) return;
    const std::uint64_t days = *policy_.maximum_age_days;
    const bool known = is_time(report_.issued_at) && is_time(report_.checked_at);
    const std::int64_t age = known ? seconds_between(report_.issued_at, report_.checked_at) : 0;
    add("maximumAge", "/maximumAge", "issued at most " + std::to_string(days) + " days ago",
        !known ? "nothing"
               : "issued at " + report_.issued_at +
                     (age < 0 ? ", after the time of the check"
                              : ", " + std::to_string(age / kDay) + " days and " + std::to_string(age % kDay) + " seconds ago"),
        known && age <= static_cast<std::int64_t>(days) * kDay, "certify the model again");
  }

  void tool() {
    if (!policy_.minimum_tool_version) return;
    const auto wanted = version_parts(*policy_.minimum_tool_version);
    const auto found = version_parts(report_.tool_version);
    add("minimumToolVersion", "/minimumToolVersion", "version " + *policy_.minimum_tool_version + " or later",
        report_.tool_version.empty()
            ? "nothing"
            : "version " + printable(report_.tool_version) + (found ? "" : ", which is not numbers with points between them"),
        wanted && found && *found >= *wanted, "certify again with a newer lipcert");
  }

  /// Whether what was rechecked is as deep as the policy wants. The claims of a certificate without samples are always all recomputed.
  [[nodiscard]] bool deep_enough() const {
    const SampleSummary& s = report_.samples;
    if (!s.claimed || s.depth == SampleSummary::Depth::all) return report_.claims_not_rechecked.empty();
    if (policy_.recheck == Policy::Recheck::none) return true;
    return policy_.recheck == Policy::Recheck::audit && s.depth == SampleSummary::Depth::audit && s.rechecked >= policy_.audit;
  }

  [[nodiscard]] std::string depth() const {
    const SampleSummary& s = report_.samples;
    if (!s.claimed) return "every claim recomputed";
    if (s.depth == SampleSummary::Depth::all) return "every claim recomputed, with all " + std::to_string(s.total) + " samples";
    if (s.depth == SampleSummary::Depth::audit)
      return std::to_string(s.rechecked) + " of " + std::to_string(s.total) + " samples recomputed, the others are the signer's word";
    return "no sample recomputed: what is said of them is the signer's word";
  }

  void recheck() {
    const char* remedy =
        policy_.recheck == Policy::Recheck::audit
            ? "give the data with --data (and --labels), and leave --no-samples out and --audit as large as the policy wants"
            : "give the data with --data (and --labels), without --audit and --no-samples";
    add("recheck", "/recheck", wanted_recheck(policy_), depth(), deep_enough(), remedy);
  }

  /// Which function: what a file leaves open is the issuer's choice, and no choice passes that the policy does not name.
  void function() {
    const FunctionSummary& f = report_.function;
    if (policy_.input)
      input(*policy_.input);
    else if (!f.given.empty())
      add("input", "/input", "no size of the input that the issuer chose", "an input of shape " + shape_of(f.input_shape) + ", with sizes that the issuer chose", false,
          "name this shape in input of the policy, if it is the one that is deployed");
    const std::string left_out = f.other_outputs.empty() ? "" : ", and nothing about " + list_of(f.other_outputs);
    if (policy_.output)
      add("output", "/output", "the output '" + printable(*policy_.output) + "'", f.known ? "the output '" + printable(f.output) + "'" + left_out : "nothing",
          f.known && f.output == *policy_.output, "certify with --output " + printable(*policy_.output));
    else if (f.output_chosen)
      add("output", "/output", "no output that the issuer chose", "the output '" + printable(f.output) + "', which the issuer chose" + left_out, false,
          "name it in output of the policy, if it is the one that is used");
    if (!policy_.fixed_inputs.empty() || !f.fixed_inputs.empty()) {
      const bool met = f.known && std::all_of(f.fixed_inputs.begin(), f.fixed_inputs.end(), [&](const std::string& name) {
        return std::find(policy_.fixed_inputs.begin(), policy_.fixed_inputs.end(), name) != policy_.fixed_inputs.end();
      });
      add("fixedInputs", "/fixedInputs",
          policy_.fixed_inputs.empty() ? "no input that the issuer fixed" : "no inputs fixed by the issuer but " + list_of(policy_.fixed_inputs),
          f.fixed_inputs.empty() ? "none fixed" : "fixed: " + list_of(f.fixed_inputs), met,
          "name them in fixedInputs of the policy, if nobody replaces them where the model is used");
    }
  }

  void input(const InputDemand& wanted) {
    const FunctionSummary& f = report_.function;
    const auto text = [](const std::optional<std::string>& name, const std::vector<std::uint64_t>& shape) {
      return (name ? "'" + printable(*name) + "' " : "") + "of shape " + shape_of(shape);
    };
    add("input", "/input", text(wanted.name, wanted.shape), f.known ? text(f.input, f.input_shape) : "nothing",
        f.known && f.input_shape == wanted.shape && (!wanted.name || *wanted.name == f.input),
        "certify with --input-shape where the model leaves it open, or change input in the policy when another shape is deployed");
  }

  void lipschitz(const LipschitzDemand& wanted, const std::string& pointer) {
    using About = LipschitzDemand::About;
    std::string symbol = "L", exact,
                missing = "the certificate claims no constant of the whole output: certify the model again with lipcert certify";
    std::string found = "nothing";
    if (wanted.about == About::whole) {
      exact = report_.global_upper_exact;
      if (!exact.empty()) found = "L <= " + report_.global_upper;
    } else {
      missing =
          "the certificate claims no differences of outputs, which only a model with several outputs has: certify the model that the "
          "policy means";
      const std::vector<std::string>& all = report_.pair_upper_exact;
      const std::uint64_t n = report_.pair_classes;
      const bool complete = n >= 2 && all.size() == n * (n - 1) / 2;
      if (wanted.about == About::pair) {
        symbol = "L_" + std::to_string(wanted.i) + "," + std::to_string(wanted.j);
        if (complete && wanted.j < n) exact = all[position(n, wanted.i, wanted.j)];
        if (complete && wanted.j >= n) {
          found = "nothing: the model has " + pairs_in(report_);
          missing = "name two outputs that the model has, counted from 0";
        }
      } else if (complete) {
        symbol = "the largest L_ij";
        exact = report_.pair_largest_exact;
      }
      if (!exact.empty()) found = symbol + " <= " + decimal_text(parse_exact(exact, symbol), Toward::above);
    }
    const bool met = !exact.empty() && parse_exact(exact, symbol) <= wanted.max.value;
    add("lipschitz", pointer, wanted_text(wanted), found, met,
        exact.empty() ? missing : "use a model with a smaller constant, or raise max in the policy when this one suffices");
  }

  void accuracy(const AccuracyDemand& wanted, const std::string& pointer) {
    const SampleSummary& s = report_.samples;
    const std::string again = "certify with --data FILE --labels FILE" + (wanted.scale ? " --scale " + wanted.scale->text : "") +
                              " --eps " + wanted.epsilon.text + (wanted.unit == "graph input" ? " --eps-unit graph" : "");
    const auto unmet = [&](const std::string& found, const std::string& remedy) {
      add("certifiedAccuracy", pointer, wanted_text(wanted), found, false, remedy);
    };
    if (!s.claimed) return unmet("nothing", again);
    if (!s.labelled) return unmet("radii of samples without labels", again);
    if (wanted.dataset_sha256 && *wanted.dataset_sha256 != s.data_sha256)
      return unmet("data with the SHA-256 " + s.data_sha256, again + ", with the data that the policy names");
    if (wanted.labels_sha256 && *wanted.labels_sha256 != s.labels_sha256)
      return unmet(s.labels_sha256.empty() ? "labels inside the data file" : "labels with the SHA-256 " + s.labels_sha256,
                   again + ", with the labels that the policy names");
    if (wanted.scale && (s.scale.empty() || parse_exact(s.scale, "scale") != wanted.scale->value))
      return unmet("data scaled by " + (s.scale.empty() ? "nothing" : s.scale), again);
    if (!equal_channels(s.means, wanted.mean, 0) || !equal_channels(s.stds, wanted.std, 1))
      return unmet("data with the means " + list_of(s.means) + " and the stds " + list_of(s.stds),
                   again + ", with the mean and std that the policy names (0 and 1 where it names none); name them in the policy if the model was trained with them");
    if (s.label_column && *s.label_column != wanted.label_column.value_or(elements(report_.function.input_shape)))
      return unmet("labels from column " + std::to_string(*s.label_column) + " (from 0)", again + ", with the label column that the policy names (the last where it names none)");
    if (!s.label_column && wanted.label_column) return unmet("labels that are no column of the rows", again + " --label-column " + std::to_string(*wanted.label_column));
    if (s.first != wanted.first) return unmet("samples from number " + std::to_string(s.first) + " (from 0) on", again + ", with the first sample that the policy names (0 where it names none)");
    if (!s.range_low.empty()) {
      const std::optional<Rational> low = parse_ratio(s.range_low), high = parse_ratio(s.range_high);
      const bool equal = wanted.input_range && low && high && *low == wanted.input_range->first.value && *high == wanted.input_range->second.value;
      if (!equal)
        return unmet("a claim about inputs with scaled pixels from " + printable(s.range_low) + " to " + printable(s.range_high) + " only",
                     again + (wanted.input_range ? ", with the --input-range that the policy names" : ", without --input-range, or name that range in the policy when it suffices"));
    }
    if (s.eps_unit != wanted.unit) return unmet("eps in the unit '" + printable(s.eps_unit) + "'", again);
    if (s.total < wanted.min_samples || s.total == 0)
      return unmet(std::to_string(s.total) + " samples", again + ", with --limit as large as the policy wants or without it");
    // Certified at a larger eps is certified at a smaller one: the best count among those at this eps or above.
    const SampleSummary::Eps* best = nullptr;
    for (const SampleSummary::Eps& e : s.counts) {
      const std::optional<Rational> eps = parse_ratio(e.eps);
      if (eps && *eps >= wanted.epsilon.value && (best == nullptr || e.certified_correct > best->certified_correct)) best = &e;
    }
    if (best == nullptr) return unmet("no count at eps " + wanted.epsilon.text + " or above", again);
    const std::string found = std::to_string(best->certified_correct) + " of " + std::to_string(s.total) + " right and certified at eps " +
                              printable(best->eps) + (s.depth == SampleSummary::Depth::all ? "" : " (" + depth() + ")");
    if (!deep_enough()) return unmet(found, "recheck as deep as the policy wants");
    add("certifiedAccuracy", pointer, wanted_text(wanted), found,
        Rational(Integer(best->certified_correct)) >= wanted.min.value * Rational(Integer(s.total)),
        "use a model that is more robust, or lower min in the policy when this one suffices");
  }

  const Policy& policy_;
  const Report& report_;
  const bool holds_;
  std::vector<Requirement> out_;
};

}  // namespace

bool holds(const Report& report) {
  return report.outcome == Outcome::accepted || report.outcome == Outcome::accepted_in_part;
}

std::vector<Requirement> demands(const Policy& policy, const Report& report) {
  return Demands(policy, report).run();
}

std::int64_t seconds_between(const std::string& from, const std::string& to) {
  const auto seconds = [](const std::string& time) {
    return day_number(time) * kDay + std::stoll(time.substr(11, 2)) * 3600 + std::stoll(time.substr(14, 2)) * 60 +
           std::stoll(time.substr(17, 2));
  };
  return seconds(to) - seconds(from);
}

std::string wanted_text(const LipschitzDemand& demand) {
  const std::string what = demand.about == LipschitzDemand::About::whole ? "L"
                           : demand.about == LipschitzDemand::About::pairs
                               ? "the largest L_ij"
                               : "L_" + std::to_string(demand.i) + "," + std::to_string(demand.j);
  return what + " <= " + demand.max.text;
}

std::string wanted_text(const AccuracyDemand& demand) {
  const auto numbers = [](const char* name, const std::vector<PolicyNumber>& all) {
    std::string out;
    for (const PolicyNumber& x : all) out += (out.empty() ? name : ",") + x.text;
    return out;
  };
  return "a share of at least " + demand.min.text + " right and certified at eps " + demand.epsilon.text + " (" + demand.unit + ")" +
         (demand.scale ? ", data scaled by " + demand.scale->text : "") + numbers(", mean ", demand.mean) + numbers(", std ", demand.std) +
         (demand.label_column ? ", labels in column " + std::to_string(*demand.label_column) : "") +
         (demand.first != 0 ? ", from sample " + std::to_string(demand.first) + " on" : "") +
         (demand.dataset_sha256 ? ", on the data " + *demand.dataset_sha256 : "") +
         (demand.labels_sha256 ? ", with the labels " + *demand.labels_sha256 : "") +
         (demand.input_range ? ", at least for inputs with scaled pixels from " + demand.input_range->first.text + " to " + demand.input_range->second.text : "") +
         (demand.min_samples != 0 ? ", of at least " + std::to_string(demand.min_samples) + " samples" : "");
}

std::string wanted_recheck(const Policy& policy) {
  if (policy.recheck == Policy::Recheck::all) return "every claim recomputed";
  if (policy.recheck == Policy::Recheck::none)
    return "every claim recomputed but those about samples, where the signer's word suffices: 'accepted in part'";
  return "every claim recomputed, and of the samples at least " + std::to_string(policy.audit) + " drawn at random: 'accepted in part'";
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + printable(text);
  return out;
}

std::string shape_of(const std::vector<std::uint64_t>& shape) {
  std::string out;
  for (const std::uint64_t d : shape) out += (out.empty() ? "" : " x ") + std::to_string(d);
  return shape.empty() ? "(one number)" : out;
}

}  // namespace lipverify
