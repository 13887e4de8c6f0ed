#include "certify/samples/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "certify/graph/steps.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/samples/radius_rule.hpp"
#include "formats/data/rational.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

void put(std::string& bytes, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xff);
}

std::uint64_t get(const char* bytes, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

}  // namespace

const char* name_of(RadiusTheorem theorem) {
  return theorem == RadiusTheorem::layer_dual ? "layer-dual" : "margin-over-lipschitz";
}

RadiusTheorem radius_theorem(const std::string& name, const std::string& what) {
  for (const RadiusTheorem known : {RadiusTheorem::margin_over_lipschitz, RadiusTheorem::layer_dual})
    if (name == name_of(known)) return known;
  throw input_error(what + ": has radii by the unknown theorem '" + name.substr(0, 40) + "'; use the version of lipcert that made it.");
}

std::string encode(const SampleRecord& record, RadiusTheorem theorem) {
  std::string bytes;
  bytes.reserve(record_bytes(theorem));
  put(bytes, record.index, 8);
  put(bytes, record.predicted, 4);
  put(bytes, record.label, 4);
  put(bytes, std::bit_cast<std::uint64_t>(record.margin), 8);
  put(bytes, std::bit_cast<std::uint64_t>(record.radius), 8);
  if (theorem == RadiusTheorem::layer_dual) {
    put(bytes, record.rule, 4);
    put(bytes, record.evidence, 4);
  }
  return bytes;
}

SampleRecord decode_record(const char* bytes, RadiusTheorem theorem, const std::string& what) {
  SampleRecord record;
  record.index = get(bytes, 8);
  record.predicted = static_cast<std::uint32_t>(get(bytes + 8, 4));
  record.label = static_cast<std::uint32_t>(get(bytes + 12, 4));
  record.margin = std::bit_cast<double>(get(bytes + 16, 8));
  record.radius = std::bit_cast<double>(get(bytes + 24, 8));
  if (!(record.margin >= 0) || !(record.radius >= 0) || !std::isfinite(record.margin))
    throw input_error(what + ": the record of sample " + std::to_string(record.index) +
                      " is damaged (its margin or radius is no bound); make it again.");
  if (theorem == RadiusTheorem::layer_dual) {
    record.rule = static_cast<std::uint32_t>(get(bytes + 32, 4));
    record.evidence = static_cast<std::uint32_t>(get(bytes + 36, 4));
    const bool local = record.rule == 1 && std::isfinite(record.radius) && record.radius > 0 && record.predicted != no_class;
    if (record.evidence > most_evidence || (record.rule == 0 ? record.evidence != 0 : !local))
      throw input_error(what + ": the record of sample " + std::to_string(record.index) + " is damaged (its rule is none); make it again.");
  }
  return record;
}

namespace {

/// The range in the graph's input, rounded outward: x = (p - mean_c) / std_c, which turns round where std_c is negative.
InputRange range_of(const StatedRange& stated, const Scaling& scaling) {
  InputRange range;
  const Rational low = Rational::parse(stated.low, "--input-range");
  const Rational high = Rational::parse(stated.high, "--input-range");
  for (std::size_t i = 0; i < scaling.entries(); ++i) {
    const auto [first, second] = std::pair(scaling.input_of(low, i), scaling.input_of(high, i));
    range.low.push_back((first < second ? first : second).rounded_down());
    range.high.push_back((first < second ? second : first).rounded_up());
  }
  return range;
}

}  // namespace

void certify_samples(const Network& network, const Analysis& analysis, const DataSource& source, const DataDescription& description,
                     const ScalingTexts& texts, SampleRange range, const RadiusJob& radii, unsigned threads,
                     const std::function<void(double, const std::string&)>& progress,
                     const std::function<void(const SampleRecord&, const std::string&)>& sink) {
  WorkerPool pool(threads);
  const StepGraph graph = build_steps(network, pool);
  if (!graph.refusals.empty()) throw Error(ExitCode::internal, "A network with refusals reached the evaluation of samples.");
  const RadiusRule rule(analysis, network.values[network.output].shape);
  const Scaling scaling(texts, description.shape, network.values[network.input].shape, source.samples);

  std::optional<LocalRadii> local;
  InputRange stated;
  std::vector<double> targets;  // the least radii that exceed the numbers of `above`
  if (radii.theorem == RadiusTheorem::layer_dual) {
    LocalSettings settings;
    if (radii.range) settings.range = stated = range_of(*radii.range, scaling);
    local.emplace(network, graph, analysis, std::move(settings));
    for (const double number : radii.above)
      if (std::isfinite(number)) targets.push_back(std::nextafter(number, std::numeric_limits<double>::infinity()));
  }

  SampleReader reader(source);
  const auto changed = [&] { return input_error(source.samples + ": the data changed while it was read; leave it alone until the end."); };
  if (!reader.skip(range.first)) throw changed();
  const std::size_t block = local ? 64 : 256;
  std::vector<Sample> samples(block);
  std::vector<SampleRecord> records(block);
  std::vector<std::string> evidence(block);
  std::uint64_t undecided = 0;
  std::uint64_t improved = 0;
  for (std::uint64_t done = 0; done < range.count;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block, range.count - done));
    for (std::size_t i = 0; i < count; ++i) {
      if (!reader.next(samples[i])) throw changed();
    }
    pool.for_each(count, [&](std::size_t i) {
      const Sample& sample = samples[i];
      SampleRecord& record = records[i];
      record = {};
      evidence[i].clear();
      record.index = sample.index;
      if (sample.label) {
        const std::optional<std::uint32_t> label = rule.label(*sample.label);
        if (!label)
          throw input_error(source.samples + ": sample " + std::to_string(sample.index) + " has the label " +
                            std::to_string(*sample.label) + ", but the model has " +
                            (rule.outputs() == 1
                                 ? std::string("one output (labels 1, and 0 or -1)")
                                 : std::to_string(rule.outputs()) + " outputs (labels 0 to " + std::to_string(rule.outputs() - 1) + ")") +
                            "; give the labels that belong to the model.");
        record.label = *label;
      }
      std::vector<EntryBounds> entries;
      scaling.enclose(sample, entries);
      std::vector<double> x(entries.size());
      std::vector<double> gaps(entries.size());
      for (std::size_t k = 0; k < entries.size(); ++k) {
        x[k] = entries[k].lower;
        // Neighbouring doubles: their difference is exact, or they are equal.
        gaps[k] = entries[k].upper - entries[k].lower;
      }
      const Upper distance = sqrt(sum_of_squares(gaps.data(), gaps.size()));
      const BallVector f = evaluate(graph, x);
      std::vector<double> global;
      rule.apply(f, distance, record, &global);
      record.global = record.radius;
      if (!local || record.predicted == no_class) return;
      std::vector<double> wanted;
      for (const double target : targets)
        if (target > record.radius) wanted.push_back(target);
      if ((wanted.empty() && !radii.above.empty()) || !std::isfinite(record.radius)) return;
      // Outside the stated range the ball may hold nothing that the claim is about: the checker refuses to bound it.
      if (radii.range)
        for (std::size_t k = 0; k < entries.size(); ++k)
          if (entries[k].lower < stated.low[k] || entries[k].upper > stated.high[k]) return;
      const std::optional<LocalRadius> found = local->improve({x, distance, f, record.predicted, global}, wanted);
      if (!found || !(found->radius > record.radius) || !std::isfinite(found->radius) || found->evidence.size() > most_evidence) return;
      record.radius = found->radius;
      record.rule = 1;
      record.evidence = static_cast<std::uint32_t>(found->evidence.size());
      evidence[i] = found->evidence;
    });
    for (std::size_t i = 0; i < count; ++i) {
      undecided += records[i].predicted == no_class ? 1U : 0U;
      improved += records[i].rule;
      sink(records[i], evidence[i]);
    }
    done += count;
    if (progress)
      progress(static_cast<double>(done) / static_cast<double>(range.count),
               local ? fmt::format("samples: {} of {}, {} with a local radius, {} undecided", done, range.count, improved, undecided)
                     : std::string("samples"));
  }
  if (!(reader.finish() == description)) throw changed();
}

SampleCounts::SampleCounts(const std::vector<std::string>& texts, Unit eps_unit, const Rational& smallest_std) : unit(eps_unit) {
  if (texts.size() > 64) throw Error(ExitCode::usage, "--eps has " + std::to_string(texts.size()) + " numbers; give at most 64.");
  std::vector<Rational> values;
  for (const std::string& text : texts) {
    values.push_back(Rational::parse(text, "--eps"));
    if (values.back().sign() < 0) throw Error(ExitCode::usage, "--eps " + text + " is negative; a radius is not.");
    if (values.size() > 1 && !(values[values.size() - 2] < values.back()))
      throw Error(ExitCode::usage, "--eps: " + text + " does not follow in ascending order; sort the numbers and leave repetitions out.");
    const Rational in_graph = unit == Unit::scaled_pixel ? values.back() / smallest_std : values.back();
    eps.push_back({text, in_graph.rounded_down(), 0, 0});
  }
}

void SampleCounts::add(const SampleRecord& record) {
  ++total;
  const bool decided = record.predicted != no_class;
  const bool right = decided && record.label != no_class && record.predicted == record.label;
  undecided += decided ? 0U : 1U;
  local += record.rule;
  correct += right ? 1U : 0U;
  for (Eps& e : eps) {
    if (!(record.radius > e.below)) break;  // ascending
    ++e.certified;
    e.certified_correct += right ? 1U : 0U;
    const bool global = record.global && *record.global > e.below;
    e.global += global ? 1U : 0U;
    e.global_correct += global && right ? 1U : 0U;
  }
}

std::string low_accuracy(const SampleCounts& counts, std::uint64_t outputs) {
  __extension__ using Wide = __int128;  // counts below 2^40, classes at most 1024
  const Wide n = static_cast<Wide>(counts.total);
  const Wide classes = outputs == 1 ? 2 : static_cast<Wide>(outputs);
  const Wide excess = classes * static_cast<Wide>(counts.correct) - n;  // n C (a - 1/C)
  const bool guessing = excess <= 0 || excess * excess <= 9 * n * (classes - 1) || 20 * excess <= n * (classes - 1);
  if (counts.total < 20 || !guessing) return "";
  return fmt::format(
      "{} of {} samples are classified as labelled, which is about what guessing among {} classes gives ({:.1f}); the pixels may be in another "
      "order than the model's (--layout NCWH or NHWC, --array-layout), the scale wrong (--scale, --mean, --std), or the labels numbered "
      "otherwise or those of another data set",
      counts.correct, counts.total, static_cast<std::uint64_t>(classes), static_cast<double>(counts.total) / static_cast<double>(classes));
}

}  // namespace lipcert
