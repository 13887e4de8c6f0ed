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

std::string encode(const SampleRecord& record) {
  std::string bytes;
  bytes.reserve(record_bytes);
  put(bytes, record.index, 8);
  put(bytes, record.predicted, 4);
  put(bytes, record.label, 4);
  put(bytes, std::bit_cast<std::uint64_t>(record.margin), 8);
  put(bytes, std::bit_cast<std::uint64_t>(record.radius), 8);
  return bytes;
}

SampleRecord decode_record(const char* bytes, const std::string& what) {
  SampleRecord record;
  record.index = get(bytes, 8);
  record.predicted = static_cast<std::uint32_t>(get(bytes + 8, 4));
  record.label = static_cast<std::uint32_t>(get(bytes + 12, 4));
  record.margin = std::bit_cast<double>(get(bytes + 16, 8));
  record.radius = std::bit_cast<double>(get(bytes + 24, 8));
  if (!(record.margin >= 0) || !(record.radius >= 0) || !std::isfinite(record.margin))
    throw input_error(what + ": the record of sample " + std::to_string(record.index) +
                      " is damaged (its margin or radius is no bound); make it again.");
  return record;
}

void certify_samples(const Network& network, const Analysis& analysis, const DataSource& source, const DataDescription& description,
                     const ScalingTexts& texts, SampleRange range, unsigned threads, const std::function<void(double)>& progress,
                     const std::function<void(const SampleRecord&)>& sink) {
  WorkerPool pool(threads);
  const StepGraph graph = build_steps(network, pool);
  if (!graph.refusals.empty()) throw Error(ExitCode::internal, "A network with refusals reached the evaluation of samples.");
  const RadiusRule rule(analysis, network.values[network.output].shape);
  const Scaling scaling(texts, description.shape, network.values[network.input].shape, source.samples);

  SampleReader reader(source);
  const auto changed = [&] { return input_error(source.samples + ": the data changed while it was read; leave it alone until the end."); };
  if (!reader.skip(range.first)) throw changed();
  constexpr std::size_t block = 256;
  std::vector<Sample> samples(block);
  std::vector<SampleRecord> records(block);
  for (std::uint64_t done = 0; done < range.count;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block, range.count - done));
    for (std::size_t i = 0; i < count; ++i) {
      if (!reader.next(samples[i])) throw changed();
    }
    pool.for_each(count, [&](std::size_t i) {
      const Sample& sample = samples[i];
      SampleRecord& record = records[i];
      record = {};
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
      rule.apply(evaluate(graph, x), sqrt(sum_of_squares(gaps.data(), gaps.size())), record);
    });
    for (std::size_t i = 0; i < count; ++i) sink(records[i]);
    done += count;
    if (progress) progress(static_cast<double>(done) / static_cast<double>(range.count));
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
  correct += right ? 1U : 0U;
  for (Eps& e : eps) {
    if (!(record.radius > e.below)) break;  // ascending
    ++e.certified;
    e.certified_correct += right ? 1U : 0U;
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
