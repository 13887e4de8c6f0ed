// See rearrangement.hpp.
//
// Every entry of every tensor in the block is one of x_i, -x_i, relu(x_i), relu(-x_i), or the k-th smallest of a set S of entries of x. Theorem: when
// in the output each order statistic of each set occurs at most once, the sets are disjoint, and an index outside all sets occurs at most once as
// +-x_i, or at most once each as relu(x_i) and relu(-x_i) and not otherwise (an index in a set: only in that set), the block is 1-Lipschitz.
// Proof: it is a direct sum of maps of disjoint groups of entries, up to the order of the output. Sorting is 1-Lipschitz (rearrangement inequality),
// and so is every selection of what it puts out; x -> +-x too; (relu(a) - relu(b))^2 + (relu(-a) - relu(-b))^2 <= (a - b)^2. The constant is 1 and
// attained, because some entry is put out and each of these maps has slope 1 somewhere.
//
// Cost: a few words for every entry of every tensor, and the sets.
#include "verifier/theorems/rearrangement.hpp"

#include <algorithm>
#include <map>

#include "verifier/base/failure.hpp"
#include "verifier/graph/parameters.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 26;  // of all tensors and sets of a block

struct Symbol {
  enum class Kind : std::uint32_t { plus, minus, relu_plus, relu_minus, order } kind = Kind::plus;
  std::uint32_t index = 0;  // entry of the block's input, or set
  std::uint32_t rank = 0;   // order: 0 is the smallest
};
using Symbols = std::vector<Symbol>;
using Kind = Symbol::Kind;

class Symbolic {
 public:
  Symbolic(const Graph& graph, const Block& block) : graph_(graph), block_(block) {}

  void run() {
    Symbols input(element_count(graph_.values[block_.input()].shape));
    spend(input.size());
    for (std::size_t i = 0; i < input.size(); ++i) input[i].index = static_cast<std::uint32_t>(i);
    const std::size_t entries = input.size();
    tensors_[block_.input()] = std::move(input);
    for (const std::size_t i : block_.nodes()) apply(i);
    judge(tensors_.at(block_.output()), entries);
  }

 private:
  [[noreturn]] void fail(std::size_t node, const std::string& reason) const { reject(graph_.label(node) + " does not rearrange: " + reason); }

  void spend(std::uint64_t entries) {
    if (entries > kEntries - spent_) exhausted("a sorting block has more entries than this checker takes");
    spent_ += entries;
  }

  [[nodiscard]] const Symbols& tensor(std::size_t node, std::size_t k) const {
    const ValueId id = graph_.nodes[node].inputs[k];
    const auto found = id == kAbsent ? tensors_.end() : tensors_.find(id);
    if (found == tensors_.end()) fail(node, "it reads something that is not made of entries of the block's input");
    return found->second;
  }

  /// The smallest order statistic of entries x_i (`rank` is then counted up), or the only entry.
  Symbol statistic(std::size_t node, std::vector<std::uint32_t> indices) {
    if (indices.size() == 1) return {Kind::plus, indices[0], 0};
    std::sort(indices.begin(), indices.end());
    if (std::adjacent_find(indices.begin(), indices.end()) != indices.end()) fail(node, "one entry stands twice among those that it compares");
    const auto next = static_cast<std::uint32_t>(sets_.size());
    const auto [place, fresh] = ids_.emplace(std::move(indices), next);
    if (fresh) {
      spend(place->first.size());
      sets_.push_back(&place->first);
    }
    return {Kind::order, place->second, 0};
  }

  [[nodiscard]] std::uint32_t entry(std::size_t node, const Symbol& s) const {
    if (s.kind != Kind::plus) fail(node, "it compares something else than entries of the block's input");
    return s.index;
  }

  void apply(std::size_t i) {
    const Node& node = graph_.nodes[i];
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      if (node.outputs[o] == kAbsent || graph_.values[node.outputs[o]].unusable) continue;
      const std::uint64_t entries = element_count(graph_.values[node.outputs[o]].shape);
      spend(entries);
      Symbols out;
      if (moves_entries(node.op) && node.op != Op::pad) {
        for (const Source& source : sources_of(graph_, i, o)) out.push_back(tensor(i, source.input).at(source.index));
      } else if (o == 0) {
        out = values(i, entries);
      } else {
        fail(i, "it has a second output");
      }
      if (out.size() != entries) exhausted("a tensor of the wrong size: a fault of the checker");
      tensors_[node.outputs[o]] = std::move(out);
    }
  }

  Symbols values(std::size_t i, std::uint64_t entries) {
    const Node& node = graph_.nodes[i];
    Symbols out;
    switch (node.op) {
      case Op::neg:
        for (Symbol s : tensor(i, 0)) {
          if (s.kind != Kind::plus && s.kind != Kind::minus) fail(i, "it changes the sign of something else than an entry");
          s.kind = s.kind == Kind::plus ? Kind::minus : Kind::plus;
          out.push_back(s);
        }
        break;
      case Op::relu:
        for (Symbol s : tensor(i, 0)) {
          if (s.kind != Kind::plus && s.kind != Kind::minus) fail(i, "it acts on something else than an entry");
          s.kind = s.kind == Kind::plus ? Kind::relu_plus : Kind::relu_minus;
          out.push_back(s);
        }
        break;
      case Op::max:
      case Op::min: {
        if (node.inputs.size() != 2) fail(i, "it does not compare two tensors");
        const Symbols& x = tensor(i, 0);
        const Symbols& y = tensor(i, 1);
        if (graph_.values[node.inputs[0]].shape != graph_.values[node.inputs[1]].shape) fail(i, "the tensors that it compares are not of one shape");
        for (std::uint64_t e = 0; e < entries; ++e) {
          const std::uint32_t a = entry(i, x[e]);
          const std::uint32_t b = entry(i, y[e]);
          if (a == b) fail(i, "it compares an entry with itself");
          Symbol s = statistic(i, {a, b});
          s.rank = node.op == Op::max ? 1 : 0;
          out.push_back(s);
        }
        break;
      }
      case Op::reduce_max:
      case Op::reduce_min:
      case Op::top_k: out = lines(i); break;
      default: fail(i, "its kind does not belong here");
    }
    return out;
  }

  /// ReduceMax, ReduceMin, TopK: the entries along the axes, one line for every position of the others.
  Symbols lines(std::size_t i) {
    const Node& node = graph_.nodes[i];
    const Symbols& x = tensor(i, 0);
    const Shape& shape = graph_.values[node.inputs[0]].shape;
    const std::vector<std::uint64_t> axes = axes_of(graph_, i);
    std::uint64_t length = 1;
    for (const std::uint64_t axis : axes) length *= shape[axis];
    const std::uint64_t taken = node.op == Op::top_k ? top_of(graph_, i) : 1;
    const bool largest = node.op == Op::reduce_max || (node.op == Op::top_k && (graph_.opset < 11 || node.attributes.at("largest").integer == 1));
    // Line of each entry: its flat index with the axes left out. Outputs of TopK stand along its axis.
    std::vector<std::vector<std::uint32_t>> members(x.size() / length);
    spend(x.size());
    for (std::uint64_t e = 0; e < x.size(); ++e) {
      std::uint64_t rest = e;
      std::uint64_t line = 0;
      std::uint64_t stride = 1;
      for (std::size_t k = shape.size(); k-- > 0; rest /= shape[k]) {
        if (std::find(axes.begin(), axes.end(), k) != axes.end()) continue;
        line += rest % shape[k] * stride;
        stride *= shape[k];
      }
      members[line].push_back(entry(i, x[e]));
    }
    std::uint64_t inner = 1;  // lines that lie beside each other behind the axis
    if (node.op == Op::top_k)
      for (std::size_t k = axes.at(0) + 1; k < shape.size(); ++k) inner *= shape[k];
    Symbols out(members.size() * taken);
    for (std::uint64_t line = 0; line < members.size(); ++line) {
      Symbol s = statistic(i, std::move(members[line]));
      for (std::uint64_t t = 0; t < taken; ++t) {
        if (s.kind == Kind::order) s.rank = static_cast<std::uint32_t>(largest ? length - 1 - t : t);
        out[line / inner * inner * taken + t * inner + line % inner] = s;
      }
    }
    return out;
  }

  void judge(const Symbols& output, std::size_t entries) const {
    constexpr std::uint32_t free = 0xFFFFFFFF;
    std::vector<std::uint32_t> owner(entries, free);                 // the set that an entry lies in
    std::vector<std::vector<bool>> seen(sets_.size());               // order statistics put out
    std::vector<unsigned> used(entries, 0);                          // bits: 1 as +-x, 2 as relu(x), 4 as relu(-x)
    const auto twice = [&](std::uint32_t i) { reject("entry " + std::to_string(i) + " of the block's input occurs twice in its output, or in two sets"); };
    for (const Symbol& s : output) {
      if (s.kind != Kind::order) continue;
      std::vector<bool>& ranks = seen[s.index];
      if (ranks.empty()) {
        ranks.assign(sets_[s.index]->size(), false);
        for (const std::uint32_t i : *sets_[s.index]) {
          if (owner[i] != free) twice(i);
          owner[i] = s.index;
        }
      }
      if (ranks.at(s.rank)) reject("an order statistic of entry " + std::to_string(sets_[s.index]->front()) + " and others occurs twice in the output");
      ranks[s.rank] = true;
    }
    for (const Symbol& s : output) {
      if (s.kind == Kind::order) continue;
      const unsigned bit = s.kind == Kind::relu_plus ? 2 : s.kind == Kind::relu_minus ? 4 : 1;
      const unsigned clash = bit == 1 ? 7 : 1 | bit;
      if (owner[s.index] != free || (used[s.index] & clash) != 0) twice(s.index);
      used[s.index] |= bit;
    }
  }

  const Graph& graph_;
  const Block& block_;
  std::map<ValueId, Symbols> tensors_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> ids_;
  std::vector<const std::vector<std::uint32_t>*> sets_;
  std::uint64_t spent_ = 0;
};

}  // namespace

void check_rearrangement(const Graph& graph, const Block& block) { Symbolic(graph, block).run(); }

}  // namespace lipverify
