// One step of the attacker's network: an operator with its numbers, forward and backward. Values stand in numbered slots, batch x size of
// the slot.
#pragma once

#include <cstddef>
#include <vector>

namespace lipcert::attack {

template <class Real>
using Slots = std::vector<std::vector<Real>>;

class PlainStep {
 public:
  virtual ~PlainStep() = default;
  PlainStep() = default;
  PlainStep(const PlainStep&) = delete;
  PlainStep& operator=(const PlainStep&) = delete;

  /// Fills the slot `to`, which has its size.
  virtual void forward(std::size_t batch, Slots<double>& values) const = 0;
  virtual void forward(std::size_t batch, Slots<long double>& values) const = 0;
  /// Adds the gradients of what the step reads, from that of `to`.
  virtual void backward(std::size_t batch, const Slots<double>& values, Slots<double>& gradients) const = 0;

  const std::vector<std::size_t>* sizes = nullptr;  // of the slots
  std::size_t from = 0;
  std::size_t to = 0;

 protected:
  [[nodiscard]] std::size_t size_in() const { return (*sizes)[from]; }
  [[nodiscard]] std::size_t size_out() const { return (*sizes)[to]; }
};

/// An operator whose forward pass is `F::run<Real>(batch, values)`.
template <class F>
class PlainStepOf : public PlainStep {
 public:
  void forward(std::size_t batch, Slots<double>& values) const final { static_cast<const F*>(this)->template run<double>(batch, values); }
  void forward(std::size_t batch, Slots<long double>& values) const final {
    static_cast<const F*>(this)->template run<long double>(batch, values);
  }
};

}  // namespace lipcert::attack
