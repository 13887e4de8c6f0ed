// See tree.hpp. Every block becomes a list of layers of the proved checker (node_layers.hpp). Linear, convolution, sort and pooling blocks
// are followed entry by entry (entries/entries.hpp); a convolution is written out, as far as its size allows.
//
// The plain format has trees only. What a join adds up or joins becomes two networks from the nearest tensor through which every path to
// the join goes; blocks that lie on both are written twice.
#include "proofs/front/tree.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/encoding/error.hpp"
#include "proofs/front/bounds.hpp"
#include "proofs/front/entries/entries.hpp"
#include "proofs/front/entry_layers.hpp"
#include "proofs/front/members.hpp"
#include "proofs/front/node_layers.hpp"

namespace lipcert::proofs {

namespace {

void append_plain(Chain& chain, std::vector<Layer> layers) {
  Part part;
  part.block = carry(std::move(layers), {1, 1});
  chain.push_back(std::move(part));
}

/// a x + g(x): one branch is a multiple of the tensor at which the branches part.
void add_branches(Part& part, bool subtract, std::size_t size, const ClaimedBlock& block) {
  part.kind = Part::Kind::sum;
  const auto multiple = [](const Chain& chain) -> std::optional<Fraction> {
    if (chain.empty()) {
      return Fraction{1, 1};
    }
    if (chain.size() != 1 || chain.front().kind != Part::Kind::block) {
      return std::nullopt;
    }
    Fraction product{1, 1};
    for (const Layer& layer : chain.front().block.layers) {
      const std::vector<std::uint64_t>& words = layer.weights.words;
      if (layer.kind == Layer::Kind::plain && layer.word == "identity") {
        continue;
      }
      if (layer.kind != Layer::Kind::diagonal || words.empty() || layer.bias || layer.divisor != 1 ||
          std::any_of(words.begin(), words.end(), [&](std::uint64_t w) { return w != words.front(); })) {
        return std::nullopt;
      }
      product = product * exact(layer.weights.real(0));
    }
    return product;
  };
  for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
    if (std::optional<Fraction> a = multiple(part.branches.at(k))) {
      if (!at_most({abs(a->num), a->den}, bound_of(part.branches[k]))) {
        throw rejected("the bound of a factor before the join '" + block.id + "' is too small.");
      }
      part.multiple = *std::move(a);
      Chain other = std::move(part.branches.at(1 - k));
      if (subtract && k == 1) {
        part.multiple.num = -part.multiple.num;
      }
      if (subtract && k == 0) {
        append_plain(other, {diagonal(ones(size, true), std::nullopt, Fraction{1, 1})});
      }
      part.branches = {std::move(other)};
      return;
    }
  }
  throw NotCovered("a sum of two branches neither of which is a multiple of what both begin with");
}

/// The block is what it says: the proofs do not care, but a checker must not call a wrong certificate right.
void check_operator(const std::string& op, const std::vector<Layer>& layers, const std::string& id) {
  const auto count = [&](Layer::Kind kind) {
    return std::count_if(layers.begin(), layers.end(), [&](const Layer& l) { return l.kind == kind; });
  };
  const auto is_one = [](const Fraction& f) { return f.num == f.den; };
  const bool scaled = std::any_of(layers.begin(), layers.end(),
                                  [&](const Layer& l) { return l.kind == Layer::Kind::diagonal && (!l.known || !is_one(*l.known)); });
  bool ok = false;
  if (op == "dense") {
    ok = count(Layer::Kind::dense) > 0 && count(Layer::Kind::plain) == 0;
  } else if (op == "activation") {
    ok = layers.size() == 1 && count(Layer::Kind::plain) == 1;
  } else {
    ok = count(Layer::Kind::dense) == 0 && count(Layer::Kind::plain) == 0 && (op == "scale" || !scaled);
  }
  if (!ok) {
    throw rejected("the block '" + id + "' is not of operator '" + op + "'.");
  }
}

class TreeBuilder {
 public:
  TreeBuilder(const Network& network, const ClaimedBlocks& claimed)
      : network_(network), claimed_(claimed), entries_(network), nodes_(network, entries_) {}

  Tree build() {
    Tree tree;
    tree.chain = chain_to(network_.output, network_.input);
    tree.rational_values = nodes_.rational_values();
    return tree;
  }

 private:
  // Keeps a small file from exhausting the stack here.
  static constexpr std::size_t deepest_join = 200;

  [[nodiscard]] const Value& value(ValueId id) const { return network_.values.at(id); }

  /// From tensor `from` to tensor `to`, through which every path to `to` goes.
  Chain chain_to(ValueId to, ValueId from, std::size_t joins = 0) {
    Chain chain;
    if (joins > deepest_join) {
      throw NotCovered("joins inside of each other, more than " + std::to_string(deepest_join) + " deep");
    }
    while (to != from) {
      const std::size_t index = claimed_.maker.at(to);
      const ClaimedBlock& block = claimed_.blocks.at(index);
      if (++written_ > 4 * claimed_.blocks.size()) {
        throw NotCovered("branches that have so much in common that they cannot be written as a tree");
      }
      const ValueId before = claimed_.dominator.at(to);
      if (block.op == "add" || block.op == "concat" || block.op == "max-min") {
        Chain parts = joined(block, before, joins);
        std::reverse(parts.begin(), parts.end());
        chain.insert(chain.end(), parts.begin(), parts.end());
      } else if (block.op == "split") {
        Part part;
        std::vector<Source> sources;
        const Node& n = network_.nodes[block.nodes.front()];
        const auto place = static_cast<std::size_t>(std::find(n.outputs.begin(), n.outputs.end(), to) - n.outputs.begin());
        if (block.nodes.size() != 1 || n.op != Operator::split || !entries_.moves(n, place, sources)) {
          throw rejected("the block '" + block.id + "' is no split.");
        }
        part.block = carry({selection(sources)}, block.upper);
        check_sizes(part.block.layers, before, to);
        chain.push_back(std::move(part));
      } else {
        auto found = converted_.find(index);
        if (found == converted_.end()) {
          found = converted_.emplace(index, carry(layers_of(block), block.upper)).first;
          check_sizes(found->second.layers, before, to);
        }
        Part part;
        part.block = found->second;
        chain.push_back(std::move(part));
      }
      to = before;
    }
    std::reverse(chain.begin(), chain.end());
    return chain;
  }

  /// Whatever a block was made into has as many inputs and outputs as its tensors have entries.
  void check_sizes(const std::vector<Layer>& layers, ValueId from, ValueId to) const {
    std::size_t size = element_count(value(from).shape);
    bool fit = true;
    for (const Layer& layer : layers) {
      const bool pool = layer.kind == Layer::Kind::plain && layer.word.rfind(pool_word, 0) == 0;
      if (layer.kind == Layer::Kind::plain) {
        size = pool ? std::stoull(layer.word.substr(std::strlen(pool_word))) : size;
        continue;
      }
      fit = fit && size == (layer.kind == Layer::Kind::dense ? layer.columns : layer.outputs());
      size = layer.outputs();
    }
    if (!fit || size != element_count(value(to).shape)) {
      throw Error(ExitCode::internal,
                  "the layers before the tensor '" + value(to).name + "' do not have its size; this is a fault of lipproof.");
    }
  }

  /// What a join and the branches before it are, from the tensor at which they part.
  Chain joined(const ClaimedBlock& block, ValueId from, std::size_t joins) {
    const Node& n = network_.nodes[block.nodes.front()];
    Chain result(1);
    Part& part = result.front();
    for (const ValueId input : n.inputs) {
      part.branches.push_back(chain_to(input, from, joins + 1));
    }
    const std::size_t size = element_count(value(n.outputs.at(0)).shape);
    const bool minimum = n.op == Operator::min;
    // Nothing is broadcast where every operand has as many entries as the result.
    const bool one_shape = std::all_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return element_count(value(v).shape) == size; });
    if (block.op != "concat" && !one_shape) {
      throw rejected("the block '" + block.id + "' reads tensors of several shapes.");
    }
    if (block.op == "add") {
      if (n.op != Operator::add && n.op != Operator::sub) {
        throw rejected("the block '" + block.id + "' is no sum.");
      }
      add_branches(part, n.op == Operator::sub, size, block);
      // The claimed bound is rounded up; the identity carries what it adds, so that the checker's bound is the certificate's.
      const Fraction found = reduced(claimed_.bound.at(from) * bound_of(result));
      if (found.num != 0) {
        Part rest;
        rest.block = carry({plain("identity", {1, 1})}, reduced(block.upper / found));
        result.push_back(std::move(rest));
      }
      return result;
    }
    if (block.op == "concat" ? n.op != Operator::concat : n.op != Operator::max && !minimum) {
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
    part.kind = Part::Kind::concat;
    bounds_of_concat(part, block, from);
    if (block.op == "concat") {
      std::vector<std::uint32_t> offset;
      std::uint32_t total = 0;
      for (const ValueId input : n.inputs) {
        offset.push_back(total);
        total += static_cast<std::uint32_t>(element_count(value(input).shape));
      }
      std::vector<Source> sources;
      if (!entries_.moves(n, 0, sources)) {
        throw rejected("the block '" + block.id + "' does not put its inputs side by side.");
      }
      for (Source& s : sources) {
        s.index += offset.at(s.input);
      }
      append_plain(result, {selection(sources)});
      return result;
    }
    // The entries of the inputs one after another, then the largest of those that belong together.
    std::string windows = pool_word + std::to_string(size);
    for (std::size_t i = 0; i < size; ++i) {
      windows += ' ' + std::to_string(n.inputs.size());
      for (std::size_t k = 0; k < n.inputs.size(); ++k) {
        windows += ' ' + std::to_string(k * size + i);
      }
    }
    std::vector<Layer> layers = {plain(windows, {1, 1})};
    if (minimum) {
      layers.insert(layers.begin(), diagonal(ones(n.inputs.size() * size, true), std::nullopt, Fraction{1, 1}));
      layers.push_back(diagonal(ones(size, true), std::nullopt, Fraction{1, 1}));
    }
    append_plain(result, std::move(layers));
    return result;
  }

  /// The claimed bound relative to the beginning of the branches, and bounds of the first of them together.
  void bounds_of_concat(Part& part, const ClaimedBlock& block, ValueId from) const {
    Fraction squares{0, 1};
    for (std::size_t k = 0; k < part.branches.size(); ++k) {
      const Fraction own = bound_of(part.branches[k]);
      Fraction before = part.joined.empty() ? squares : part.joined.back() * part.joined.back();
      squares = sum_of(before, own * own);
      const bool last = k + 1 == part.branches.size();
      const Fraction& start = claimed_.bound.at(from);
      if (last && start.num != 0) {
        part.joined.push_back(reduced(block.upper / start));
      } else if (k > 0) {
        part.joined.push_back(root_above(squares));
      }
      if (last && !at_most(squares, part.joined.back() * part.joined.back())) {
        throw NotCovered("a join of more than two tensors whose bound leaves no room for rational bounds of the first of them");
      }
    }
    if (part.branches.size() < 2) {
      throw NotCovered("a join of one tensor");
    }
  }

  std::vector<Layer> layers_of(const ClaimedBlock& block) {
    const ValueId input = block.inputs.front();
    const ValueId output = block.outputs.front();
    if (block.op == "linear" || block.op == "convolution") {
      const auto convolutions = std::count_if(block.nodes.begin(), block.nodes.end(), [&](std::size_t i) {
        return network_.nodes[i].op == Operator::conv || network_.nodes[i].op == Operator::conv_transpose;
      });
      if (block.op == "convolution" && convolutions != 1) {
        throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
      }
      if (convolutions > 0) {
        require_small(element_count(value(output).shape), element_count(value(input).shape));
      }
      return affine(entries_.forms(block.nodes, input, output), element_count(value(input).shape));
    }
    if (block.op == "sort") {
      return sorted(entries_.orders(block.nodes, input, output), element_count(value(input).shape));
    }
    if (block.op == "pool-max") {
      return pooled(block);
    }
    std::vector<Layer> layers;
    if (block.op == "activation" && block.nodes.size() != 1) {
      const bool product = std::any_of(block.nodes.begin(), block.nodes.end(), [&](std::size_t i) {
        const Node& node = network_.nodes[i];
        return (node.op == Operator::mul || node.op == Operator::div) && !value(node.inputs[0]).constant && !value(node.inputs[1]).constant;
      });
      if (!product) {
        throw rejected("the activation block '" + block.id + "' has several nodes and is no product of two of them.");
      }
      throw NotCovered("a product with a gate, such as x Sigmoid(x)");
    }
    try {
      for (const std::size_t i : block.nodes) {
        nodes_.append(network_.nodes[i], layers);
      }
    } catch (const NotCovered&) {
      if (block.op == "activation") {
        throw;
      }
      // Weights that are computed from others, or matrices that are applied in another way: the same by entries.
      check_nodes(block);
      return affine(entries_.forms(block.nodes, input, output), element_count(value(input).shape));
    }
    check_operator(block.op, layers, block.id);
    return layers;
  }

  /// The nodes of the block are those of its operator.
  void check_nodes(const ClaimedBlock& block) const {
    const auto any_of = [&](std::initializer_list<Operator> kinds) {
      return std::any_of(block.nodes.begin(), block.nodes.end(),
                         [&](std::size_t i) { return std::count(kinds.begin(), kinds.end(), network_.nodes[i].op) != 0; });
    };
    const bool products = any_of({Operator::gemm, Operator::matmul});
    const bool factors = any_of({Operator::mul, Operator::div});
    if (block.op == "dense" ? !products : products || (block.op == "scale" ? !factors : factors)) {
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
  }

  std::vector<Layer> pooled(const ClaimedBlock& block) const {
    const Node& n = network_.nodes[block.nodes.front()];
    const bool minimum = n.op == Operator::reduce_min;
    if (block.nodes.size() != 1 ||
        (n.op != Operator::max_pool && n.op != Operator::global_max_pool && n.op != Operator::reduce_max && !minimum)) {
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
    const std::vector<std::vector<std::uint32_t>> windows = entries_.windows(n);
    Layer pool;
    pool.word = pool_word + std::to_string(windows.size());
    for (const std::vector<std::uint32_t>& window : windows) {
      pool.word += ' ' + std::to_string(window.size());
      for (const std::uint32_t i : window) {
        pool.word += ' ' + std::to_string(i);
      }
    }
    std::vector<Layer> layers;
    if (minimum) {
      layers.push_back(diagonal(ones(element_count(value(n.inputs.at(0)).shape), true), std::nullopt, Fraction{1, 1}));
    }
    layers.push_back(std::move(pool));
    if (minimum) {
      layers.push_back(diagonal(ones(windows.size(), true), std::nullopt, Fraction{1, 1}));
    }
    return layers;
  }

  const Network& network_;
  const ClaimedBlocks& claimed_;
  EntryReader entries_;
  NodeLayers nodes_;
  std::map<std::size_t, Block> converted_;
  std::size_t written_ = 0;
};

}  // namespace

Tree tree_of(const Network& network, const ClaimedBlocks& claimed) {
  return TreeBuilder(network, claimed).build();
}

}  // namespace lipcert::proofs
