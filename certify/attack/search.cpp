#include "certify/attack/search.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <thread>

// OpenBLAS's own; threads of ours run side by side, so each product stays on one.
extern "C" void openblas_set_num_threads(int);

namespace lipcert::attack {

namespace {

using Vector = std::vector<double>;

/// One batch under attack.
class Batch {
 public:
  Batch(const PlainNetwork& network, const std::vector<Target>& targets, const SearchSettings& settings)
      : network_(network),
        targets_(targets),
        settings_(settings),
        count_(targets.size()),
        n_(network.inputs()),
        classes_(network.outputs()) {
    x_.reserve(count_ * n_);
    for (const Target& target : targets) x_.insert(x_.end(), target.x.begin(), target.x.end());
    best_ = x_;
    distance_.assign(count_, std::numeric_limits<double>::infinity());
    class_.resize(count_);
  }

  std::vector<Flip> run() {
    std::vector<Flip> flips(count_);
    const Vector& f = network_.evaluate(x_, count_, tape_);
    for (std::size_t b = 0; b < count_; ++b) {
      const std::uint32_t own = decide(f.data() + b * classes_);
      class_[b] = targets_[b].predicted.value_or(own);
    }
    for (unsigned rank = 0; rank < 3; ++rank) inside_ball(rank);
    for (unsigned rank = 0; rank < 2; ++rank) from_start(rank);
    along_boundary();
    projected_gradient();
    for (std::size_t b = 0; b < count_; ++b) flips[b] = finish(b);
    return flips;
  }

 private:
  [[nodiscard]] std::uint32_t decide(const double* f) const {
    if (classes_ == 1) return f[0] > 0 ? 1 : 0;
    return static_cast<std::uint32_t>(std::max_element(f, f + classes_) - f);
  }

  /// f_c - max of the others (or the signed output), and the rival that attains it.
  template <typename Real>
  [[nodiscard]] Real margin(const Real* f, std::uint32_t c, std::uint32_t& rival) const {
    if (classes_ == 1) {
      rival = 1 - c;
      return c == 1 ? f[0] : -f[0];
    }
    rival = c == 0 ? 1 : 0;
    for (std::uint32_t j = 0; j < classes_; ++j) {
      if (j != c && f[j] > f[rival]) rival = j;
    }
    return f[c] - f[rival];
  }

  [[nodiscard]] double margin_to(const double* f, std::uint32_t c, std::uint32_t rival) const {
    return classes_ == 1 ? (c == 1 ? f[0] : -f[0]) : f[c] - f[rival];
  }

  /// Gradients of f_c - f_rival at the last evaluated points.
  const Vector& margin_gradient(const std::vector<std::uint32_t>& rivals) {
    Vector seed(count_ * classes_, 0.0);
    for (std::size_t b = 0; b < count_; ++b) {
      if (classes_ == 1) {
        seed[b] = class_[b] == 1 ? 1 : -1;
      } else {
        seed[b * classes_ + class_[b]] = 1;
        seed[b * classes_ + rivals[b]] = -1;
      }
    }
    return network_.gradient(seed, tape_);
  }

  /// Into the range of inputs that count; the ball around an x inside it is not left.
  void keep_in_range(Vector& y) const {
    if (settings_.low.empty()) return;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::clamp(y[i], settings_.low[i % n_], settings_.high[i % n_]);
  }

  [[nodiscard]] double norm(const double* v) const { return cblas_dnrm2(static_cast<int>(n_), v, 1); }

  /// Where y flips, shortens it towards x by bisection (all samples at once) and keeps it if it is nearer than the best.
  void offer(Vector y, unsigned steps) {
    keep_in_range(y);
    Vector low(count_, 0.0);
    Vector high(count_, 1.0);
    Vector point = y;
    std::vector<bool> flipped(count_);
    std::uint32_t rival = 0;
    {
      const Vector& f = network_.evaluate(point, count_, tape_);
      for (std::size_t b = 0; b < count_; ++b) flipped[b] = margin(f.data() + b * classes_, class_[b], rival) <= 0;
    }
    if (std::none_of(flipped.begin(), flipped.end(), [](bool found) { return found; })) return;
    for (unsigned s = 0; s < steps; ++s) {
      for (std::size_t b = 0; b < count_; ++b) {
        const double t = (low[b] + high[b]) / 2;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) point[i] = x_[i] + t * (y[i] - x_[i]);
      }
      const Vector& f = network_.evaluate(point, count_, tape_);
      for (std::size_t b = 0; b < count_; ++b) {
        const double t = (low[b] + high[b]) / 2;
        (margin(f.data() + b * classes_, class_[b], rival) <= 0 ? high[b] : low[b]) = t;
      }
    }
    for (std::size_t b = 0; b < count_; ++b) {
      if (!flipped[b]) continue;
      double sum = 0;
      for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) {
        point[i] = x_[i] + high[b] * (y[i] - x_[i]);
        sum += (point[i] - x_[i]) * (point[i] - x_[i]);
      }
      if (std::sqrt(sum) < distance_[b]) {
        distance_[b] = std::sqrt(sum);
        std::copy(point.begin() + static_cast<std::ptrdiff_t>(b * n_), point.begin() + static_cast<std::ptrdiff_t>((b + 1) * n_),
                  best_.begin() + static_cast<std::ptrdiff_t>(b * n_));
      }
    }
  }

  /// The rival of the given rank by first-order distance, margin / ||gradient||.
  std::vector<std::uint32_t> rivals_of_rank(unsigned rank) {
    if (!ranking_.empty()) return ranking_[std::min<std::size_t>(rank, ranking_.size() - 1)];
    const Vector f = network_.evaluate(x_, count_, tape_);
    constexpr std::size_t most = 9;
    const std::size_t candidates = classes_ == 1 ? 1 : std::min<std::size_t>(classes_ - 1, most);
    std::vector<std::vector<std::uint32_t>> by_output(candidates, std::vector<std::uint32_t>(count_, 0));
    for (std::size_t b = 0; b < count_; ++b) {
      std::vector<std::uint32_t> order;
      for (std::uint32_t j = 0; j < classes_; ++j) {
        if (classes_ == 1 || j != class_[b]) order.push_back(j);
      }
      const double* fb = f.data() + b * classes_;
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(candidates), order.end(),
                        [&](std::uint32_t i, std::uint32_t j) { return fb[i] > fb[j] || (!(fb[j] > fb[i]) && i < j); });
      for (std::size_t k = 0; k < candidates; ++k) by_output[k][b] = order[k];
    }
    std::vector<std::vector<std::pair<double, std::uint32_t>>> reach(count_);
    for (std::size_t k = 0; k < candidates; ++k) {
      const Vector& g = margin_gradient(by_output[k]);
      for (std::size_t b = 0; b < count_; ++b) {
        const double slope = norm(g.data() + b * n_);
        const double m = margin_to(f.data() + b * classes_, class_[b], by_output[k][b]);
        reach[b].emplace_back(slope > 0 ? m / slope : std::numeric_limits<double>::infinity(), by_output[k][b]);
      }
    }
    ranking_.assign(candidates, std::vector<std::uint32_t>(count_, 0));
    for (std::size_t b = 0; b < count_; ++b) {
      std::sort(reach[b].begin(), reach[b].end());
      for (std::size_t k = 0; k < candidates; ++k) ranking_[k][b] = reach[b][k].second;
    }
    return ranking_[std::min<std::size_t>(rank, ranking_.size() - 1)];
  }

  /// From the rim of the certified ball against the first gradient, then projected gradient with steps that shrink.
  void inside_ball(unsigned rank) {
    const auto usable = [&](std::size_t b) { return targets_[b].radius > 0 && std::isfinite(targets_[b].radius); };
    bool any = false;
    for (std::size_t b = 0; b < count_; ++b) any = any || usable(b);
    if (!any) return;
    const std::vector<std::uint32_t> rivals = rivals_of_rank(rank);
    if (rank >= ranking_.size()) return;
    Vector y = x_;
    for (unsigned s = 0; s < 20; ++s) {
      network_.evaluate(y, count_, tape_);
      const Vector g = margin_gradient(rivals);
      for (std::size_t b = 0; b < count_; ++b) {
        const double slope = norm(g.data() + b * n_);
        if (!usable(b) || !(slope > 0)) continue;
        const double radius = targets_[b].radius;
        const double step = (s == 0 ? 1 : s < 10 ? 0.3 : 0.1) * radius / slope;
        double square = 0;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) {
          y[i] -= step * g[i];
          square += (y[i] - x_[i]) * (y[i] - x_[i]);
        }
        const double shrink = square > radius * radius ? radius / std::sqrt(square) : 1;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) y[i] = x_[i] + shrink * (y[i] - x_[i]);
      }
      keep_in_range(y);
      if (s % 5 == 4) offer(y, 16);
    }
  }

  void from_start(unsigned rank) {
    const std::vector<std::uint32_t> rivals = rivals_of_rank(rank);
    if (rank > 0 && ranking_.size() == 1) return;
    // Straight along the counterfactual direction, further and further.
    Vector f = network_.evaluate(x_, count_, tape_);
    const Vector g = margin_gradient(rivals);
    Vector y = x_;
    Vector t(count_, 0.0);
    for (std::size_t b = 0; b < count_; ++b) {
      const double square = std::pow(norm(g.data() + b * n_), 2);
      t[b] = square > 0 ? std::max(margin_to(f.data() + b * classes_, class_[b], rivals[b]), 1e-300) / square : 0;
    }
    std::vector<bool> open(count_, true);
    std::uint32_t rival = 0;
    for (unsigned s = 0; s < 12; ++s) {
      for (std::size_t b = 0; b < count_; ++b) {
        if (!open[b]) continue;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) y[i] = x_[i] - t[b] * g[i];
        t[b] *= 1.5;
      }
      const Vector& now = network_.evaluate(y, count_, tape_);
      for (std::size_t b = 0; b < count_; ++b) {
        if (margin(now.data() + b * classes_, class_[b], rival) <= 0) open[b] = false;
      }
      if (std::none_of(open.begin(), open.end(), [](bool o) { return o; })) break;
    }
    offer(y, 25);
    // The same with a new gradient at every step.
    y = x_;
    open.assign(count_, true);
    for (unsigned s = 0; s < 15; ++s) {
      f = network_.evaluate(y, count_, tape_);
      for (std::size_t b = 0; b < count_; ++b) {
        if (margin(f.data() + b * classes_, class_[b], rival) <= 0) open[b] = false;
      }
      if (std::none_of(open.begin(), open.end(), [](bool o) { return o; })) break;
      const Vector& slope = margin_gradient(rivals);
      for (std::size_t b = 0; b < count_; ++b) {
        const double square = std::pow(norm(slope.data() + b * n_), 2);
        if (!open[b] || !(square > 0)) continue;
        const double step = 1.02 * std::max(margin_to(f.data() + b * classes_, class_[b], rivals[b]), 1e-300) / square;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) y[i] -= step * slope[i];
      }
      keep_in_range(y);
    }
    offer(y, 25);
  }

  /// Rivals at the best points, and the gradients there.
  const Vector& gradient_at(const Vector& y, Vector& margins) {
    const Vector& f = network_.evaluate(y, count_, tape_);
    std::vector<std::uint32_t> rivals(count_);
    margins.resize(count_);
    for (std::size_t b = 0; b < count_; ++b) margins[b] = margin(f.data() + b * classes_, class_[b], rivals[b]);
    return margin_gradient(rivals);
  }

  void along_boundary() {
    Vector y = best_;
    Vector m;
    for (unsigned s = 0; s < 10; ++s) {
      const Vector& g = gradient_at(y, m);
      Vector z = y;
      for (std::size_t b = 0; b < count_; ++b) {
        if (!std::isfinite(distance_[b])) continue;
        double square = 0;
        double inner = m[b];
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) {
          square += g[i] * g[i];
          inner += g[i] * (x_[i] - y[i]);
        }
        if (!(square > 0)) continue;
        const double step = 1.01 * inner / square;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) z[i] = x_[i] - step * g[i];
      }
      keep_in_range(z);
      offer(z, 16);
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = 0.3 * best_[i] + 0.7 * z[i];
    }
  }

  void projected_gradient() {
    Vector y = best_;
    Vector m;
    for (unsigned s = 0; s < settings_.steps; ++s) {
      const double length = s % 10 < 5 ? 0.1 : 0.03;
      const Vector& g = gradient_at(y, m);
      bool any = false;
      for (std::size_t b = 0; b < count_; ++b) {
        if (!std::isfinite(distance_[b])) continue;
        any = any || m[b] <= 0;
        const double slope = norm(g.data() + b * n_);
        const double radius = 0.995 * distance_[b];
        if (slope > 0) {
          for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) y[i] -= length * radius / slope * g[i];
        }
        double square = 0;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) square += (y[i] - x_[i]) * (y[i] - x_[i]);
        const double shrink = square > radius * radius ? radius / std::sqrt(square) : 1;
        for (std::size_t i = b * n_; i < (b + 1) * n_; ++i) y[i] = x_[i] + shrink * (y[i] - x_[i]);
      }
      keep_in_range(y);
      if (any || s % 5 == 4) offer(y, 16);
    }
    offer(Vector(best_), 50);
  }

  [[nodiscard]] long double exact_margin(const Vector& y, std::uint32_t c, std::uint32_t& rival) const {
    const std::vector<long double> f = network_.evaluate_extended(y);
    return margin(f.data(), c, rival);
  }

  [[nodiscard]] long double length(const Vector& y, std::size_t b) const {
    long double sum = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const long double d = static_cast<long double>(y[i]) - static_cast<long double>(x_[b * n_ + i]);
      sum += d * d;
    }
    return std::sqrt(sum);
  }

  /// Candidates nearer to x than `y`, evaluated as one batch; the nearest that still flips replaces it.
  void keep_nearest(Vector& y, std::size_t b, const std::vector<Vector>& candidates) {
    Vector all;
    for (const Vector& candidate : candidates) all.insert(all.end(), candidate.begin(), candidate.end());
    keep_in_range(all);
    const Vector& f = network_.evaluate(all, candidates.size(), tape_);
    long double shortest = length(y, b);
    std::uint32_t rival = 0;
    const Vector* chosen = nullptr;
    for (std::size_t k = 0; k < candidates.size(); ++k) {
      if (margin(f.data() + k * classes_, class_[b], rival) > 0) continue;
      const long double d = length(candidates[k], b);
      if (d < shortest) {
        shortest = d;
        chosen = &candidates[k];
      }
    }
    if (chosen != nullptr) y = *chosen;
    keep_in_range(y);
  }

  void rounding_search(Vector& y, std::size_t b) {
    const double* x = x_.data() + b * n_;
    double largest = 0;
    for (std::size_t i = 0; i < n_; ++i) largest = std::max(largest, std::fabs(y[i] - x[i]));
    if (!(largest > 0)) return;
    std::vector<Vector> candidates;
    for (int k = 3; k <= 24; ++k) {
      const double grid = std::ldexp(largest, -k);
      for (const bool nearest : {true, false}) {
        Vector candidate(n_);
        for (std::size_t i = 0; i < n_; ++i) {
          const double steps = (y[i] - x[i]) / grid;
          candidate[i] = x[i] + grid * (nearest ? std::nearbyint(steps) : std::trunc(steps));
        }
        candidates.push_back(std::move(candidate));
      }
    }
    Vector single(n_);  // neighbours in binary32, which is what deployed inference sees
    for (std::size_t i = 0; i < n_; ++i) {
      const float rounded = static_cast<float>(y[i]);
      single[i] = std::fabs(static_cast<double>(rounded) - x[i]) <= std::fabs(y[i] - x[i])
                      ? static_cast<double>(rounded)
                      : static_cast<double>(std::nextafter(rounded, static_cast<float>(x[i])));
    }
    candidates.push_back(std::move(single));
    keep_nearest(y, b, candidates);

    std::mt19937_64 random(settings_.seed * 0x9e3779b97f4a7c15ULL + targets_[b].index);
    for (unsigned round = 0; round < 2; ++round) {
      candidates.clear();
      for (unsigned k = 0; k < 24; ++k) {
        Vector candidate = y;
        const std::uint64_t mask = k % 3 == 0 ? 1 : k % 3 == 1 ? 3 : 15;  // every second, fourth, sixteenth entry on average
        for (std::size_t i = 0; i < n_; ++i) {
          if (candidate[i] != x[i] && (random() & mask) == 0) candidate[i] = std::nextafter(candidate[i], x[i]);
        }
        candidates.push_back(std::move(candidate));
      }
      keep_nearest(y, b, candidates);
    }
  }

  Flip finish(std::size_t b) {
    Flip flip;
    flip.from = class_[b];
    const Vector x(x_.begin() + static_cast<std::ptrdiff_t>(b * n_), x_.begin() + static_cast<std::ptrdiff_t>((b + 1) * n_));
    Vector y = x;
    std::uint32_t rival = 0;
    if (exact_margin(x, class_[b], rival) > 0) {
      if (!std::isfinite(distance_[b])) return flip;
      y.assign(best_.begin() + static_cast<std::ptrdiff_t>(b * n_), best_.begin() + static_cast<std::ptrdiff_t>((b + 1) * n_));
      rounding_search(y, b);
      // What double precision takes for a flip may be its own rounding error: go on until extended precision agrees.
      bool confirmed = exact_margin(y, class_[b], rival) <= 0;
      for (double excess = 0x1p-50; !confirmed && excess < 0.5; excess *= 4) {
        Vector further(n_);
        for (std::size_t i = 0; i < n_; ++i) further[i] = x[i] + (1 + excess) * (y[i] - x[i]);
        keep_in_range(further);
        if (exact_margin(further, class_[b], rival) <= 0) {
          y = further;
          confirmed = true;
        }
      }
      if (!confirmed) return flip;
    }
    flip.found = true;
    flip.to = rival;
    flip.distance =
        std::nextafter(static_cast<double>(length(y, b) * (1 + 0x1p-40L)) + targets_[b].x_error, std::numeric_limits<double>::infinity());
    flip.y = std::move(y);
    return flip;
  }

  const PlainNetwork& network_;
  const std::vector<Target>& targets_;
  const SearchSettings& settings_;
  std::size_t count_;
  std::size_t n_;
  std::size_t classes_;
  PlainNetwork::Tape tape_;
  Vector x_;
  Vector best_;
  Vector distance_;
  std::vector<std::uint32_t> class_;
  std::vector<std::vector<std::uint32_t>> ranking_;
};

}  // namespace

std::vector<Flip> attack_batch(const PlainNetwork& network, const std::vector<Target>& targets, const SearchSettings& settings) {
  return targets.empty() ? std::vector<Flip>() : Batch(network, targets, settings).run();
}

void attack_all(const PlainNetwork& network, std::size_t count, unsigned threads, const SearchSettings& settings,
                const std::function<std::vector<Target>(std::size_t)>& load,
                const std::function<void(std::size_t, const std::vector<Target>&, const std::vector<Flip>&)>& done) {
  openblas_set_num_threads(1);
  struct Result {
    std::vector<Target> targets;
    std::vector<Flip> flips;
  };
  std::mutex mutex;
  std::condition_variable delivered;
  std::size_t next = 0;
  std::size_t next_done = 0;
  std::map<std::size_t, Result> waiting;
  std::exception_ptr failure;
  const std::size_t ahead = 4 * static_cast<std::size_t>(threads);
  const auto work = [&] {
    std::unique_lock<std::mutex> lock(mutex);
    while (next < count && !failure) {
      if (next >= next_done + ahead) {  // memory stays bounded when one batch takes long
        delivered.wait(lock);
        continue;
      }
      const std::size_t b = next++;
      try {
        Result result;
        result.targets = load(b);
        lock.unlock();
        try {
          result.flips = attack_batch(network, result.targets, settings);
        } catch (...) {
          lock.lock();
          throw;
        }
        lock.lock();
        waiting[b] = std::move(result);
        for (auto first = waiting.begin(); first != waiting.end() && first->first == next_done; first = waiting.begin()) {
          done(next_done, first->second.targets, first->second.flips);
          waiting.erase(first);
          ++next_done;
        }
      } catch (...) {
        if (!failure) failure = std::current_exception();
      }
      delivered.notify_all();
    }
  };
  std::vector<std::thread> workers;
  for (unsigned t = 1; t < threads; ++t) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace lipcert::attack
