// See samples.hpp. Data set, scaling and exact fractions are read by the generator's readers (formats/data); digests of data and records are
// compared with the certificate here, so that the radii which are proved are those that it claims.

#include "proofs/front/samples.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/files.hpp"
#include "proofs/front/exact.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {
namespace {

constexpr std::uint32_t no_class = 0xFFFFFFFF;
constexpr std::uint64_t most_points = 65536;  // of one problem (proofs/FORMAT.md)
constexpr std::uint64_t records_cap = std::uint64_t{1} << 32U;

std::uint64_t little_endian(const std::string& bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < width; ++k) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + k])) << (8 * k);
  }
  return value;
}

DataFormat format_of(const std::string& name) {
  for (const DataFormat f : {DataFormat::idx, DataFormat::csv, DataFormat::npy, DataFormat::cifar10, DataFormat::png_folder}) {
    if (name == name_of(f)) {
      return f;
    }
  }
  throw rejected("the certificate names an unknown data format '" + name + "'.");
}

Layout layout_of(const std::string& name) {
  for (const Layout l : {Layout::nchw, Layout::nhwc, Layout::ncwh}) {
    if (name == name_of(l)) {
      return l;
    }
  }
  throw rejected("the certificate names an unknown layout '" + name + "'.");
}

std::vector<std::string> texts(const Json& list, const char* what) {
  std::vector<std::string> result;
  for (const Json& item : list) {
    result.push_back(text(item, what));
  }
  return result;
}

/// The positions that lipverify draws with the same seed.
std::set<std::uint64_t> draw(std::uint64_t seed, std::uint64_t wanted, std::uint64_t count) {
  std::set<std::uint64_t> drawn;
  const std::uint64_t whole = std::numeric_limits<std::uint64_t>::max() / count * count;
  for (std::uint64_t turn = 0; drawn.size() < std::min(wanted, count); ++turn) {
    const std::string bytes = sha256("lipcert-audit-v1\n" + std::to_string(seed) + " " + std::to_string(turn) + "\n");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      value = value << 8U | static_cast<unsigned char>(bytes[i]);
    }
    if (value < whole) {
      drawn.insert(value % count);
    }
  }
  return drawn;
}

/// Every file that was read must be one of the certificate's, by role, size and digest.
void compare_files(const Json& claimed, const std::vector<DataFile>& read) {
  for (const DataFile& file : read) {
    const bool known = std::any_of(claimed.begin(), claimed.end(), [&](const Json& entry) {
      return text(member(entry, "role"), "role") == file.role && natural(member(entry, "bytes"), "size") == file.bytes &&
             text(member(entry, "sha256"), "digest") == file.sha256;
    });
    if (!known) {
      throw rejected("the file '" + file.name + "' (" + file.role + ") is not the certificate's: its size or SHA-256 differs.");
    }
  }
}

/// "point POWER DIVISOR N c_1 ..." with the powers of two of the denominators in POWER.
class PointWriter {
 public:
  PointWriter(const Scaling& scaling) : scaling_(scaling) {}

  void append(std::string& out, const Sample& sample) {
    const std::size_t n = scaling_.entries();
    std::vector<Fraction> entries(n);
    Integer odd = 1;
    unsigned twos = 0;
    for (std::size_t i = 0; i < n; ++i) {
      entries[i] = entry(sample, i);
      const unsigned two = lsb(entries[i].den);
      const Integer rest = entries[i].den >> two;
      twos = std::max(twos, two);
      if (rest != 1 && rest != odd) {
        odd = lcm(odd, rest);
      }
    }
    if (msb(odd) > 60000) {
      throw NotCovered("a sample whose entries have no common denominator of fewer than 60000 bits");
    }
    out += "point -" + std::to_string(twos) + " " + odd.str() + " " + std::to_string(n);
    const Integer common = odd << twos;
    for (const Fraction& f : entries) {
      out += ' ';
      out += Integer(f.num * (common / f.den)).str();
    }
    out += '\n';
  }

 private:
  Fraction entry(const Sample& sample, std::size_t i) {
    const std::string exact = scaling_.entry(sample, i).text();
    const auto known = cache_.find(exact);
    if (known != cache_.end()) {
      return known->second;
    }
    const std::size_t slash = exact.find('/');
    Fraction f{Integer(exact.substr(0, slash)), Integer(exact.substr(slash + 1))};
    if (cache_.size() < 4096) {
      cache_.emplace(exact, f);
    }
    return f;
  }

  const Scaling& scaling_;
  std::map<std::string, Fraction> cache_;
};

}  // namespace

SampleConversion convert_samples(const Network& network, const Json& claim, const SampleRequest& request) {
  const std::string theorem = text(member(member(claim, "evidence"), "theorem"), "theorem");
  const bool local = theorem == "layer-dual";
  if (!local && theorem != "margin-over-lipschitz") {
    throw NotCovered("claims about samples with theorem '" + theorem + "'");
  }
  const std::uint64_t record_bytes = local ? 40 : 32;
  const Json& data = member(claim, "data");
  const std::uint64_t first = natural(member(member(claim, "selection"), "first"), "first sample");
  const std::uint64_t count = natural(member(member(claim, "selection"), "count"), "number of samples");
  const std::uint64_t outputs = element_count(network.values.at(network.output).shape);
  const Shape& input = network.values.at(network.input).shape;

  // The records are the certificate's.
  const Json& claimed_records = member(claim, "records");
  const std::string records = request.records.empty()
                                  ? read_file_beside(request.folder, text(member(claimed_records, "file"), "records file"), records_cap)
                                  : read_file(request.records, records_cap);
  if (records.size() != natural(member(claimed_records, "bytes"), "size of the records") ||
      sha256_hex(records) != text(member(claimed_records, "sha256"), "digest of the records")) {
    throw rejected("the records file is not the certificate's: its size or SHA-256 differs.");
  }
  if (count == 0 || count > records_cap || records.size() != count * record_bytes) {
    throw rejected("the records file does not have one record for each selected sample.");
  }

  DataSource source;
  source.samples = request.data;
  source.labels = request.labels;
  source.format = format_of(text(member(data, "format"), "data format"));
  if (data.contains("labelColumn")) {
    source.label_column = static_cast<std::int64_t>(natural(data.at("labelColumn"), "label column"));
  }
  ScalingTexts scaling_texts;
  scaling_texts.layout = layout_of(text(member(data, "layout"), "layout"));
  if (data.contains("imageShape")) {
    const Json& sides = data.at("imageShape");
    if (!sides.is_array() || sides.size() != 3) {
      throw rejected("the certificate's image shape has not three numbers.");
    }
    scaling_texts.image_shape = {natural(sides[0], "channels"), natural(sides[1], "rows"), natural(sides[2], "columns")};
  }
  if (data.contains("arrayLayout")) {
    scaling_texts.array_layout = layout_of(text(data.at("arrayLayout"), "array layout"));
    if (scaling_texts.array_layout != Layout::nhwc || (source.format != DataFormat::npy && !scaling_texts.image_shape)) {
      throw rejected("the certificate's array layout is not one of its data.");
    }
  }
  scaling_texts.scale = text(member(data, "scale"), "scale");
  scaling_texts.mean = texts(member(data, "mean"), "mean");
  scaling_texts.std = texts(member(data, "std"), "standard deviation");

  const DataDescription description = scan_data(source);
  compare_files(member(data, "files"), description.files);
  if (first > description.samples || count > description.samples - first) {
    throw rejected("the claim's selection goes beyond the samples of the data.");
  }
  const Scaling scaling = [&] {  // what does not fit is the certificate's fault: the data are those that it names
    try {
      return Scaling(scaling_texts, description.shape, input, file_name_of(request.data));
    } catch (const Error& error) {
      throw rejected(std::string("the claim does not fit its data: ") + error.what());
    }
  }();

  const bool all = !request.audit || *request.audit >= count;
  if ((all ? count : *request.audit) > most_points) {
    throw NotCovered("more than " + std::to_string(most_points) + " samples at once; choose some with --audit");
  }
  const std::set<std::uint64_t> drawn = all ? std::set<std::uint64_t>{} : draw(request.seed, *request.audit, count);

  SampleConversion result;
  std::uint64_t undecided = 0;
  std::uint64_t local_radii = 0;
  std::uint64_t looked_at = 0;
  std::string indices;
  PointWriter writer(scaling);
  SampleReader reader(source);
  Sample sample;
  if (!reader.skip(first)) {
    throw rejected("the data ends before the claim's selection.");
  }
  const std::uint64_t past = all ? count : *drawn.rbegin() + 1;
  for (std::uint64_t k = 0; k < past; ++k) {
    if (!all && drawn.count(k) == 0) {
      if (!reader.skip(1)) {
        throw rejected("the data ends before the claim's selection.");
      }
      continue;
    }
    if (!reader.next(sample)) {
      throw rejected("the data ends before the claim's selection.");
    }
    const std::size_t at = static_cast<std::size_t>(k * record_bytes);
    const auto predicted = static_cast<std::uint32_t>(little_endian(records, at + 8, 4));
    const auto radius = std::bit_cast<double>(little_endian(records, at + 24, 8));
    const std::string name = "the record of sample " + std::to_string(first + k);
    if (little_endian(records, at, 8) != first + k || sample.index != first + k) {
      throw rejected(name + " has another index.");
    }
    if (std::isnan(radius) || radius < 0 || (predicted == no_class && radius != 0)) {
      throw rejected(name + " has no admissible radius.");
    }
    ++looked_at;
    if (predicted == no_class) {
      ++undecided;
      continue;
    }
    if (predicted >= std::max<std::uint64_t>(outputs, 2)) {
      throw rejected(name + " names a class that the network does not have.");
    }
    if (local && little_endian(records, at + 32, 4) != 0) {  // its proof is another one
      ++local_radii;
      continue;
    }
    const std::string point = std::to_string(result.point_count++);
    indices += (indices.empty() ? "" : ", ") + std::to_string(first + k);
    const std::string c = std::to_string(predicted);
    writer.append(result.points, sample);
    Fraction r{0, 1};
    if (std::isfinite(radius)) {
      r = exact(radius);
    } else if (outputs == 1) {
      // An infinite radius: the output is constant and has its sign.
      result.claims += "global-lipschitz 0 1\n";
      ++result.claim_count;
    } else {
      for (std::uint64_t j = 0; j < outputs; ++j) {
        if (j != predicted) {
          result.claims += "pair-lipschitz " + c + " " + std::to_string(j) + " 0 1\n";
          ++result.claim_count;
        }
      }
    }
    const std::string kind = outputs != 1 ? "robust-class " + point + " " + c : std::string(predicted == 1 ? "robust-positive " : "robust-negative ") + point;
    result.claims += kind + " " + r.num.str() + " " + r.den.str() + "\n";
    ++result.claim_count;
  }
  compare_files(member(data, "files"), reader.finish().files);

  result.summary = "samples: " + std::to_string(looked_at) + " of " + std::to_string(count);
  if (!all) {
    result.summary += ", drawn with seed " + std::to_string(request.seed);
  }
  result.summary += "; " + std::to_string(result.point_count) + " with a predicted class and a radius to prove, " + std::to_string(undecided) + " undecided";
  if (!all && !indices.empty()) {
    result.summary += "; the points are the samples " + indices;
  }
  result.not_covered = {"counts, labels, recorded margins and the Merkle root of the claim about samples (lipverify checks them)"};
  if (local_radii != 0) {
    result.not_covered.push_back("the radii of " + std::to_string(local_radii) + " samples that follow by the theorem layer-dual");
  }
  if (!all) {
    result.not_covered.push_back("the samples that were not drawn");
  }
  return result;
}

}  // namespace lipcert::proofs
