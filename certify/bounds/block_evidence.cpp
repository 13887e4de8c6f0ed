// The digest is a hash of a text of fixed fields and of the hashes of pieces of the arrays, so that no copy of a large matrix is made for
// it. Doubles count by their bits: -0 and 0 are different inputs.
#include "certify/bounds/block_evidence.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

#include "formats/encoding/files.hpp"
#include "formats/encoding/hex_float.hpp"

namespace lipcert {
namespace {

constexpr std::size_t piece = std::size_t{1} << 20;  // bytes

/// Fields in their order, each with its length or its end, so that no two sequences of fields are the same text.
class Fields {
 public:
  explicit Fields(const std::string& kind) : text_("lipcert-block-evidence-1\n" + kind + "\n") {}

  void number(std::uint64_t value) { text_ += std::to_string(value) + "\n"; }
  void number(double value) { text_ += hex_float(value) + "\n"; }
  template <class T>
  void array(const std::vector<T>& values) {
    static_assert(std::is_arithmetic_v<T>);
    number(static_cast<std::uint64_t>(values.size()));
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    for (std::size_t at = 0; at < bytes.size(); at += piece) text_ += sha256_hex(std::string(bytes.substr(at, piece))) + "\n";
  }
  [[nodiscard]] std::string digest() const { return sha256_hex(text_); }

 private:
  std::string text_;
};

}  // namespace

BlockEvidence evidence_of_block(const Block& block) {
  return {block.op,      block.theorem, block.upper, block.lower, block.gram,    block.diagonal_index,
          block.witness, block.grid,    block.shift, block.axes,  block.row_axes};
}

void apply(const BlockEvidence& evidence, Block& block) {
  block.op = evidence.op;
  block.theorem = evidence.theorem;
  block.upper = evidence.upper;
  block.lower = evidence.lower;
  block.gram = evidence.gram;
  block.diagonal_index = evidence.diagonal_index;
  block.witness = evidence.witness;
  block.grid = evidence.grid;
  block.shift = evidence.shift;
  block.axes = evidence.axes;
  block.row_axes = evidence.row_axes;
}

std::string evidence_key(const EnclosedMatrix& matrix, Upper reserve, std::uint64_t seed) {
  Fields fields("dense");
  fields.number(static_cast<std::uint64_t>(matrix.rows));
  fields.number(static_cast<std::uint64_t>(matrix.columns));
  fields.array(matrix.centre);
  fields.array(matrix.radius);
  fields.number(reserve.value());
  fields.number(seed);
  return fields.digest();
}

std::string evidence_key(const SparseMatrix& matrix, Upper reserve, std::uint64_t seed) {
  Fields fields("sparse");
  fields.number(static_cast<std::uint64_t>(matrix.rows));
  fields.number(static_cast<std::uint64_t>(matrix.columns));
  fields.array(matrix.start);
  fields.array(matrix.column);
  fields.array(matrix.centre);
  fields.array(matrix.radius);
  fields.number(reserve.value());
  fields.number(seed);
  return fields.digest();
}

std::string evidence_key(const Convolution& convolution, Upper reserve, std::uint64_t seed) {
  Fields fields("convolution");
  fields.number(convolution.groups);
  fields.number(convolution.outputs);
  fields.number(convolution.inputs);
  fields.number(static_cast<std::uint64_t>(convolution.transposed ? 1 : 0));
  fields.number(static_cast<std::uint64_t>(convolution.axes.size()));
  for (const ConvolutionAxis& axis : convolution.axes) {
    for (const std::uint64_t value : {axis.input, axis.padded, axis.output, axis.kernel, axis.stride, axis.dilation}) fields.number(value);
    fields.number(static_cast<std::uint64_t>(axis.begin));
    fields.array(axis.source);
  }
  fields.array(convolution.kernel.shape);
  fields.array(convolution.kernel.centre);
  fields.array(convolution.kernel.radius);
  fields.number(reserve.value());
  fields.number(seed);
  return fields.digest();
}

void EvidenceStore::offer(const std::string& key, BlockEvidence evidence) {
  const std::lock_guard lock(mutex_);
  offered_.insert_or_assign(key, std::move(evidence));
}

std::optional<BlockEvidence> EvidenceStore::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto at = offered_.find(key);
  if (at == offered_.end()) return std::nullopt;
  ++reused_;
  used_.insert_or_assign(key, at->second);
  return at->second;
}

void EvidenceStore::keep(const std::string& key, BlockEvidence evidence) {
  const std::lock_guard lock(mutex_);
  ++computed_;
  used_.insert_or_assign(key, std::move(evidence));
}

std::map<std::string, BlockEvidence> EvidenceStore::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::size_t EvidenceStore::reused() const {
  const std::lock_guard lock(mutex_);
  return reused_;
}

std::size_t EvidenceStore::computed() const {
  const std::lock_guard lock(mutex_);
  return computed_;
}

}  // namespace lipcert
