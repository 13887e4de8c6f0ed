// Index maps of convolutions and their explicit matrices.

#include <algorithm>
#include <limits>

#include "certify/norms/band_norm.hpp"
#include "certify/norms/conv_parts.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

std::int64_t read_position(const ConvolutionAxis& axis, std::uint64_t i, std::uint64_t j) {
  const auto position = static_cast<std::int64_t>(axis.stride * i + axis.dilation * j) - axis.begin;
  if (position < 0 || position >= static_cast<std::int64_t>(axis.padded)) {
    return -1;
  }
  return axis.source.empty() ? position : axis.source[static_cast<std::size_t>(position)];
}

std::uint64_t reads_of(const ConvolutionAxis& axis) {
  std::uint64_t count = 0;
  for (std::uint64_t i = 0; i < axis.output; ++i) {
    for (std::uint64_t j = 0; j < axis.kernel; ++j) {
      count += read_position(axis, i, j) >= 0 ? 1U : 0U;
    }
  }
  return count;
}

TapMap::TapMap(const Convolution& c) {
  // Three axes always: missing ones have length 1.
  ConvolutionAxis single;
  single.input = single.padded = single.output = 1;
  std::vector<ConvolutionAxis> axes(3 - std::min<std::size_t>(3, c.axes.size()), single);
  axes.insert(axes.end(), c.axes.begin(), c.axes.end());
  std::array<std::vector<std::vector<Read>>, 3> reads;
  for (std::size_t l = 0; l < 3; ++l) {
    inputs_ *= axes[l].input;
    outputs_ *= axes[l].output;
    taps_ *= axes[l].kernel;
    reads[l].resize(axes[l].output);
    for (std::uint32_t i = 0; i < axes[l].output; ++i) {
      for (std::uint32_t j = 0; j < axes[l].kernel; ++j) {
        const std::int64_t position = read_position(axes[l], i, j);
        if (position >= 0) {
          reads[l][i].push_back({static_cast<std::uint32_t>(position), j});
        }
      }
    }
  }
  if (inputs_ > std::numeric_limits<std::uint32_t>::max() || outputs_ > std::numeric_limits<std::uint32_t>::max()) {
    throw input_error("A convolution over more than 2^32 positions is beyond this program.");
  }
  const auto n1 = static_cast<std::uint32_t>(axes[1].input);
  const auto n2 = static_cast<std::uint32_t>(axes[2].input);
  const auto k1 = static_cast<std::uint32_t>(axes[1].kernel);
  const auto k2 = static_cast<std::uint32_t>(axes[2].kernel);
  start_.assign(1, 0);
  for (const std::vector<Read>& x : reads[0]) {
    for (const std::vector<Read>& y : reads[1]) {
      for (const std::vector<Read>& z : reads[2]) {
        for (const Read& a : x) {
          for (const Read& b : y) {
            for (const Read& d : z) {
              reads_.push_back({(a.position * n1 + b.position) * n2 + d.position, (a.tap * k1 + b.tap) * k2 + d.tap});
            }
          }
        }
        std::sort(reads_.begin() + static_cast<std::ptrdiff_t>(start_.back()), reads_.end(),
                  [](const Read& s, const Read& t) { return s.position != t.position ? s.position < t.position : s.tap < t.tap; });
        start_.push_back(reads_.size());
      }
    }
  }
}

TapMap TapMap::inverted() const {
  TapMap other;
  other.inputs_ = outputs_;
  other.outputs_ = inputs_;
  other.taps_ = taps_;
  other.start_.assign(inputs_ + 1, 0);
  for (const Read& read : reads_) {
    ++other.start_[read.position + 1];
  }
  for (std::size_t i = 0; i < inputs_; ++i) {
    other.start_[i + 1] += other.start_[i];
  }
  other.reads_.resize(reads_.size());
  std::vector<std::size_t> fill(other.start_.begin(), other.start_.end() - 1);
  for (std::size_t i = 0; i < outputs_; ++i) {
    for (const Read* read = begin(i); read != end(i); ++read) {
      other.reads_[fill[read->position]++] = {static_cast<std::uint32_t>(i), read->tap};
    }
  }
  return other;
}

SparseMatrix explicit_matrix(const Convolution& c) {
  const TapMap map(c);
  SparseMatrix a;
  a.rows = c.groups * c.outputs * map.outputs();
  a.columns = c.groups * c.inputs * map.inputs();
  a.start.reserve(a.rows + 1);
  a.start.push_back(0);
  const std::size_t entries = c.groups * c.outputs * c.inputs * map.size();
  a.column.reserve(entries);
  a.centre.reserve(entries);
  a.radius.reserve(entries);
  bool exact = true;
  for (std::size_t row = 0; row < c.groups * c.outputs; ++row) {
    const std::size_t group = row / c.outputs;
    for (std::size_t i = 0; i < map.outputs(); ++i) {
      for (std::size_t channel = 0; channel < c.inputs; ++channel) {
        const std::size_t weights = (row * c.inputs + channel) * map.taps();
        const std::size_t columns = (group * c.inputs + channel) * map.inputs();
        for (const TapMap::Read* read = map.begin(i); read != map.end(i);) {
          Ball entry{c.kernel.centre[weights + read->tap], c.kernel.radius_at(weights + read->tap)};
          const std::uint32_t position = read->position;
          // A padding that copies makes several taps meet one entry: their weights add up.
          for (++read; read != map.end(i) && read->position == position; ++read) {
            entry = add(entry, {c.kernel.centre[weights + read->tap], c.kernel.radius_at(weights + read->tap)});
          }
          if (entry.centre != 0 || entry.radius != 0) {
            a.column.push_back(static_cast<std::uint32_t>(columns + position));
            a.centre.push_back(entry.centre);
            a.radius.push_back(entry.radius);
            exact = exact && entry.radius == 0;
          }
        }
      }
      a.start.push_back(a.column.size());
    }
  }
  if (exact) {
    a.radius.clear();
  }
  return c.transposed ? transposed(a) : a;
}

}  // namespace lipcert
