// A records file, as the checker streams it for a claim about as many samples as it has.
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/records.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::MemoryFile file;
  file.write(fuzz::text_of(data, size));
  for (const bool labelled : {true, false}) for (const bool local : {false, true}) {
    const std::size_t count = size / (local ? 40 : 32);
    try {
      lipverify::RecordStream records(file.path(), 0, count, 10, labelled, local);
      lipverify::EvidenceStream evidence(local ? std::optional<std::string>(file.path()) : std::nullopt);  // the records' own bytes as evidence
      const lipverify::RecordSummary summary = lipverify::summarise(records, evidence, {lipverify::Rational(0), lipverify::Rational(1, 10)}, {0});
      if (summary.counts.total != count || summary.counts.certified_correct[0] > summary.counts.correct || summary.counts.certified[1] > summary.counts.certified[0])
        fuzz::broken("the counts of records do not fit together");
    } catch (const lipverify::Failure& failure) {
      if (failure.outcome() != lipverify::Outcome::rejected && failure.outcome() != lipverify::Outcome::input)
        fuzz::broken(std::string("records are not rejected, but: ") + failure.what());
    }
  }
  return 0;
}
