// CSV (see data_formats.hpp).
#include "verifier/samples/data_formats.hpp"

namespace lipverify {

namespace {

class CsvFile final : public OneFile {
 public:
  explicit CsvFile(const DataSource& source) : OneFile(source), lines_(source.path, "data file", true), label_column_(source.label_column) {
    if (label_column_ && source.labels) unreadable("labels are given twice, by a label file and by a column; leave one out");
    labelled_ = labelled_ || label_column_.has_value();
    have_first_ = lines_.next(first_);
    if (!have_first_) unreadable(lines_.stream().name() + " holds no samples");
    columns_ = first_.size();
    if (label_column_ && *label_column_ >= columns_)
      unreadable(lines_.stream().name() + " has " + std::to_string(columns_) + " columns, so none with the number " +
                 std::to_string(*label_column_) + " for the label");
    shape_ = {false, columns_ - (label_column_ ? 1 : 0), 1, 1};
    if (shape_.channels == 0) unreadable(lines_.stream().name() + " has no column beside the label");
  }

 private:
  bool read(Sample& sample) override {
    sample.pixels.clear();
    if (have_first_) {
      sample.numbers = std::move(first_);
      have_first_ = false;
    } else if (!lines_.next(sample.numbers)) {
      return false;
    }
    if (sample.numbers.size() != columns_)
      unreadable(lines_.place() + " has " + std::to_string(sample.numbers.size()) + " numbers, the first one has " + std::to_string(columns_));
    if (label_column_) {
      const auto at = sample.numbers.begin() + static_cast<std::ptrdiff_t>(*label_column_);
      sample.label = integral(*at, lines_.place());
      sample.numbers.erase(at);
    }
    return true;
  }
  ByteStream& stream() override { return lines_.stream(); }

  NumberLines lines_;
  std::optional<std::uint64_t> label_column_;
  std::vector<DataNumber> first_;
  bool have_first_ = false;
  std::size_t columns_ = 0;
};

}  // namespace

std::unique_ptr<DataSet> open_csv(const DataSource& source) { return std::make_unique<CsvFile>(source); }

}  // namespace lipverify
