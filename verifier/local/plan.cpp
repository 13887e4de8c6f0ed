// See plan.hpp.
#include "verifier/local/plan.hpp"

#include <algorithm>
#include <map>

namespace lipverify::local {

namespace {

using Kind = StepForm::Kind;

bool orders(Kind kind) { return kind == Kind::extreme || kind == Kind::order || kind == Kind::larger || kind == Kind::smaller; }

struct Place {
  ValueId tensor = 0;
  std::uint32_t index = 0;
  bool operator<(const Place& other) const { return tensor != other.tensor ? tensor < other.tensor : index < other.index; }
};

class Maker {
 public:
  Maker(const FixedNetwork& network, const std::vector<std::uint64_t>& sizes) : network_(network), sizes_(sizes) {}

  Plan make() {
    Plan plan;
    std::map<ValueId, Above> constants = {{0, Above(Integer(1), 0)}};  // P of formats/SPEC.md, section 4
    plan.blocks.reserve(network_.blocks().size());
    for (const FixedNetwork::Block& from : network_.blocks()) {
      Block& block = plan.blocks.emplace_back();
      block.input = from.input;
      block.bound = from.bound;
      block.outputs = from.outputs;
      block.constant = from.input ? Above(from.bound) * constants.at(*from.input) : Above(from.bound);
      for (const ValueId id : from.outputs) constants[id] = block.constant;
      for (const FixedNetwork::Placed& placed : from.steps) {
        Step& step = block.steps.emplace_back();
        step.placed = &placed;
        step.form = placed.step->form();
        block.ball = block.ball || step.form.kind == Kind::other;
      }
      if (block.ball) continue;
      for (Step& step : block.steps) {
        fill(step);
        producers_[step.placed->output] = &step;
      }
    }
    join_pairs(plan);
    return plan;
  }

 private:
  void fill(Step& step) {
    const FixedStep& of = *step.placed->step;
    const Kind kind = step.form.kind;
    if (kind != Kind::activation) step.stretch = Above(of.stretch());
    if (kind == Kind::affine || kind == Kind::diagonal || kind == Kind::average) step.norms = of.row_norms();
    if (kind == Kind::affine || kind == Kind::average) {  // no shorter than any box of this step, so that the box's length counts
      std::vector<std::int64_t> norms;
      for (const std::uint64_t norm : step.norms->norms) norms.push_back(static_cast<std::int64_t>(norm));
      step.stretch = length(norms, step.norms->exponent);
    }
    if (orders(kind)) step.sets = sets_of(step);
  }

  Sets sets_of(const Step& step) {
    Sets sets;
    const StepForm& form = step.form;
    const std::size_t results = sizes_.at(step.placed->output);
    sets.start.push_back(0);
    if (form.kind == Kind::extreme) {
      for (const std::uint32_t e : *form.entries) sets.members.push_back({0, e});
      sets.start = *form.start;
    } else if (form.kind == Kind::order) {
      for (const auto& line : *form.lines) {
        for (const std::uint32_t e : line) sets.members.push_back({0, e});
        sets.start.push_back(sets.members.size());
      }
    } else {
      const auto slots = static_cast<std::uint32_t>(step.placed->inputs.size());
      for (std::uint32_t i = 0; i < results; ++i) {
        for (std::uint32_t k = 0; k < slots; ++k) sets.members.push_back({k, i});
        sets.start.push_back(sets.members.size());
      }
    }
    const std::size_t count = sets.start.size() - 1;
    sets.largest.assign(count, kNoEntry);
    sets.smallest.assign(count, kNoEntry);
    const auto put = [&](std::vector<std::uint32_t>& ends, std::size_t set, std::size_t entry) {
      if (ends[set] != kNoEntry) sets.sorted = true;  // the only member of a line is both; twice the same rank is no form of ours
      ends[set] = static_cast<std::uint32_t>(entry);
    };
    for (std::size_t i = 0; i < results; ++i) {
      if (form.kind != Kind::order) {
        put(form.kind == Kind::smaller || form.smallest ? sets.smallest : sets.largest, i, i);
        continue;
      }
      const std::size_t set = (*form.line)[i], length = sets.start[set + 1] - sets.start[set];
      const std::size_t rank = form.smallest ? length - 1 - (*form.ranks)[i] : (*form.ranks)[i];
      sets.line.push_back(static_cast<std::uint32_t>(set));
      sets.ranks.push_back(static_cast<std::uint32_t>(rank));
      if (rank == 0)
        put(sets.largest, set, i);
      else if (rank + 1 == length)
        put(sets.smallest, set, i);
      else
        sets.sorted = true;
      if (length > 2 && sets.largest[set] != kNoEntry && sets.smallest[set] != kNoEntry) sets.sorted = true;
    }
    trace(step, sets);
    return sets;
  }

  /// Follows the members back to where they are computed.
  void trace(const Step& step, Sets& sets) {
    std::map<Place, std::uint64_t> compared;
    std::vector<Place> origins;
    for (const Member& member : sets.members) {
      Place at{step.placed->inputs.at(member.slot), member.index};
      while (producers_.count(at.tensor) != 0) {
        const Step& from = *producers_.at(at.tensor);
        Place next = at;
        if (from.form.kind == Kind::moving) {
          const Source& source = from.form.sources->at(at.index);
          if (source.input == kPadding) break;
          next = {from.placed->inputs.at(source.input), source.index};
        } else if (from.form.shifts) {
          next.tensor = from.placed->inputs[0];
        } else {
          break;
        }
        if (std::find(sets.passed.begin(), sets.passed.end(), at.tensor) == sets.passed.end()) sets.passed.push_back(at.tensor);
        at = next;
      }
      auto known = std::find(sets.tensors.begin(), sets.tensors.end(), at.tensor);
      if (known == sets.tensors.end()) known = sets.tensors.insert(known, at.tensor);
      sets.origin.push_back(static_cast<std::uint32_t>(known - sets.tensors.begin()));
      sets.compared = std::max(sets.compared, ++compared[at]);
      origins.push_back(at);
    }
    for (std::size_t s = 0; s + 1 < sets.start.size(); ++s) {
      std::optional<Sets::Difference>& difference = sets.differences.emplace_back();
      if (sets.start[s + 1] - sets.start[s] != 2) continue;
      const Place &a = origins[sets.start[s]], &b = origins[sets.start[s] + 1];
      if (a.tensor != b.tensor || producers_.count(a.tensor) == 0) continue;
      const Step& product = *producers_.at(a.tensor);
      if (product.form.kind != Kind::affine) continue;
      if (const std::optional<std::uint64_t> norm = product.placed->step->row_difference(a.index, b.index))
        difference = Sets::Difference{Above(Integer(*norm), product.norms->exponent), a.tensor, product.placed->inputs[0]};
    }
  }

  /// A Max and a Min of the same two tensors are taken together, as the first of them: max = z_m + relu(d), min = z_o - relu(d).
  static void join_pairs(Plan& plan) {
    std::vector<Step*> pairs;
    for (Block& block : plan.blocks)
      for (Step& step : block.steps)
        if (step.sets && step.placed->inputs.size() == 2 && (step.form.kind == Kind::larger || step.form.kind == Kind::smaller)) pairs.push_back(&step);
    for (std::size_t b = 0; b < pairs.size(); ++b)
      for (std::size_t a = 0; a < b && !pairs[b]->done_with_first; ++a) {
        Step& first = *pairs[a];
        if (first.partner || first.done_with_first || first.form.kind == pairs[b]->form.kind || first.placed->inputs != pairs[b]->placed->inputs) continue;
        first.partner = pairs[b]->placed->output;
        pairs[b]->done_with_first = true;
      }
  }

  const FixedNetwork& network_;
  const std::vector<std::uint64_t>& sizes_;
  std::map<ValueId, const Step*> producers_;  // of tensors outside of balls
};

}  // namespace

Plan make_plan(const FixedNetwork& network, const std::vector<std::uint64_t>& sizes) { return Maker(network, sizes).make(); }

}  // namespace lipverify::local
